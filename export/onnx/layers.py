"""The sums of one layer as ONNX nodes: Gemm, or Pad, Conv and MaxPool.

Samples and outputs lie as in metabit, row, column, channel; maps between convolutions lie channel
first, as ONNX's operators want them.
"""

from __future__ import annotations

import numpy as np

from metabit.export.onnx.graph import Graph
from metabit.export.onnx.style import Style
from metabit.export.spec import ConvLayer, InputSpec, Layer


def layer_sums(
    graph: Graph, style: Style, layer: Layer, values: str, before: InputSpec | Layer
) -> str:
    """Integer sums of a layer, float32; the sums of a convolution are pooled.

    Args:
        graph: where the nodes go.
        style: how weights are written.
        layer: dense or convolutional.
        values: what the layer reads.
        before: where that comes from.

    Returns:
        a tensor of shape (batch, n_out), or (batch, n_out, rows, columns) of a convolution.
    """
    if isinstance(layer, ConvLayer):
        return _conv(graph, style, layer, values, before)
    name = layer.name
    if isinstance(before, ConvLayer):
        last = graph.node("Transpose", [values], f"{name}/channels_last", perm=[0, 2, 3, 1])
        values = graph.node("Flatten", [last], f"{name}/flat", axis=1)
    elif isinstance(before, InputSpec) and len(before.shape) > 1:
        values = graph.node("Flatten", [values], f"{name}/flat", axis=1)
    weights = style.weights(graph, f"{name}/weight", layer.weights)
    return graph.node("Gemm", [values, weights], f"{name}/sum", transB=1)


def _conv(
    graph: Graph, style: Style, layer: ConvLayer, values: str, before: InputSpec | Layer
) -> str:
    name, window = layer.name, layer.window
    if isinstance(before, InputSpec):
        if len(before.shape) == 2:  # no channel axis: there is one channel
            axis = graph.constant(f"{name}/channel_axis", [1], "int64")
            values = graph.node("Unsqueeze", [values, axis], f"{name}/channels_first")
        else:
            perm = [0, 3, 1, 2]
            values = graph.node("Transpose", [values], f"{name}/channels_first", perm=perm)
    behind = window.kernel_size - 1 - window.before
    if window.padding == "one" and window.kernel_size > 1:
        sides = [0, 0, window.before, window.before, 0, 0, behind, behind]
        pads = graph.constant(f"{name}/pads", sides, "int64")
        plus = graph.shared("+1", 1, "float32")
        values = graph.node("Pad", [values, pads, plus], f"{name}/padded_with_one")
    signs = np.ascontiguousarray(layer.kernels.transpose(0, 3, 1, 2))
    weights = style.weights(graph, f"{name}/weight", signs)
    k, stride, pool = [window.kernel_size] * 2, [window.stride] * 2, [window.pool] * 2
    sums = f"{name}/sum" if window.pool == 1 else f"{name}/sum_before_pool"
    made = graph.node("Conv", [values, weights], sums, kernel_shape=k, strides=stride)
    if window.pool == 1:
        return made
    return graph.node("MaxPool", [made], f"{name}/sum", kernel_shape=pool, strides=pool)
