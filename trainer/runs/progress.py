"""What a training run reports while it runs."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Callbacks of `metabit.trainer.loop.train`. An exception in a callback stops the run."""

    def run_started(self, n_tasks: int, steps_per_task: list[int], done_steps: int) -> None:
        """A run begins, or continues after `done_steps` steps of an earlier session."""

    def task_started(self, task: int, name: str) -> None:
        """Task number `task` (from 0) begins or continues."""

    def step_done(self, task: int, total_steps: int, loss: float) -> None:
        """A step is done, with this loss; it is number `total_steps` of the run, from 1."""

    def task_done(self, task: int, accuracies: list[float]) -> None:
        """Task number `task` is learnt; accuracies on tasks 0 to `task`, from 0 to 1."""


class Silent:
    """Callbacks that do nothing."""

    def run_started(self, n_tasks: int, steps_per_task: list[int], done_steps: int) -> None:
        """Nothing."""

    def task_started(self, task: int, name: str) -> None:
        """Nothing."""

    def step_done(self, task: int, total_steps: int, loss: float) -> None:
        """Nothing."""

    def task_done(self, task: int, accuracies: list[float]) -> None:
        """Nothing."""
