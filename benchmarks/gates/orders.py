"""Orders in which a stream can be hard: what a device meets where nobody shuffles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.gates.problem import Labels

#: Indices of samples in the order in which they come.
Order = NDArray[np.int64]


def by_class(y: Labels, rng: np.random.Generator) -> Order:
    """One class after the other, each in random order."""
    order = rng.permutation(len(y))
    return order[np.argsort(y[order], kind="stable")]


def in_a_row(y: Labels, rng: np.random.Generator, times: int = 5) -> Order:
    """Random, but each sample comes so many times in a row."""
    return np.repeat(rng.permutation(len(y)), times)


def one_label_first(y: Labels, rng: np.random.Generator, length: int = 1000) -> Order:
    """A long stretch of the first class, whose samples come again and again, then all in turn."""
    of_class = np.flatnonzero(y == 0)
    return np.concatenate([rng.choice(of_class, length), rng.permutation(len(y))])


def without_a_class(y: Labels, rng: np.random.Generator, times: int = 2) -> Order:
    """Random, several times, but class 0 never comes."""
    others = np.flatnonzero(y > 0)
    return np.concatenate([rng.permutation(others) for _ in range(times)])


def wrong(y: Labels, n_classes: int, rng: np.random.Generator, share: float = 0.2) -> Labels:
    """Labels of which a share is replaced by another class."""
    at = rng.random(len(y)) < share
    return np.where(at, (y + rng.integers(1, n_classes, len(y))) % n_classes, y)
