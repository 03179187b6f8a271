"""What every reader gives: samples in their order, and labels where they are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.inputs import check_labels
from metabit.errors import InputError

Array = NDArray[Any]
Labels = NDArray[np.int32]

#: Suffixes of files that can be read.
SUFFIXES = (".npy", ".npz", ".csv")


@dataclass(frozen=True)
class ReadSamples:
    """Samples in the order in which they are to be used.

    Attributes:
        x: what the file holds; from `read_samples`, shape (n, n_inputs), integers as the model
            wants.
        y: labels as the file holds them, or None when they are not known.
        where: the file or data set, for messages.
    """

    x: Array
    y: Array | None
    where: str

    def first(self, limit: int) -> ReadSamples:
        """Only the first `limit` samples."""
        return ReadSamples(self.x[:limit], None if self.y is None else self.y[:limit], self.where)


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
