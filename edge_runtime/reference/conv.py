"""Gradients of a convolution for one sample, in integers, as in `src/learn/backward_conv.c`."""

from __future__ import annotations

import itertools

import numpy as np

from metabit.export.convolve import in_windows, patches
from metabit.export.spec import ConvLayer, Int32Array, Int64Array
from metabit.export.window import Window


def error_bits(layer: ConvLayer, is_input: bool, batch: int) -> int:
    """Bits of an error so that a gradient, a sum over positions and samples, fits 32 bits with its
    sign."""
    places_bits = (layer.n_positions * batch - 1).bit_length()
    return min(15, 31 - places_bits - (8 if is_input else 0))


def gradients(layer: ConvLayer, x: Int64Array, winners: Int64Array, d: Int32Array) -> Int64Array:
    """Gradient of each weight: error times what the kernel saw, summed over positions.

    Args:
        layer: where it looks.
        x: what the layer saw, flat.
        winners: (n_positions, n_out), where in its window of pooling a sum was.
        d: (n_positions, n_out), errors of those sums.

    Returns:
        shape (n_out, n_in).
    """
    seen = patches(x[None], layer.window)
    by_window = in_windows(seen, layer.window.pool)[0].reshape(layer.n_positions, -1, layer.n_in)
    positions = np.arange(layer.n_positions)
    rows = [
        errors @ by_window[positions, winner]
        for errors, winner in zip(d.T.astype(np.int64), winners.T, strict=True)
    ]
    return np.array(rows, dtype=np.int64)


def send_back(window: Window, signs: Int64Array, winners: Int64Array, d: Int32Array) -> Int64Array:
    """Errors of what the layer saw: each goes back through the signs to all that its sum came from.

    Args:
        window: where the layer looks.
        signs: (n_out, n_in), -1 and +1.
        winners, d: see `gradients`.

    Returns:
        flat, in the order of the layer's input.
    """
    k, stride, pool, before = window.kernel_size, window.stride, window.pool, window.before
    (rows, columns), (_, out_columns) = window.sum_sides, window.out_sides
    in_rows, in_columns, channels = window.in_shape
    n_positions, n_out = d.shape
    at_sums = np.zeros((rows, columns, n_out), dtype=np.int64)
    row, column = np.divmod(np.arange(n_positions), out_columns)
    row, column = row[:, None] * pool + winners // pool, column[:, None] * pool + winners % pool
    at_sums[row, column, np.arange(n_out)] = d
    kernels = signs.reshape(n_out, k, k, channels)
    padded = np.zeros((in_rows + k, in_columns + k, channels), dtype=np.int64)
    for a, b in itertools.product(range(k), range(k)):
        seen = padded[a : a + stride * rows : stride, b : b + stride * columns : stride]
        seen += at_sums @ kernels[:, a, b]
    inside = padded[before : before + in_rows, before : before + in_columns]
    return inside.reshape(-1)
