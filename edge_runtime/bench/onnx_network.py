"""Networks of `rival_networks` as ONNX: float, and statically quantized in the QDQ form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from metabit.edge_runtime.bench.rival_networks import INPUT_SCALE, Int8Dense

OPSET, IR_VERSION = 18, 9


def float_model(layers: Sequence[Int8Dense]) -> bytes:
    """Float32 from input (1, n_inputs) to logits: Gemm and Relu."""
    graph = _Graph()
    x = "input"
    for index, layer in enumerate(layers):
        w = graph.constant(f"w{index}", layer.float_weights)
        b = graph.constant(f"b{index}", layer.float_bias)
        x = graph.node("Gemm", [x, w, b], transB=1)
        if index + 1 < len(layers):
            x = graph.node("Relu", [x])
    return graph.finish(x, layers, TensorProto.FLOAT)


def int8_model(layers: Sequence[Int8Dense]) -> bytes:
    """uint8 from input (1, n_inputs), int8 weights, float32 logits.

    Quantizing to uint8 with zero point 0 cuts negative values off: that is the Relu.
    """
    graph = _Graph()
    none = {"u": graph.constant("zero_u", np.uint8(0)), "s": graph.constant("zero_s", np.int8(0))}
    none["i"] = graph.constant("zero_i", np.int32(0))
    scale = graph.constant("input_scale", np.float32(INPUT_SCALE))
    x = graph.node("DequantizeLinear", ["input", scale, none["u"]])
    for index, layer in enumerate(layers):
        unit = np.float32(layer.in_scale * layer.weight_scale)
        parts = [x]
        for name, value, of, kind in (
            ("w", layer.weights, np.float32(layer.weight_scale), "s"),
            ("b", layer.bias, unit, "i"),
        ):
            stored = graph.constant(f"{name}{index}", value)
            of_name = graph.constant(f"{name}{index}_scale", of)
            parts.append(graph.node("DequantizeLinear", [stored, of_name, none[kind]]))
        x = graph.node("Gemm", parts, transB=1)
        if index + 1 < len(layers):
            out = graph.constant(f"out{index}_scale", np.float32(layer.out_scale))
            x = graph.node("QuantizeLinear", [x, out, none["u"]])
            x = graph.node("DequantizeLinear", [x, out, none["u"]])
    return graph.finish(x, layers, TensorProto.UINT8)


class _Graph:
    """Nodes and constants as they come."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def constant(self, name: str, value: np.ndarray | np.generic) -> str:
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], **attributes: int) -> str:
        output = f"{kind}_{len(self._nodes)}"
        made = helper.make_node(kind, list(inputs), [output])
        made.attribute.extend(helper.make_attribute(*pair) for pair in attributes.items())
        self._nodes.append(made)
        return output

    def finish(self, output: str, layers: Sequence[Int8Dense], dtype: int) -> bytes:
        n_inputs, n_outputs = layers[0].weights.shape[1], layers[-1].weights.shape[0]
        graph = helper.make_graph(
            self._nodes, "mlp",
            [helper.make_tensor_value_info("input", dtype, [1, n_inputs])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, n_outputs])],
            self._constants,
        )  # fmt: skip
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
