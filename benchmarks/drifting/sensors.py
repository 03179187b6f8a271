"""Streams as bad sensors give them: outliers, other units, gain and offset that wander."""

from __future__ import annotations

import numpy as np

from benchmarks.drifting.stream import N_ROWS, Labels, Stream, relabelled


def heavy_tails(seed: int) -> Stream:
    """Nine values with tails of Student's t or log-normal, in units from a millionth to a million.

    The sign of a sum decides between three classes, and its weights wander.
    """
    rng = np.random.default_rng(seed)
    raw = np.hstack([rng.standard_t(2.0, (N_ROWS, 6)), np.exp(rng.normal(0, 1.2, (N_ROWS, 3)))])
    weights = rng.normal(0, 1, 9) + np.cumsum(rng.normal(0, 0.012, (N_ROWS, 9)), axis=0)
    value = (np.clip(raw, -4, 4) * weights).sum(axis=1) + rng.normal(0, 0.5, N_ROWS)
    y = np.digitize(value, np.quantile(value, [0.3, 0.7])).astype(np.int64)
    return Stream(raw * 10.0 ** rng.integers(-6, 7, 9), y)


def gain_and_offset(seed: int) -> Stream:
    """Five states of eight sensors whose offsets walk ten deviations, and whose gains double."""
    rng = np.random.default_rng(seed)
    y = _stays(rng, 5, 40)
    clean = rng.normal(0, 1, (5, 8))[y] + rng.normal(0, 0.7, (N_ROWS, 8))
    when = np.linspace(0, 1, N_ROWS)[:, np.newaxis]
    gain = 1 + when * rng.uniform(-0.5, 1, 8)
    offset = when * rng.normal(0, 10, 8)
    return Stream(100 + 25 * (gain * clean + offset), y)


def outages(seed: int) -> Stream:
    """Six states of ten sensors, of which now and then one sticks or gives spikes."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 6, N_ROWS)
    x = rng.normal(0, 1, (6, 10))[y] + rng.normal(0, 0.7, (N_ROWS, 10))
    for begin in range(600, N_ROWS, 900):
        sensor, rows = int(rng.integers(10)), slice(begin, begin + 450)
        x[rows, sensor] = x[begin, sensor]
    spikes = rng.random(x.shape) < 0.01
    x = np.where(spikes, rng.normal(0, 200, x.shape), x)
    return Stream(x, relabelled(y, 0.05, 6, rng))


def _stays(rng: np.random.Generator, k: int, length: int) -> Labels:
    """Classes that stay for about so many rows: shape (N_ROWS,)."""
    changes = rng.random(N_ROWS) < 1 / length
    y: Labels = rng.integers(0, k, int(changes.sum()) + 1)[np.cumsum(changes)]
    return y
