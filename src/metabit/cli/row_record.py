"""What an engine said of rows that come one by one, counted in memory that does not grow."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable

import numpy as np

from metabit.cli.class_names import ClassNames
from metabit.cli.common import Answer, Output
from metabit.cli.stream_record import FADES
from metabit.readers.csv_rows import labels_of
from metabit.readers.rows import Rows, SampleRow
from metabit.readers.samples import ReadSamples


class RowRecord:
    """How often each class was taken for which.

    Attributes:
        n: rows whose label is known.
        fading: share of them that was right, in which the last ones count most.
    """

    def __init__(self) -> None:
        self.n, self.fading = 0, 0.0
        self._pairs: Counter[tuple[int, int]] = Counter()

    def add(self, truth: int, said: int) -> None:
        """Count one row."""
        self.n += 1
        self._pairs[truth, said] += 1
        self.fading += (float(said == truth) - self.fading) / min(self.n, FADES)

    @property
    def accuracy(self) -> float:
        """Share that was right."""
        return sum(n for (truth, said), n in self._pairs.items() if truth == said) / self.n

    def by_class(self, name: Callable[[int], str]) -> list[Answer]:
        """Rows of each class that occurs, and the share of them that was right."""
        rows = []
        for label in sorted({truth for truth, _ in self._pairs}):
            n = sum(count for (truth, _), count in self._pairs.items() if truth == label)
            share = self._pairs[label, label] / n
            rows.append({"label": label, "name": name(label), "n_samples": n, "accuracy": share})
        return rows

    def confusion(self, n_classes: int) -> list[list[int]]:
        """How often a label (rows) was predicted as each class (columns)."""
        counts = np.zeros((n_classes, n_classes), np.int64)
        for (truth, said), n in self._pairs.items():
            if said >= 0:  # not "unknown"
                counts[truth, said] = n
        found: list[list[int]] = counts.tolist()
        return found


def number_of(row: SampleRow, rows: Rows, classes: ClassNames, *, learning: bool) -> int:
    """The number of a row's label; errors as for `ClassNames.numbers`."""
    assert row.label is not None
    told = labels_of([row.label], rows.model)
    numbers = classes.numbers(ReadSamples(np.zeros((1, 1)), told, rows.where), learning=learning)
    assert numbers is not None
    return int(numbers[0])


def say_row(out: Output, row: SampleRow, said: str) -> None:
    """Answer a row: with the name of a class, in JSON where the row has a name."""
    if row.name is None:
        out.answer(said)
    else:
        out.answer(json.dumps({"id": row.name, "label": said}, ensure_ascii=False))
