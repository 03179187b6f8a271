"""What a stream is: rows of raw numbers in the order of time, and the class of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

#: Rows at the beginning that give scales to every learner. They are learnt, but not judged.
N_START = 200
#: Rows of a stream that is made here, and the most of a published stream.
N_ROWS = 8000


@dataclass(frozen=True, eq=False)
class Stream:
    """A stream of one seed.

    Attributes:
        x: raw features, shape (n, n_features), finite.
        y: classes from 0, shape (n,).
    """

    x: Floats
    y: Labels

    @property
    def n_classes(self) -> int:
        """Classes are below it."""
        return int(self.y.max()) + 1


def one_hot(values: Labels, n: int) -> Floats:
    """Columns of 0 and 1, one for each value of a categorical column: shape (rows, n)."""
    columns: Floats = (values[:, np.newaxis] == np.arange(n)).astype(np.float64)
    return columns


def relabelled(y: Labels, share: float, n: int, rng: np.random.Generator) -> Labels:
    """Classes of which a share is replaced by one of the n - 1 others."""
    wrong = rng.random(len(y)) < share
    others: Labels = (y + rng.integers(1, n, len(y))) % n
    return np.where(wrong, others, y)


def phases(n: int, n_phases: int) -> Labels:
    """The number of the phase that a row belongs to, when all are equally long: shape (n,)."""
    return (np.arange(n) * n_phases // n).astype(np.int64)
