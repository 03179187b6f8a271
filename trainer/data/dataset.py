"""What a data set is here: two splits of 8-bit integers with labels. NumPy only."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.trainer.frontend import FrontEnd


@dataclass(frozen=True, eq=False)
class Split:
    """Samples in order, with their labels.

    Attributes:
        x: samples, shape (n, *input_shape), uint8 or int8; int16 where a front end is to follow.
        y: labels from 0, shape (n,), uint8 or int64.
        subject: number of the person or group that each sample is of, shape (n,); None where it is
            not known.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    subject: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, which: NDArray[Any]) -> Split:
        """The samples with these indices, or where this mask is true."""
        subject = None if self.subject is None else self.subject[which]
        return Split(self.x[which], self.y[which], subject)

    def of_subjects(self, subjects: Iterable[int]) -> Split:
        """The samples of these persons, in order.

        Raises:
            InputError: the persons are not known.
        """
        if self.subject is None:
            raise InputError("these samples do not say whose they are: use hapt", code="E-SUBJECT")
        return self.take(np.isin(self.subject, list(subjects)))

    def of_classes(self, classes: Iterable[int]) -> Split:
        """The samples of these classes, in order, with their labels unchanged."""
        return self.take(np.isin(self.y, list(classes)))


@dataclass(frozen=True)
class Encoding:
    """How the values of a data set became bits.

    Attributes:
        thresholds: rising integers; a bit is +1 where the value reaches its threshold.
        dtype, scale, zero_point: type and meaning of the values before; see `DataSet`.
    """

    thresholds: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set with a fixed training and test split.

    Attributes:
        name: the name that `load` knows it by.
        train, test: the splits.
        n_classes: number of classes.
        class_names: their names, in label order.
        dtype: "uint8" or "int8", or "int16" for counts that a front end is to read.
        scale, zero_point: a stored integer q stands for scale * (q - zero_point).
        citation: who made it; it is shown with results.
        source: the file or folder it was read from.
        encoding: how values became bits, if a thermometer has encoded them.
        units: what a count of each channel stands for, float32, where it is not `scale` for all.
        front_end: how samples were made of raw windows, if a front end has made them.
        channel_names: names of the channels of raw windows, where they are known.
        sample_rate: frames per second of raw windows, where it is known.
    """

    name: str
    train: Split
    test: Split
    n_classes: int
    class_names: tuple[str, ...]
    dtype: str
    scale: float
    zero_point: int
    citation: str
    source: str
    encoding: Encoding | None = None
    units: NDArray[np.float32] | None = None
    front_end: FrontEnd | None = None
    channel_names: tuple[str, ...] = ()
    sample_rate: float | None = None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of a sample."""
        shape: tuple[int, ...] = self.train.x.shape[1:]
        return shape

    @property
    def n_inputs(self) -> int:
        """Number of values in a sample."""
        return math.prod(self.input_shape)

    def only(
        self, subjects: Iterable[int] | None = None, classes: Iterable[int] | None = None
    ) -> DataSet:
        """The set with only these persons in its training split, and only these classes.

        Labels and the number of classes stay as they are. The test split keeps its persons.

        Raises:
            InputError: no samples are left to train on or to test with.
        """
        train, test = self.train, self.test
        if subjects is not None:
            train = train.of_subjects(subjects)
        if classes is not None:
            train, test = train.of_classes(list(classes)), test.of_classes(list(classes))
        if len(train) == 0 or len(test) == 0:
            raise InputError(
                f"{self.name}: no samples of these subjects and classes: subjects of the training "
                f"split and classes 0 to {self.n_classes - 1} are there",
                code="E-DATA-EMPTY",
            )
        return replace(self, train=train, test=test)

    def limited(self, n_train: int | None, n_test: int | None, seed: int) -> DataSet:
        """The set with fewer samples, which are drawn without repetition and keep their order.

        Raises:
            InputError: more samples are asked for than there are.
        """
        generator = np.random.default_rng(seed)
        return replace(
            self,
            train=_draw(self.train, n_train, generator, f"{self.name} training"),
            test=_draw(self.test, n_test, generator, f"{self.name} test"),
        )

    def held_out(self, share: float, seed: int) -> DataSet:
        """The set with a part of the training samples in place of the test samples.

        Methods are tuned on it, so that a search sees nothing of the test split. Where persons are
        known, whole persons are held out: the windows of one person overlap, so no person may be
        on both sides.

        Args:
            share: share of the training samples, or of the persons, to hold out; at least one is.
            seed: seed of the draw.

        Raises:
            InputError: no samples are left to train on.
        """
        subjects = self.train.subject
        members = np.arange(len(self.train)) if subjects is None else np.unique(subjects)
        n = max(1, round(share * len(members)))
        if n >= len(members):
            raise InputError(
                f"validation = {share} of {len(members)} {self.name} "
                f"{'samples' if subjects is None else 'subjects'} leaves none to train on",
                code="E-DATA-LIMIT",
            )
        drawn = np.random.default_rng(seed).choice(members, n, replace=False)
        out = np.isin(members if subjects is None else subjects, drawn)
        return replace(self, train=self.train.take(~out), test=self.train.take(out))


def _draw(split: Split, n: int | None, generator: np.random.Generator, what: str) -> Split:
    if n is None or n == len(split):
        return split
    if not 1 <= n <= len(split):
        raise InputError(
            f"{n} {what} samples asked for: the set has {len(split)}", code="E-DATA-LIMIT"
        )
    return split.take(np.sort(generator.choice(len(split), n, replace=False)))
