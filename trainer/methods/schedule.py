"""When a method consolidates: at the end of each task, or after a fixed number of samples."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

Batch = tuple[Tensor, Tensor]


class Schedule:
    """Decides when `Method.consolidate` is called, and with which samples.

    With a fixed number of samples, the ends of tasks do not matter: the schedule keeps samples of
    the stream until they are enough. They count as memory that the method needs.

    Args:
        every: samples between two consolidations; None means at the end of each task.
        wanted: whether the method consolidates at all; if not, no samples are kept.
    """

    def __init__(self, every: int | None, wanted: bool = True) -> None:
        self.every = every
        self.wanted = wanted
        self._recent: list[Batch] = []

    def after_step(self, x: Tensor, y: Tensor) -> Batch | None:
        """Note a batch of the stream; return the samples to consolidate with, if it is time."""
        if not self.wanted or self.every is None:
            return None
        self._recent.append((x, y))
        if sum(len(labels) for _, labels in self._recent) < self.every:
            return None
        samples = _joined(self._recent)
        self._recent = []
        return samples

    def at_task_end(self, x: Tensor, y: Tensor) -> Batch | None:
        """The samples of the task that has ended, if it is time to consolidate."""
        return (x, y) if self.wanted and self.every is None else None

    def state(self) -> dict[str, Tensor]:
        """The samples since the last consolidation."""
        if not self._recent:
            return {}
        x, y = _joined(self._recent)
        return {"recent_samples/x": x, "recent_samples/y": y}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned."""
        self._recent = []
        if "recent_samples/x" in tensors:
            self._recent = [(tensors["recent_samples/x"], tensors["recent_samples/y"])]

    def bytes_kept(self, n_inputs: int, batch: int) -> int:
        """Largest number of bytes of the samples: n_inputs and a label of 8 bytes each."""
        if not self.wanted or self.every is None:
            return 0
        return (self.every - 1 + batch) * (n_inputs + 8)


def _joined(batches: list[Batch]) -> Batch:
    return torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])
