"""Chooses the scales of a front end from training windows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.trainer.frontend.features import scaled, values_of
from metabit.trainer.frontend.front_end import (
    COUNT_LIMIT,
    FEATURE_UNIT,
    MAX_FEATURE_SHIFT,
    MAX_SHIFT,
    FrontEnd,
    Operations,
)

_AMPLITUDE = 8192
"""Where the 99.9th percentile of a channel comes to lie: a quarter of what can be held."""

_LONG_TAIL = 4
"""Where one end is so many times as far from the middle as the other, it is a long tail."""


def fit(
    windows: NDArray[np.integer], does: Operations, unit: NDArray[np.float32] | None = None
) -> FrontEnd:
    """A front end whose channels fill their range, and whose features have mean 0.

    Args:
        windows: training windows of counts, shape (n, length, n_channels), within int16.
        does: the operations.
        unit: what one count of each channel stands for; None for 1.

    Raises:
        InputError: the operations break a limit, or there are no windows (E-FRONTEND).
    """
    problem = does.problem() or (None if len(windows) else "no windows to choose scales from")
    if problem:
        raise InputError(f"front end: {problem}", code="E-FRONTEND")
    flat = windows.reshape(-1, does.n_channels).astype(np.int64)
    offset = np.rint(np.median(flat, axis=0)).astype(np.int32)
    if does.length == 1 and does.log != "none":
        offset = _where_tails_begin(flat, offset)
    amplitude = np.quantile(np.abs(flat - offset), 0.999, axis=0)
    ratio = _AMPLITUDE / np.maximum(amplitude, 0.5)
    multiplier, shift = as_product(ratio, COUNT_LIMIT, MAX_SHIFT)
    units = np.ones(does.n_channels, np.float32) if unit is None else unit.astype(np.float32)
    none = np.zeros(does.n_features, dtype=np.int32)
    front_end = FrontEnd(does, offset, np.maximum(multiplier, 1), shift, units, none, none, none)
    values = values_of(scaled(windows, front_end)[0], does)
    centre = np.rint(values.mean(axis=0)).astype(np.int32)
    deviation = values.std(axis=0)
    wanted = np.where(deviation > 0, FEATURE_UNIT / np.maximum(deviation, 0.5), 0.0)
    gain, gain_shift = as_product(wanted, 65_535, MAX_FEATURE_SHIFT)
    return FrontEnd(does, offset, front_end.multiplier, shift, units, centre, gain, gain_shift)


def _where_tails_begin(counts: NDArray[np.int64], middle: NDArray[np.int32]) -> NDArray[np.int32]:
    """The offset of each channel of single rows whose logarithms are taken.

    A logarithm is of the distance from the offset. Values with a long tail on one side, such as
    concentrations and powers, are all on one side of their other end; from the middle, those on
    its two sides would look alike.

    Args:
        counts: rows, shape (n, n_channels).
        middle: the offset of the others.
    """
    low, high = np.quantile(counts, [0.001, 0.999], axis=0)
    below, above = middle - low, high - middle
    upward = np.where(above > _LONG_TAIL * below, counts.min(axis=0), middle)
    return np.where(below > _LONG_TAIL * above, counts.max(axis=0), upward).astype(np.int32)


def as_product(
    ratio: NDArray[np.float64], most: int, max_shift: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Integers with multiplier / 2**shift near each ratio; 0 and 0 for a ratio of 0."""
    room = np.floor(np.log2(most / np.maximum(ratio, 1e-12)))
    shift = np.where(ratio > 0, np.clip(room, 0, max_shift), 0).astype(np.int32)
    multiplier = np.clip(np.rint(ratio * np.exp2(shift)), 0, most)
    return multiplier.astype(np.int32), shift
