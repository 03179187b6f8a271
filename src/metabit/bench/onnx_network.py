"""Networks of `rival_networks` as ONNX: float, and statically quantized in the QDQ form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from metabit.bench.rival_networks import INPUT_SCALE, Int8Layer

OPSET, IR_VERSION = 18, 9


def float_model(layers: Sequence[Int8Layer]) -> bytes:
    """Float32 from input (1, n_inputs) or (1, channels, rows, columns) to the last layer's sums."""
    graph = _Graph()
    x = "input"
    for index, layer in enumerate(layers):
        rows, behind_map = _weights(layers, index)
        w = graph.constant(f"w{index}", rows.astype(np.float32) * np.float32(layer.weight_scale))
        b = graph.constant(f"b{index}", layer.float_bias)
        x = graph.layer(layer, graph.node("Flatten", [x]) if behind_map else x, w, b)
        if not layer.last:
            x = graph.pool(layer, graph.node("Relu", [x]))
    return graph.finish(x, layers, TensorProto.FLOAT)


def int8_model(layers: Sequence[Int8Layer]) -> bytes:
    """uint8 input of the same shape, int8 weights, float32 sums of a last dense layer.

    Quantizing to uint8 with zero point 0 cuts negative values off: that is the Relu.
    """
    graph = _Graph()
    zeros = {kind: np.dtype(kind).type(0) for kind in ("uint8", "int8", "int32")}
    zero = {kind: graph.constant(f"zero_{kind}", value) for kind, value in zeros.items()}
    scale = graph.constant("input_scale", np.float32(INPUT_SCALE))
    x = graph.node("DequantizeLinear", ["input", scale, zero["uint8"]])
    for index, layer in enumerate(layers):
        rows, behind_map = _weights(layers, index)
        unit = layer.in_scale * layer.weight_scale
        w = graph.dequantized(f"w{index}", rows, layer.weight_scale, zero["int8"])
        b = graph.dequantized(f"b{index}", layer.bias, unit, zero["int32"])
        x = graph.layer(layer, graph.node("Flatten", [x]) if behind_map else x, w, b)
        if layer.last and layer.shape.window is None:
            break
        out = graph.constant(f"out{index}_scale", np.float32(layer.out_scale))
        quantized = graph.node("QuantizeLinear", [x, out, zero["uint8"]])
        x = graph.node("DequantizeLinear", [graph.pool(layer, quantized), out, zero["uint8"]])
    return graph.finish(x, layers, TensorProto.UINT8)


def _weights(layers: Sequence[Int8Layer], index: int) -> tuple[NDArray[np.int8], bool]:
    """Weights as ONNX has them, and whether the layer is dense after a map.

    ONNX puts channels first: in kernels (n_out, channels, k, k), and in what a map flattens to.
    """
    layer = layers[index]
    window = layer.shape.window
    if window is not None:
        k = window.kernel_size
        kernels = layer.weights.reshape(layer.shape.n_out, k, k, -1)
        return np.ascontiguousarray(kernels.transpose(0, 3, 1, 2)), False
    before = layers[index - 1].shape if index else None
    if before is None or before.window is None:
        return layer.weights, False
    maps = layer.weights.reshape(layer.shape.n_out, *before.window.out_sides, before.n_out)
    return np.ascontiguousarray(maps.transpose(0, 3, 1, 2)).reshape(layer.weights.shape), True


class _Graph:
    """Nodes and constants as they come."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def constant(self, name: str, value: np.ndarray[Any, Any] | np.generic) -> str:
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def dequantized(self, name: str, value: NDArray[Any], scale: float, zero: str) -> str:
        inputs = [self.constant(name, value), self.constant(f"{name}_scale", np.float32(scale))]
        return self.node("DequantizeLinear", [*inputs, zero])

    def layer(self, layer: Int8Layer, x: str, weights: str, bias: str) -> str:
        window = layer.shape.window
        if window is None:
            return self.node("Gemm", [x, weights, bias], transB=1)
        behind = window.kernel_size // 2 if window.padding == "one" else 0
        pads = [window.before, window.before, behind, behind]
        strides = [window.stride] * 2
        return self.node("Conv", [x, weights, bias], pads=pads, strides=strides)

    def pool(self, layer: Int8Layer, x: str) -> str:
        """The largest of each window; most layers have none."""
        window = layer.shape.window
        if window is None or window.pool == 1:
            return x
        sides = [window.pool] * 2
        return self.node("MaxPool", [x], kernel_shape=sides, strides=sides)

    def node(self, kind: str, inputs: Sequence[str], **attributes: int | list[int]) -> str:
        output = f"{kind}_{len(self._nodes)}"
        made = helper.make_node(kind, list(inputs), [output])
        made.attribute.extend(helper.make_attribute(*pair) for pair in attributes.items())
        self._nodes.append(made)
        return output

    def finish(self, output: str, layers: Sequence[Int8Layer], dtype: int) -> bytes:
        *sides, n_channels = layers[0].in_shape
        window, n_out = layers[-1].shape.window, layers[-1].shape.n_out
        out_shape = [1, n_out, *(() if window is None else window.out_sides)]
        graph = helper.make_graph(
            self._nodes, "plain",
            [helper.make_tensor_value_info("input", dtype, [1, n_channels, *sides])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, out_shape)],
            self._constants,
        )  # fmt: skip
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
