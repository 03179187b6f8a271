"""What a stream is: tasks in order, whose samples are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.trainer.data.dataset import Split

Change = Callable[[NDArray[Any]], NDArray[Any]]
"""From samples of a set, shape (n, *input_shape), to what a task makes of them, in that shape."""


@dataclass(frozen=True, eq=False)
class Source:
    """Samples that are made when they are asked for.

    Attributes:
        split: the samples before anything is done to them.
        change: what is done to the inputs; None leaves them.
        labels: the new label of each old one, int64, shape (old classes,); None leaves them.
        which: indices of the samples in `split`, int64; None takes all.
    """

    split: Split
    change: Change | None = None
    labels: NDArray[np.int64] | None = None
    which: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.split if self.which is None else self.which)

    def made(self) -> Split:
        """The samples."""
        split = self.split if self.which is None else self.split.take(self.which)
        x = split.x if self.change is None else self.change(split.x)
        return Split(x, self._new(split.y), split.subject)

    def classes(self) -> set[int]:
        """Labels that occur, without making the samples."""
        y = self.split.y if self.which is None else self.split.y[self.which]
        return set(self._new(np.unique(y)).tolist())

    def _new(self, y: NDArray[Any]) -> NDArray[Any]:
        return y if self.labels is None else self.labels[y]


@dataclass(frozen=True, eq=False)
class Task:
    """One task of a stream.

    Attributes:
        name: what tables and plots call it.
        bank: normalisation bank it belongs to in a network with a bank per task.
        train_source: its training samples; more than one source where neighbours are mixed.
        test_source: its test samples. Tasks that are tested on the same samples share it.
    """

    name: str
    bank: int
    train_source: tuple[Source, ...]
    test_source: Source

    @property
    def train(self) -> Split:
        """Training samples."""
        return _joined([source.made() for source in self.train_source])

    @property
    def test(self) -> Split:
        """Test samples."""
        return self.test_source.made()

    @property
    def n_train(self) -> int:
        """Number of training samples, without making them."""
        return sum(len(source) for source in self.train_source)

    @cached_property
    def classes(self) -> tuple[int, ...]:
        """Labels that occur in training or test, in rising order."""
        sources = (*self.train_source, self.test_source)
        return tuple(sorted(set().union(*(source.classes() for source in sources))))


def _joined(splits: list[Split]) -> Split:
    if len(splits) == 1:
        return splits[0]
    subjects = [split.subject for split in splits if split.subject is not None]
    return Split(
        np.concatenate([split.x for split in splits]),
        np.concatenate([split.y for split in splits]),
        np.concatenate(subjects) if len(subjects) == len(splits) else None,
    )


@dataclass(frozen=True, eq=False)
class Stream:
    """Tasks in the order in which they are learnt.

    Attributes:
        name: what a recipe calls this kind of stream.
        description: one line for people.
        tasks: the tasks.
        n_classes: outputs that a network needs for the labels of all tasks.
        outputs: "all" where a sample is compared with every class, "task" where it is known to
            which task it belongs, so that only the classes of that task compete.
    """

    name: str
    description: str
    tasks: tuple[Task, ...]
    n_classes: int
    outputs: str = "all"

    def __len__(self) -> int:
        return len(self.tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    def __getitem__(self, index: int) -> Task:
        return self.tasks[index]
