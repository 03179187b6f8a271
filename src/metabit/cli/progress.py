"""Progress bars on stderr."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from metabit.cli.common import make_console
from metabit.cli.tables import percent


def progress() -> Progress:
    """A progress bar on stderr that is not drawn where nobody looks."""
    console = make_console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


class Bar:
    """A progress bar that is drawn inside a `with`."""

    def __init__(self) -> None:
        self._bar = progress()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._bar.stop()


class TrainingBar(Bar):
    """`metabit.trainer.runs.progress.Progress` drawn as one bar for the whole run."""

    def __init__(self) -> None:
        super().__init__()
        self._id: TaskID | None = None
        self._loss = float("nan")
        self._n_tasks = 0

    def run_started(self, n_tasks: int, steps_per_task: list[int], done_steps: int) -> None:
        """One bar over the steps of all tasks."""
        self._n_tasks = n_tasks
        self._id = self._bar.add_task(
            "training", total=sum(steps_per_task), completed=done_steps, note=""
        )

    def task_started(self, task: int, name: str) -> None:
        """The task's name stands before the bar."""
        self._update(description=f"task {task + 1}/{self._n_tasks} {name}")

    def step_done(self, task: int, total_steps: int, loss: float) -> None:
        """Move the bar; the loss after it is smoothed, so that it can be read."""
        first = self._loss != self._loss
        self._loss = loss if first else 0.98 * self._loss + 0.02 * loss
        self._update(completed=total_steps, note=f"loss {self._loss:.3f}")

    def task_done(self, task: int, accuracies: list[float]) -> None:
        """One line per task stays above the bar."""
        mean = sum(accuracies) / len(accuracies)
        self._bar.console.print(
            f"task {task + 1} learnt: accuracy on it {percent(accuracies[-1])}, "
            f"mean of the {len(accuracies)} so far {percent(mean)}"
        )

    def _update(self, **fields: object) -> None:
        if self._id is not None:
            self._bar.update(self._id, **fields)  # type: ignore[arg-type]
