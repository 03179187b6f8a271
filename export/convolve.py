"""Convolution and max-pooling of integer maps in NumPy: what every other runtime has to equal."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from metabit.export.spec import ConvLayer, Float32Array, Int32Array, Int64Array, Layer
from metabit.export.window import Window

Number = TypeVar("Number", Float32Array, Int64Array)


def patches(x: Int64Array, window: Window) -> Int64Array:
    """What the kernel sees at each position of the sums, before pooling.

    Args:
        x: shape (n, rows * columns * channels) or (n, rows, columns, channels).

    Returns:
        shape (n, sum rows, sum columns, window.n_in), in the order of a row of weights.
    """
    maps = x.reshape(len(x), *window.in_shape)
    k, stride = window.kernel_size, window.stride
    if window.padding == "one":
        sides = (window.before, k - 1 - window.before)
        maps = np.pad(maps, ((0, 0), sides, sides, (0, 0)), constant_values=1)
    seen = sliding_window_view(maps, (k, k), axis=(1, 2))[:, ::stride, ::stride]
    # (n, rows, columns, channels, k, k): the kernel's own axes go before the channels
    return seen.transpose(0, 1, 2, 4, 5, 3).reshape(*seen.shape[:3], window.n_in)


def in_windows(sums: Number, pool: int) -> Number:
    """Sums by window of max-pooling.

    Args:
        sums: shape (n, rows, columns, channels).
        pool: side of a window.

    Returns:
        shape (n, rows // pool, columns // pool, pool * pool, channels); a window row after row.
    """
    n, rows, columns, channels = sums.shape
    out_rows, out_columns = rows // pool, columns // pool
    full = sums[:, : out_rows * pool, : out_columns * pool]
    split = full.reshape(n, out_rows, pool, out_columns, pool, channels)
    return split.transpose(0, 1, 3, 2, 4, 5).reshape(n, out_rows, out_columns, pool**2, channels)


def window_sums(layer: Layer, x: Int64Array) -> Int32Array:
    """Integer sums of a layer; the sums of a convolution by window of pooling.

    Args:
        layer: dense or convolutional.
        x: shape (n, values), what the layer before hands on; flat maps are row, column, channel.

    Returns:
        shape (n, n_positions, positions in a window, n_out), int32; a window has 1 position
        without pooling.
    """
    # float32 holds all partial sums, which stay below 2**24, and multiplies matrices faster.
    weights = layer.weights.T.astype(np.float32)
    if isinstance(layer, ConvLayer):
        sums = in_windows(patches(x, layer.window).astype(np.float32) @ weights, layer.window.pool)
    else:
        sums = x.astype(np.float32) @ weights
    in_window = layer.window.pool**2 if isinstance(layer, ConvLayer) else 1
    shape = (len(x), layer.n_positions, in_window, layer.n_out)
    shaped: Int32Array = sums.reshape(shape).astype(np.int32)
    return shaped


def layer_sums(layer: Layer, x: Int64Array) -> Int32Array:
    """The largest sum of each window, shape (n, n_positions, n_out); see `window_sums`."""
    largest: Int32Array = window_sums(layer, x).max(axis=2)
    return largest
