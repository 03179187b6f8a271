"""Binary layers as int8 operators whose integer arithmetic gives the same bits, always.

An activation is the integer -1 or +1, with scale 1 and zero point 0. A layer adds a bias to its
sums, multiplies by one, and clamps to [-1, +1]: that is the sign, as long as no sum plus bias is 0.
None is, because all of them are odd:

- After a hidden layer a sum of n products of signs has the parity of n, so a threshold can move to
  the integer below it where the difference would be even, and nothing changes.
- The first layer's sums have either parity, so its weights are -2 and +2, which makes all sums
  even, and its bias is odd.

However an interpreter rounds, -1 and +1 stay what they are, and all beyond is clamped to them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tflite
from numpy.typing import NDArray

from metabit.export.fold import INT32_MIN
from metabit.export.spec import ConvLayer, Int8Array, Int32Array, Layer, Threshold
from metabit.export.tflite.graph import Graph, Tensor

_CLAMP = tflite.ActivationFunctionType.RELU_N1_TO_1
_VALID = tflite.Padding.VALID


@dataclass(frozen=True)
class Activation:
    """A tensor of integers between two layers.

    Attributes:
        tensor: its number.
        shape: of one sample.
        scale, zero_point: 1 and 0, but for the network's input.
        is_input: the network's 8-bit input: its parity is not known.
    """

    tensor: int
    shape: tuple[int, ...]
    scale: float = 1.0
    zero_point: int = 0
    is_input: bool = False


def add_hidden(graph: Graph, x: Activation, layer: Layer, threshold: Threshold) -> Activation:
    """Add a hidden layer: sums, pooling, thresholds. Its output is -1 and +1."""
    pooled = isinstance(layer, ConvLayer) and layer.window.pool > 1
    # max(sums) >= t is max(sums >= t), so pooling may come after the sign; a flip may not, and is
    # a multiplication after both. Without pooling a flip is the negated row of weights.
    rows = Threshold(threshold.value, np.zeros_like(threshold.flip)) if pooled else threshold
    weights, bias = _signed(layer, rows, x)
    if not isinstance(layer, ConvLayer):
        return _dense(graph, x, layer, weights, bias)
    y = _convolution(graph, x, layer, weights, bias)
    if pooled:
        y = _pool(graph, y, layer)
        if threshold.flip.any():
            y = _flip(graph, y, layer, threshold)
    return y


def add_input(graph: Graph, x: Activation, name: str) -> Activation:
    """Make an input of uint8 one of int8: the same numbers, 128 less, zero point too."""
    if graph.tensors[x.tensor].dtype == "int8":
        return x
    zero_point = x.zero_point - 128
    y = graph.add("QUANTIZE", [x.tensor], Tensor(name, (-1, *x.shape), "int8", x.scale, zero_point))
    return Activation(y, x.shape, x.scale, zero_point, x.is_input)


# ---- integers ----------------------------------------------------------------------------------


def _signed(layer: Layer, threshold: Threshold, x: Activation) -> tuple[Int8Array, Int32Array]:
    """Weights, shape (n_out, n_in), and bias, (n_out,), with which sum + bias is odd.

    It is positive where the layer's bit is 1 and negative where it is 0.
    """
    largest = layer.n_in * (255 if x.is_input else 1)
    never = threshold.value == INT32_MIN
    flip = threshold.flip & ~never
    # bit = (s >= t) != flip, and s < t is -s >= 1 - t; a constant bit is a threshold out of reach.
    value = threshold.value.astype(np.int64)
    value = np.where(flip, 1 - value, value)
    value = np.where(never, np.where(threshold.flip, largest + 1, -largest), value)
    value = np.clip(value, -largest, largest + 1)
    weights = np.where(flip[:, None], -layer.weights, layer.weights).astype(np.int8)
    if x.is_input:
        return (2 * weights).astype(np.int8), (1 - 2 * value).astype(np.int32)
    is_even = (layer.n_in - value) % 2 == 0
    return weights, np.where(is_even, 1 - value, -value).astype(np.int32)


# ---- operators ---------------------------------------------------------------------------------


def _constants(
    graph: Graph, x: Activation, name: str, weights: NDArray[np.int8], bias: Int32Array
) -> list[int]:
    """Weights and bias, scaled so that the sums are multiplied by one."""
    scale = 1.0 / float(np.float32(x.scale))
    return [
        graph.constant(f"{name}/weights", weights, scale),
        graph.constant(f"{name}/minus_threshold", bias, float(np.float32(scale)) * x.scale),
    ]


def _dense(
    graph: Graph, x: Activation, layer: Layer, weights: Int8Array, bias: Int32Array
) -> Activation:
    y = graph.add(
        "FULLY_CONNECTED",
        [x.tensor, *_constants(graph, x, layer.name, weights, bias)],
        Tensor(layer.name, (-1, layer.n_out), "int8", 1.0),
        FusedActivationFunction=_CLAMP,
    )
    return Activation(y, (layer.n_out,))


def _convolution(
    graph: Graph, x: Activation, layer: ConvLayer, weights: Int8Array, bias: Int32Array
) -> Activation:
    window, k = layer.window, layer.window.kernel_size
    x = _as_map(graph, x, window.in_shape, f"{layer.name}/map")
    if window.padding == "one" and k > 1:
        x = _pad(graph, x, window.before, k - 1 - window.before, f"{layer.name}/padded")
    shape = (*window.sum_sides, layer.n_out)
    kernels = weights.reshape(layer.n_out, k, k, window.in_shape[2])
    y = graph.add(
        "CONV_2D",
        [x.tensor, *_constants(graph, x, layer.name, kernels, bias)],
        Tensor(layer.name, (-1, *shape), "int8", 1.0),
        Padding=_VALID,
        StrideH=window.stride,
        StrideW=window.stride,
        DilationHFactor=1,
        DilationWFactor=1,
        FusedActivationFunction=_CLAMP,
    )
    return Activation(y, shape)


def _as_map(graph: Graph, x: Activation, shape: tuple[int, ...], name: str) -> Activation:
    """The same values as rows, columns and channels."""
    if x.shape == shape:
        return x
    target = graph.constant(f"{name}/shape", np.array([-1, *shape], np.int32))
    output = Tensor(name, (-1, *shape), "int8", x.scale, x.zero_point)
    y = graph.add("RESHAPE", [x.tensor, target], output)
    return Activation(y, shape, x.scale, x.zero_point, x.is_input)


def _pad(graph: Graph, x: Activation, before: int, behind: int, name: str) -> Activation:
    """Put the integer 1, next to the zero point, around a map; the format has made room for it."""
    one = x.zero_point + 1
    sides = np.array([[0, 0], [before, behind], [before, behind], [0, 0]], np.int32)
    value = Tensor(f"{name}/one", (), "int8", x.scale, x.zero_point, value=np.array(one, np.int8))
    rows, columns, channels = x.shape
    shape = (rows + before + behind, columns + before + behind, channels)
    y = graph.add(
        "PADV2",
        [x.tensor, graph.constant(f"{name}/sides", sides), graph.tensor(value)],
        Tensor(name, (-1, *shape), "int8", x.scale, x.zero_point),
    )
    return Activation(y, shape, x.scale, x.zero_point, x.is_input)


def _pool(graph: Graph, x: Activation, layer: ConvLayer) -> Activation:
    side = layer.window.pool
    y = graph.add(
        "MAX_POOL_2D",
        [x.tensor],
        Tensor(f"{layer.name}/pooled", (-1, *layer.out_shape), "int8", 1.0),
        Padding=_VALID,
        StrideH=side,
        StrideW=side,
        FilterHeight=side,
        FilterWidth=side,
    )
    return Activation(y, layer.out_shape)


def _flip(graph: Graph, x: Activation, layer: ConvLayer, threshold: Threshold) -> Activation:
    signs = np.where(threshold.flip, -1, 1).astype(np.int8)
    y = graph.add(
        "MUL",
        [x.tensor, graph.constant(f"{layer.name}/signs", signs, 1.0)],
        Tensor(f"{layer.name}/flipped", (-1, *x.shape), "int8", 1.0),
    )
    return Activation(y, x.shape)
