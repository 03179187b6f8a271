"""Style "float": every weight a float32, for tools that know nothing else."""

from __future__ import annotations

from metabit.export.onnx.graph import Graph
from metabit.export.onnx.style import Style
from metabit.export.spec import Int8Array


class Plain(Style):
    """Weights -1.0 and +1.0, 32 bits each."""

    name = "float"

    def weights(self, graph: Graph, name: str, signs: Int8Array) -> str:
        """One constant."""
        return graph.constant(name, signs, "float32")
