"""What `fit` takes where nobody names a network: logarithms or none, a hidden layer or none.

Few samples are learnt by heart by a wide layer, and a head straight on the features is then the
better classifier; features with long tails say more as logarithms. Both are seen on rows that are
held out, before all rows are learnt from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.engine import Engine
from metabit.export.container import dumps
from metabit.fitting.fronts import linear_accuracy
from metabit.sklearn.features import Real, RealFeatures
from metabit.sklearn.networks import Wanted, trained
from metabit.trainer.arrays import Course
from metabit.trainer.frontend.front_end import MAX_CHANNELS

HIDDEN: tuple[tuple[int, ...], ...] = ((256,), ())
"""Layers that are tried, first those that know more of what may come later."""
CLEARLY = 0.01
"""So much more often right has another choice to be, because the rows that say so are few."""
LEAST_ROWS = 20
"""Rows without which nothing can be compared: the first choice is taken."""
MOST_ROWS = 4000
"""Rows, drawn, that choices are compared with."""
FEW_ROWS = 1000
"""Up to so many, three quarters of the rows are held out in turn; of more, one quarter once."""

Masks = list[NDArray[np.bool_]]


def features_of(x: Real, y: NDArray[np.int64], seed: int) -> RealFeatures:
    """Scales of rows, and logarithms beside the values where a linear classifier needs them.

    Args:
        x: the rows, shape (n, n_features), finite.
        y: their labels from 0, shape (n,).
        seed: of what is held out.
    """
    plain, rows = RealFeatures.of(x), _some(len(x), seed)
    if 2 * x.shape[1] > MAX_CHANNELS or len(rows) < LEAST_ROWS:
        return plain
    held = _folds(y[rows], seed)
    ways = [plain, RealFeatures.of(x, log="also")]
    right = [
        np.mean([linear_accuracy(way.samples(x[rows]), y[rows], mask) for mask in held])
        for way in ways
    ]
    return ways[1] if right[1] > right[0] + CLEARLY else plain


def hidden_of(
    x: NDArray[Any], y: NDArray[np.int64], wanted: Wanted, course: Course
) -> tuple[int, ...]:
    """Widths of the hidden layers that suit these samples.

    Args:
        x: samples, shape (n, n_inputs), as `wanted.features` makes them.
        y: their labels from 0, shape (n,).
        wanted: what the network is for.
        course: how it is trained, whatever its layers are.
    """
    rows = _some(len(x), course.seed)
    if len(rows) < LEAST_ROWS:
        return HIDDEN[0]
    x, y = x[rows], y[rows]
    held = _folds(y, course.seed)
    right = [_accuracy(x, y, held, wanted, replace(course, hidden=each)) for each in HIDDEN]
    best = int(np.argmax(right))
    return HIDDEN[best] if right[best] > right[0] + CLEARLY else HIDDEN[0]


def _accuracy(
    x: NDArray[Any], y: NDArray[np.int64], held: Masks, wanted: Wanted, course: Course
) -> float:
    """Of the network of a course on what is held out, on average."""
    found = []
    for mask in held:
        model = trained(x[~mask], y[~mask], wanted, course, novelty=False)
        found.append((Engine(dumps(model)).predict(x[mask]) == y[mask]).mean())
    return float(np.mean(found))


def _some(n_rows: int, seed: int) -> Sequence[int] | NDArray[np.int64]:
    """Places of the rows that choices are compared with."""
    return np.sort(np.random.default_rng(seed).permutation(n_rows)[:MOST_ROWS])


def _folds(y: NDArray[np.int64], seed: int) -> Masks:
    """Masks of a quarter of each class; three of them where rows are few."""
    part, generator = np.zeros(len(y), dtype=np.int64), np.random.default_rng(seed)
    for label in np.unique(y):
        members = generator.permutation(np.flatnonzero(y == label))
        part[members] = 1 + np.arange(len(members)) % 4  # a class of one row is never held out
    part[np.isin(y, np.flatnonzero(np.bincount(y) < 2))] = 0
    return [part == number + 1 for number in range(3 if len(y) <= FEW_ROWS else 1)]
