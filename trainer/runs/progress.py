"""What a training run tells whoever watches it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Callbacks of `metabit.trainer.loop.train`. An exception in one stops the run where it is."""

    def run_started(self, n_tasks: int, steps_per_task: list[int], done_steps: int) -> None:
        """A run begins, or goes on after `done_steps` steps of an earlier session."""

    def task_started(self, task: int, name: str) -> None:
        """Task number `task` (from 0) begins, or goes on."""

    def step_done(self, task: int, total_steps: int, loss: float) -> None:
        """One step is done: `total_steps` so far in the whole run, with this loss."""

    def task_done(self, task: int, accuracies: list[float]) -> None:
        """Task number `task` is learnt; accuracies on the tasks 0 to `task`, from 0 to 1."""


class Silent:
    """A watcher that says nothing."""

    def run_started(self, n_tasks: int, steps_per_task: list[int], done_steps: int) -> None:
        """Nothing."""

    def task_started(self, task: int, name: str) -> None:
        """Nothing."""

    def step_done(self, task: int, total_steps: int, loss: float) -> None:
        """Nothing."""

    def task_done(self, task: int, accuracies: list[float]) -> None:
        """Nothing."""
