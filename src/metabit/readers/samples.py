"""What every reader gives: samples in their order, and labels where they are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.inputs import check_labels
from metabit.errors import InputError

Array = NDArray[Any]
Labels = NDArray[np.int32]

#: Suffixes of files that can be read.
SUFFIXES = (".npy", ".npz", ".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")


@dataclass(frozen=True)
class ReadSamples:
    """Samples in the order in which they are to be used.

    Attributes:
        x: what the file holds; from `read_samples`, shape (n, n_inputs), integers as the model
            wants.
        y: labels as the file holds them, or None when they are not known.
        where: the file or data set, for messages.
        limited_share: share of the real values that did not fit the input of the model.
        codes: whether a file without types was taken for the model's own integers; None where the
            data says it itself.
        recordings: of raw frames that a front end has made the samples of, each (n, n_channels)
            int16; None where the file holds samples.
    """

    x: Array
    y: Array | None
    where: str
    limited_share: float = 0.0
    codes: bool | None = None
    recordings: tuple[Array, ...] | None = None

    def first(self, limit: int) -> ReadSamples:
        """Only the first `limit` samples."""
        y = None if self.y is None else self.y[:limit]
        return replace(self, x=self.x[:limit], y=y)


def n_limited(levels: NDArray[np.floating], low: int, high: int) -> int:
    """How many values are beyond what an integer input holds, rounding aside."""
    return int(((levels < low - 1) | (levels > high + 1)).sum())


def need_labels(samples: ReadSamples, n_outputs: int) -> Labels:
    """The labels of `samples`, each in [0, n_outputs).

    Raises:
        InputError: there are none, or one is out of range.
    """
    if samples.y is None:
        raise InputError(
            f"{samples.where}: no labels, and learning needs them: an .npz with x and y, a csv "
            "with the label in one more column at the end, or a data set by name",
            code="E-NO-LABELS",
        )
    return check_labels(samples.y, len(samples.x), n_outputs, samples.where)
