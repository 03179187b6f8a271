"""Scales from the first rows of a stream, with room for what comes later.

Few rows say little: a value may wander off, an outlier among them says nothing of the others, and
what never moved in them may move later. So scales follow the middle of the rows, and leave room.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from metabit.trainer.frontend.features import to_counts
from metabit.trainer.frontend.fit import as_product
from metabit.trainer.frontend.front_end import (
    COUNT_LIMIT,
    MAX_FEATURE_SHIFT,
    MAX_SHIFT,
    FrontEnd,
    Operations,
)

STEPS = 12
"""Steps of a feature per deviation: 8 bits leave room for ten deviations to either side. With 32
steps a value that wandered off was lost; of 8, 12, 16 and 32 all but 32 did as well elsewhere."""
_ROOM = 16
"""Deviations that counts hold."""
_TAIL = 5
"""Percent of the rows at either end that say nothing of the deviation."""
_IN_DEVIATIONS = 2 * NormalDist().inv_cdf(1 - _TAIL / 100)
_UNMOVED = 8
"""A value that never moved is thought to deviate by this share of itself, or by 1 if it is 0."""


def fit_first_rows(x: NDArray[np.float64]) -> FrontEnd:
    """A front end that gives each real feature a scale of its own.

    Args:
        x: the rows that are known, shape (n, n_features), finite.
    """
    n_features = x.shape[1]
    middle, deviation = np.median(x, axis=0), _deviation(x)
    held = (np.abs(middle) + _ROOM * deviation) / COUNT_LIMIT
    unit = np.clip(held, 1e-30, 1e30).astype(np.float32)
    offset = to_counts(middle[np.newaxis], unit)[0][0].astype(np.int32)
    multiplier, shift = as_product(COUNT_LIMIT * unit / (_ROOM * deviation), COUNT_LIMIT, MAX_SHIFT)
    steps = np.full(n_features, STEPS * _ROOM / COUNT_LIMIT)
    gain, gain_shift = as_product(steps, 65_535, MAX_FEATURE_SHIFT)
    does = Operations(n_features, length=1, hop=1, statistics=("mean",), log="none")
    centre = np.zeros(n_features, dtype=np.int32)
    return FrontEnd(
        does, offset, np.maximum(multiplier, 1), shift, unit, centre, gain, gain_shift
    )  # fmt: skip


def _deviation(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the middle of the rows, or where that does not move, of all of them: above 0."""
    low, high = np.percentile(x, [_TAIL, 100 - _TAIL], axis=0)
    found = np.where(high > low, (high - low) / _IN_DEVIATIONS, x.std(axis=0))
    size = np.abs(np.median(x, axis=0))
    unmoved = np.where(size > 0, size / _UNMOVED, 1.0)
    # What rounding leaves of equal numbers is no deviation.
    deviation: NDArray[np.float64] = np.where(found > 1e-9 * size, found, unmoved)
    return deviation
