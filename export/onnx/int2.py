"""Style "int2": two bits per weight, in ONNX's own type for them (opset 25)."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from metabit.export.onnx.graph import Graph
from metabit.export.onnx.style import Style
from metabit.export.spec import Int8Array


class Int2(Style):
    """INT2 tensors and DequantizeLinear: fewer nodes than "packed", for runtimes since 2026."""

    name = "int2"
    opset = 25
    ir_version = 13

    def weights(self, graph: Graph, name: str, signs: Int8Array) -> str:
        """One DequantizeLinear with the scale 1."""
        tensor = TensorProto(
            name=f"{name}.int2", data_type=TensorProto.INT2, dims=signs.shape,
            raw_data=two_bits(signs),
        )  # fmt: skip
        scale = graph.shared("weight_scale", 1, "float32")
        return graph.node("DequantizeLinear", [graph.tensor(tensor), scale], name)


def two_bits(signs: Int8Array) -> bytes:
    """Signs in two's complement of two bits, four to a byte, the first in the lowest bits."""
    codes = (signs.reshape(-1) & 3).astype(np.uint8)
    codes = np.concatenate([codes, np.zeros(-codes.size % 4, dtype=np.uint8)]).reshape(-1, 4)
    return bytes(codes[:, 0] | codes[:, 1] << 2 | codes[:, 2] << 4 | codes[:, 3] << 6)
