"""What a stream is: tasks in order, whose samples are made only when they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.trainer.data.dataset import Split

Change = Callable[[NDArray[Any]], NDArray[Any]]
"""Changes the inputs of samples, (n, *input_shape), as a task needs; they keep that shape."""


@dataclass(frozen=True, eq=False)
class Source:
    """Samples that are made only when they are used.

    Attributes:
        split: the samples before any change.
        change: changes the inputs; None keeps them as they are.
        labels: the new label for each old label, int64, shape (old classes,); None keeps them.
        which: indices of the samples in `split`, int64; None takes all samples.
    """

    split: Split
    change: Change | None = None
    labels: NDArray[np.int64] | None = None
    which: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.split if self.which is None else self.which)

    def made(self) -> Split:
        """Make the samples."""
        split = self.split if self.which is None else self.split.take(self.which)
        x = split.x if self.change is None else self.change(split.x)
        return Split(x, self._new(split.y), split.subject)

    def told(self) -> NDArray[Any]:
        """The labels; the samples need not be made."""
        return self._new(self.split.y if self.which is None else self.split.y[self.which])

    def classes(self) -> set[int]:
        """The labels that occur."""
        return set(np.unique(self.told()).tolist())

    def _new(self, y: NDArray[Any]) -> NDArray[Any]:
        return y if self.labels is None else self.labels[y]


@dataclass(frozen=True, eq=False)
class Task:
    """One task of a stream.

    Attributes:
        name: its name in tables and plots.
        bank: its normalisation bank in a network with one bank per task.
        train_source: its training samples; several sources where neighbouring tasks are mixed.
        test_source: its test samples. Tasks that are tested on the same samples share one source.
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
        """Number of training samples, which need not be made."""
        return sum(len(source) for source in self.train_source)

    @cached_property
    def classes(self) -> tuple[int, ...]:
        """Labels that occur in training or test samples, in rising order."""
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
        name: the name of this kind of stream in a recipe.
        description: a line for people.
        tasks: the tasks.
        n_classes: number of outputs that a network needs for the labels of all tasks.
        outputs: "all" where all classes compete for a sample; "task" where the task of each sample
            is known, so that only the classes of that task compete.
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
