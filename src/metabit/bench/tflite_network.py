"""Networks of `rival_networks` as TFLite files: float, and statically quantized to int8."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tflite

from metabit.bench.rival_networks import Int8Layer
from metabit.export.tflite.graph import Graph, Tensor, dumps
from metabit.export.window import Window

#: Activations from 0 to 255 are stored as int8, less 128.
ZERO_POINT = -128


def float_model(layers: Sequence[Int8Layer]) -> bytes:
    """Float32 from input (1, n_inputs) or (1, rows, columns, channels) to the last sums."""
    return _model(layers, quantized=False)


def int8_model(layers: Sequence[Int8Layer]) -> bytes:
    """int8 from the same input to the last sums."""
    return _model(layers, quantized=True)


def _model(layers: Sequence[Int8Layer], quantized: bool) -> bytes:
    graph = Graph()
    first = layers[0]
    x = graph.tensor(_activation("input", first.in_shape, first.in_scale, ZERO_POINT, quantized))
    y = x
    for index, layer in enumerate(layers):
        y = _add(graph, y, f"y{index}", layer, quantized)
    return dumps(graph, [x], [y], name="rival", description="", metadata={})


def _activation(
    name: str, shape: Sequence[int], scale: float, zero_point: int, quantized: bool
) -> Tensor:
    """A tensor of one sample."""
    if quantized:
        return Tensor(name, (1, *shape), "int8", scale, zero_point)
    return Tensor(name, (1, *shape), "float32")


def _add(graph: Graph, x: int, name: str, layer: Int8Layer, quantized: bool) -> int:
    """Add a layer after x; returns its output."""
    window, n_out = layer.shape.window, layer.shape.n_out
    # The last sums have both signs: their range is centred.
    scale, zero = (2 * layer.out_scale, 0) if layer.last else (layer.out_scale, ZERO_POINT)
    kinds = tflite.ActivationFunctionType
    clamp = kinds.NONE if layer.last else kinds.RELU
    if window is None:
        x = _flattened(graph, x, f"{name}/flat")
        inputs = [x, *_constants(graph, name, layer, (n_out, layer.shape.n_in), quantized)]
        output = _activation(name, (n_out,), scale, zero, quantized)
        return graph.add("FULLY_CONNECTED", inputs, output, FusedActivationFunction=clamp)
    k = window.kernel_size
    inputs = [x, *_constants(graph, name, layer, (n_out, k, k, window.in_shape[2]), quantized)]
    output = _activation(name, (*window.sum_sides, n_out), scale, zero, quantized)
    y = graph.add(
        "CONV_2D", inputs, output,
        Padding=tflite.Padding.SAME if window.padding == "one" else tflite.Padding.VALID,
        StrideH=window.stride, StrideW=window.stride, FusedActivationFunction=clamp,
        DilationHFactor=1, DilationWFactor=1,
    )  # fmt: skip
    if window.pool == 1:
        return y
    pooled = _activation(f"{name}/pooled", (*window.out_sides, n_out), scale, zero, quantized)
    return _pooled(graph, y, pooled, window)


def _constants(
    graph: Graph, name: str, layer: Int8Layer, shape: tuple[int, ...], quantized: bool
) -> list[int]:
    """Weights in this shape, and bias."""
    if not quantized:
        weights = graph.constant(f"{name}/weights", layer.float_weights.reshape(shape))
        return [weights, graph.constant(f"{name}/bias", layer.float_bias)]
    scale = layer.weight_scale
    weights = graph.constant(f"{name}/weights", layer.weights.reshape(shape), scale)
    return [weights, graph.constant(f"{name}/bias", layer.bias, scale * layer.in_scale)]


def _pooled(graph: Graph, x: int, output: Tensor, window: Window) -> int:
    side = window.pool
    return graph.add(
        "MAX_POOL_2D", [x], output, Padding=tflite.Padding.VALID,
        StrideH=side, StrideW=side, FilterHeight=side, FilterWidth=side,
    )  # fmt: skip


def _flattened(graph: Graph, x: int, name: str) -> int:
    """All values of a map in a row."""
    tensor = graph.tensors[x]
    if len(tensor.shape) == 2:
        return x
    shape = (1, math.prod(tensor.shape))
    target = graph.constant(f"{name}/shape", np.array(shape, np.int32))
    output = Tensor(name, shape, tensor.dtype, tensor.scale, tensor.zero_point)
    return graph.add("RESHAPE", [x, target], output)
