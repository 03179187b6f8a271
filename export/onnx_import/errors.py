"""How the import refuses: a layer, why, and what is known."""

from __future__ import annotations

import onnx

from metabit.errors import FormatError


def refuse(where: str, why: str) -> FormatError:
    """A network that is no chain of binary layers."""
    return FormatError(f"{where}: cannot be imported: {why}", code="E-IMPORT")


def node_name(node: onnx.NodeProto) -> str:
    """A node for people: operator and name."""
    return f"{node.op_type} {node.name or node.output[0]}"
