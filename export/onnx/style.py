"""What differs between the four styles: how weights are kept, and how a bit is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from metabit.export.onnx.graph import Graph
from metabit.export.spec import BoolArray, Int8Array, Int32Array, Threshold


@dataclass(frozen=True)
class Fold:
    """The thresholds of one layer, of all banks.

    Attributes:
        value: shape (n_banks, n_out), int32.
        flip: shape (n_banks, n_out), bool.
        spatial: dimensions of the layer's sums after the channels: 0, or 2 for images.
    """

    value: Int32Array
    flip: BoolArray
    spatial: int = 0

    @staticmethod
    def of(thresholds: Sequence[Threshold], spatial: int = 0) -> Fold:
        """Of a layer of `metabit.export.spec`."""
        value = np.stack([threshold.value for threshold in thresholds])
        return Fold(value, np.stack([threshold.flip for threshold in thresholds]), spatial)


class Style(ABC):
    """One way to write binary weights and activations.

    Attributes:
        name: as in ``--style``.
        opset: version of the ONNX operators that it needs.
        ir_version: version of the file format that goes with it.
    """

    name: str
    opset: int = 18
    ir_version: int = 8

    @abstractmethod
    def weights(self, graph: Graph, name: str, signs: Int8Array) -> str:
        """Binary weights as a float32 tensor of the same shape.

        Args:
            graph: where the constants and nodes go.
            name: of the tensor to make.
            signs: shape (n_out, ...), each -1 or +1.
        """

    def signs(self, graph: Graph, layer: str, sums: str, fold: Fold) -> str:
        """The layer's bits as -1 or +1, float32: (sums >= threshold) != flip.

        Args:
            graph: where the nodes go.
            layer: name of the layer.
            sums: the integer sums, float32.
            fold: its thresholds.
        """
        threshold = graph.channels(f"{layer}/threshold", fold.value, "float32", fold.spatial)
        bits = graph.node("GreaterOrEqual", [sums, threshold], f"{layer}/at_threshold")
        if fold.flip.any():
            flip = graph.channels(f"{layer}/flip", fold.flip, "bool", fold.spatial)
            bits = graph.node("Xor", [bits, flip], f"{layer}/bit")
        plus, minus = graph.shared("+1", 1, "float32"), graph.shared("-1", -1, "float32")
        return graph.node("Where", [bits, plus, minus], f"{layer}/sign")

    def functions(self) -> Sequence[onnx.FunctionProto]:
        """Operators that the file itself explains with standard ones."""
        return ()
