"""Samples that are kept and learnt again: the twin of `src/rule/ring.c`."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.reference.arith import Xoshiro

#: Samples that are learnt again beside each new one.
REPLAYS = 4
#: Of samples of a class that has its share already, one in so many is kept.
ONE_IN = 8

Stored = TypeVar("Stored")


class Ring(Generic[Stored]):
    """A few samples of each class.

    Args:
        n_slots: samples that are kept at most.
        n_classes: labels are below it.
        random: the generator that is saved.
    """

    def __init__(self, n_slots: int, n_classes: int, random: Xoshiro) -> None:
        self.n_slots, self.n_classes, self._random = n_slots, n_classes, random
        self.labels: list[int] = []
        self.entries: list[Stored] = []

    def keep(self, label: int, seen: Stored) -> None:
        """Keep a sample, in the place of one of the largest class where all slots are taken."""
        if len(self.labels) < self.n_slots:
            self.labels.append(label)
            self.entries.append(seen)
            return
        counts = self._counts()
        largest = label if counts[label] == counts.max() else int(counts.argmax())
        if largest == label and self._below(ONE_IN) > 0:
            return
        slot = self._slot_of(largest)
        self.labels[slot], self.entries[slot] = label, seen

    def draw(self) -> tuple[int, Stored]:
        """A sample: each class that has some is drawn as often as any other."""
        present = np.flatnonzero(self._counts())
        slot = self._slot_of(int(present[self._below(len(present))]))
        return self.labels[slot], self.entries[slot]

    def _counts(self) -> NDArray[np.int64]:
        return np.bincount(self.labels, minlength=self.n_classes)

    def _slot_of(self, label: int) -> int:
        slots = np.flatnonzero(np.array(self.labels) == label)
        return int(slots[self._below(len(slots))])

    def _below(self, n: int) -> int:
        return (self._random.next() * n) >> 32
