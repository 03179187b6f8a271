"""What an engine said of the samples of a stream: before it learnt, as they came, and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabit.cli.common import Answer
from metabit.cli.tables import confusions

#: Samples after which the fading accuracy has forgotten about two thirds of what was before.
FADES = 200
CURVE_POINTS, STRETCHES = 200, 16


@dataclass(frozen=True, eq=False)
class StreamRecord:
    """Labels of a stream, each of shape (n,).

    Attributes:
        truth: what is right.
        before: what the engine said before it learnt any of these samples.
        said: what it said of each sample before it learnt that one.
        after: what it says now.
    """

    truth: NDArray[np.integer]
    before: NDArray[np.integer]
    said: NDArray[np.integer]
    after: NDArray[np.integer]

    def accuracies(self) -> Answer:
        """Shares that are right, from 0 to 1."""
        right = self.said == self.truth
        last = right[-max(1, len(right) // 10) :]
        return {
            "accuracy_before": float(np.mean(self.before == self.truth)),
            "prequential_accuracy": float(right.mean()),
            "last_accuracy": float(last.mean()),
            "fading_accuracy": float(self.fading()[-1]),
            "accuracy_after": float(np.mean(self.after == self.truth)),
        }

    def fading(self) -> NDArray[np.float64]:
        """Prequential accuracy that forgets: at first a mean, later a fading one, shape (n,)."""
        value, values = 0.0, []
        for index, right in enumerate((self.said == self.truth).tolist()):
            value += (right - value) / min(index + 1, FADES)
            values.append(value)
        return np.array(values)

    def curve(self) -> Answer:
        """The fading accuracy at up to `CURVE_POINTS` samples, the last one among them."""
        n = len(self.truth)
        at = np.unique(np.linspace(1, n, min(n, CURVE_POINTS)).round().astype(int))
        return {"samples": at.tolist(), "right": self.fading()[at - 1].round(4).tolist()}

    def stretches(self) -> list[Answer]:
        """Share right of each class that occurs in up to `STRETCHES` parts of the stream; None
        where it does not come."""
        n = len(self.truth)
        parts = np.array_split(np.arange(n), min(n, STRETCHES))
        rows = []
        for label in np.unique(self.truth).tolist():
            shares: list[float | None] = []
            for part in parts:
                mine = part[self.truth[part] == label]
                right = self.said[mine] == label
                shares.append(round(float(right.mean()), 4) if len(mine) else None)
            rows.append({"label": label, "right": shares})
        return rows

    def confusion(self, n_classes: int) -> list[list[int]]:
        """How often a label (rows) was predicted as each class (columns) before it was learnt."""
        return confusions(self.truth, self.said, n_classes)

    def by_class(self, name: Callable[[int], str]) -> list[Answer]:
        """The same shares for each class that occurs, and how many samples it has."""
        rows = []
        for label in np.unique(self.truth).tolist():
            mine = self.truth == label
            rows.append({
                "label": label,
                "name": name(label),
                "n_samples": int(mine.sum()),
                "accuracy_before": float(np.mean(self.before[mine] == label)),
                "accuracy": float(np.mean(self.said[mine] == label)),
                "accuracy_after": float(np.mean(self.after[mine] == label)),
            })  # fmt: skip
        return rows
