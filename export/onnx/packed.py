"""Style "packed": one bit per weight, eight to a byte, unpacked by standard operators."""

from __future__ import annotations

import math

import numpy as np
from onnx import TensorProto

from metabit.export.onnx.graph import Graph
from metabit.export.onnx.style import Style
from metabit.export.spec import Int8Array

_TABLE = "signs_of_byte"


class Packed(Style):
    """Rows of bytes, least significant bit first, looked up in a table of 256 times 8 signs.

    A runtime that folds constants, such as ONNX Runtime, unpacks once when it loads the file.
    """

    name = "packed"

    def weights(self, graph: Graph, name: str, signs: Int8Array) -> str:
        """Cast, Gather, Reshape, and a Slice where a row does not fill its last byte."""
        n_out, n_in = signs.shape[0], math.prod(signs.shape[1:])
        rows = np.packbits(signs.reshape(n_out, n_in) > 0, axis=1, bitorder="little")
        packed = graph.constant(f"{name}.packed", rows)
        # Gather takes no bytes as indices.
        index = graph.node("Cast", [packed], f"{name}.byte", to=TensorProto.INT32)
        looked_up = graph.node("Gather", [_table(graph), index], f"{name}.bits", axis=0)
        if n_in % 8 == 0:
            return self._reshape(graph, looked_up, name, signs.shape)
        padded = self._reshape(graph, looked_up, f"{name}.padded", (n_out, rows.shape[1] * 8))
        ends = [graph.constant(f"{name}.{key}", [value], "int64")
                for key, value in (("start", 0), ("end", n_in), ("axis", 1))]  # fmt: skip
        if signs.ndim == 2:
            return graph.node("Slice", [padded, *ends], name)
        cut = graph.node("Slice", [padded, *ends], f"{name}.rows")
        return self._reshape(graph, cut, name, signs.shape)

    def _reshape(self, graph: Graph, tensor: str, name: str, shape: tuple[int, ...]) -> str:
        target = graph.constant(f"{name}.shape", shape, "int64")
        return graph.node("Reshape", [tensor, target], name)


def _table(graph: Graph) -> str:
    """The eight signs of each byte, shape (256, 8), float32; a quarter of that in the file."""
    if graph.has(_TABLE):
        return _TABLE
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
    small = graph.constant(f"{_TABLE}.int8", 2 * bits.astype(np.int8) - 1)
    return graph.node("Cast", [small], _TABLE, to=TensorProto.FLOAT)
