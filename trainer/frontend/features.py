"""The operations of a front end on many windows at once; docs/FRONTEND.md is the specification."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.trainer.frontend.front_end import COUNT_LIMIT, FEATURE_LIMIT, FrontEnd, Operations
from metabit.trainer.frontend.integers import ONE, TURN, Int64, cosine, log2, root, shifted, sine

_CHUNK_VALUES = 1 << 18  # of windows that are transformed at a time: they fit the cache


def to_counts(values: NDArray[Any], unit: NDArray[np.float32]) -> tuple[NDArray[np.int16], int]:
    """Real values as counts, and how many of them did not fit.

    Args:
        values: shape (..., n_channels), finite.
        unit: what one count stands for, shape (n_channels,).
    """
    counts = np.rint(np.asarray(values, dtype=np.float64) / unit)
    limited = np.clip(counts, -COUNT_LIMIT - 1, COUNT_LIMIT)
    return limited.astype(np.int16), int((counts != limited).sum())


def scaled(frames: NDArray[np.integer], front_end: FrontEnd) -> tuple[Int64, int]:
    """Counts of any shape (..., n_channels) brought to one scale, and how many were limited."""
    centred = frames.astype(np.int64) - front_end.offset
    values = shifted(centred * front_end.multiplier, front_end.shift)
    limited = np.clip(values, -COUNT_LIMIT, COUNT_LIMIT)
    return limited, int((values != limited).sum())


def values_of(windows: Int64, does: Operations) -> Int64:
    """Statistics, bands and logarithms of scaled windows.

    Args:
        windows: shape (n, length, n_channels), scaled.
        does: the operations.

    Returns:
        shape (n, n_features), before centres and gains.
    """
    step = max(1, _CHUNK_VALUES // (does.n_transform * does.n_channels))
    rows = [_row(windows[at : at + step], does) for at in range(0, len(windows), step)]
    return np.concatenate(rows) if rows else np.zeros((0, does.n_features), dtype=np.int64)


def _row(windows: Int64, does: Operations) -> Int64:
    x = windows.transpose(0, 2, 1)
    mean = _mean(x)
    columns = [_statistic(name, x, mean) for name in does.statistics]
    if does.edges:
        columns += _bands(x - mean[..., np.newaxis], does)
    plain = np.stack(columns, axis=-1).reshape(len(x), does.n_values)
    if does.log == "none":
        return plain
    logs = log2(plain)
    return logs if does.log == "only" else np.concatenate([plain, logs], axis=1)


def _mean(x: Int64) -> Int64:
    n = x.shape[-1]
    mean: Int64 = (2 * x.sum(axis=-1) + n) // (2 * n)
    return mean


def _statistic(name: str, x: Int64, mean: Int64) -> Int64:
    """One statistic of each channel: (n, n_channels, length) to (n, n_channels)."""
    n, total = x.shape[-1], x.sum(axis=-1)
    values: Int64
    if name == "mean":
        values = mean
    elif name == "deviation":
        values = root((n * (x * x).sum(axis=-1) - total * total).astype(np.uint64)) // n
    elif name == "minimum":
        values = x.min(axis=-1)
    elif name == "maximum":
        values = x.max(axis=-1)
    else:
        values = np.abs(np.diff(x, axis=-1)).sum(axis=-1) // (n - 1)
    return values


def _bands(centred: Int64, does: Operations) -> list[Int64]:
    """Root of the summed power of each band, of values less their mean."""
    taper = ONE - cosine(np.arange(does.length) * TURN // does.length)
    room = (*centred.shape[:-1], does.n_transform)
    re: Int64 = np.zeros(room, dtype=np.int64)
    re[..., : does.length] = shifted(centred * taper, 15)
    re, im = transform(re, np.zeros_like(re))
    power = (re * re + im * im).astype(np.uint64)
    pairs = zip(does.edges[:-1], does.edges[1:], strict=True)
    return [root(power[..., low:high].sum(axis=-1)) for low, high in pairs]


def transform(re: Int64, im: Int64) -> tuple[Int64, Int64]:
    """The discrete Fourier transform along the last axis, a power of two of at most 1024 points.

    Radix 2, decimation in time. Each product of a value and a sine is rounded once.
    """
    n = re.shape[-1]
    order = _reversed_bits(n)
    re, im = re[..., order], im[..., order]
    half = 1
    while half < n:
        grid = (*re.shape[:-1], n // (2 * half), 2, half)
        a: Int64 = re.reshape(grid)
        b: Int64 = im.reshape(grid)
        k = np.arange(half) * (TURN // (2 * half))
        c, s = cosine(k), sine(k)
        turned_re = shifted(a[..., 1, :] * c + b[..., 1, :] * s, 14)
        turned_im = shifted(b[..., 1, :] * c - a[..., 1, :] * s, 14)
        re = np.stack([a[..., 0, :] + turned_re, a[..., 0, :] - turned_re], axis=-2)
        im = np.stack([b[..., 0, :] + turned_im, b[..., 0, :] - turned_im], axis=-2)
        re, im = re.reshape(*grid[:-3], n), im.reshape(*grid[:-3], n)
        half *= 2
    return re, im


def _reversed_bits(n: int) -> Int64:
    """0 to n - 1 with their bits in reverse order."""
    order = np.zeros(1, dtype=np.int64)
    while len(order) < n:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


def rows_of(windows: NDArray[np.integer], front_end: FrontEnd) -> NDArray[np.int8]:
    """Rows of features, shape (n, n_features), of windows of counts, (n, length, n_channels)."""
    values = values_of(scaled(windows, front_end)[0], front_end.does)
    centred = (values - front_end.centre) * front_end.gain
    limited = np.clip(shifted(centred, front_end.gain_shift), -FEATURE_LIMIT, FEATURE_LIMIT)
    return limited.astype(np.int8)


def windows_of(frames: NDArray[Any], does: Operations) -> NDArray[Any]:
    """Every whole window of one recording, (n_frames, n_channels): (n, length, n_channels)."""
    n = max(0, (len(frames) - does.length) // does.hop + 1)
    starts = np.arange(n) * does.hop
    windows: NDArray[Any] = frames[starts[:, np.newaxis] + np.arange(does.length)]
    return windows


def samples_of(frames: NDArray[np.integer], front_end: FrontEnd) -> NDArray[np.int8]:
    """The samples that one recording of counts, (n_frames, n_channels), becomes: (n, n_inputs)."""
    does = front_end.does
    rows = rows_of(windows_of(frames, does), front_end)
    n = max(0, len(rows) - does.stack + 1)
    last = np.arange(n)[:, np.newaxis] + np.arange(does.stack)
    samples: NDArray[np.int8] = rows[last].reshape(n, does.n_inputs)
    return samples
