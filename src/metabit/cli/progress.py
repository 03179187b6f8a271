"""Progress bars on stderr."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TYPE_CHECKING, Self

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

if TYPE_CHECKING:
    from metabit.trainer.reproduction.jobs import Job


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


class SharesBar(Bar, ABC):
    """The part of a `metabit.trainer.reproduction.engines.Watcher` that counts jobs by shares."""

    def __init__(self) -> None:
        super().__init__()
        self._id: TaskID | None = None
        self._n_done = 0
        self._shares: dict[Job, float] = {}

    def started(self, job: Job) -> None:
        """It counts by the share that is done of it."""
        self._shares[job] = 0.0
        self._draw()

    def moved(self, job: Job, share: float) -> None:
        """Move the bar."""
        self._shares[job] = share
        self._draw()

    def done(self, job: Job) -> None:
        """Move the bar by a whole job."""
        self._shares.pop(job)
        self._n_done += 1
        self._draw()

    def failed(self, job: Job, reason: str, again: bool) -> None:
        """A line that stays."""
        self._shares.pop(job)
        self._bar.console.print(
            f"{job.label}: {reason}; {'trying again' if again else 'given up'}", style="yellow"
        )
        self._draw()

    @property
    def _finished(self) -> float:
        """Jobs that are done, with the shares of those under way."""
        return self._n_done + sum(self._shares.values())

    def _note(self, width: int) -> str:
        """The jobs under way."""
        return "; ".join(job.label for job in self._shares)[:width]

    @abstractmethod
    def _draw(self) -> None:
        """Show what has changed."""


class FitBar(SharesBar):
    """One bar over all stages of a race, and after them one over the last training.

    It is a `metabit.trainer.reproduction.engines.Watcher` for the race, and a
    `metabit.trainer.runs.progress.Progress` for the last training.
    """

    def __init__(self) -> None:
        super().__init__()
        self._stages: list[tuple[int, int]] = []
        self._stage = -1

    def of(self, stages: list[tuple[int, int]]) -> FitBar:
        """The same bar, which now knows the jobs of each stage and the steps of each job."""
        if self._id is not None:
            self._bar.remove_task(self._id)
        self._stages, self._stage = stages, -1
        total = sum(n * steps for n, steps in stages)
        self._id = self._bar.add_task("race", total=total, note="")
        return self

    def planned(self, n_jobs: int, n_finished: int) -> None:
        """The next stage begins."""
        self._stage += 1
        self._n_done = n_finished
        self._shares.clear()
        self._bar.console.print(
            f"stage {self._stage + 1} of {len(self._stages)}: {n_jobs} trainings of "
            f"{self._stages[self._stage][1]:,} steps"
            + (f", {n_finished} of them done before" if n_finished else "")
        )
        self._draw()

    def _draw(self) -> None:
        if self._id is None:
            return
        before = sum(n * steps for n, steps in self._stages[: self._stage])
        now = self._finished * self._stages[self._stage][1]
        self._bar.update(self._id, completed=before + now, note=self._note(50))

    def run_started(self, n_tasks: int, steps_per_task: list[int], done_steps: int) -> None:
        """The race is over: a bar for the last training takes the place of its bar."""
        if self._id is not None:
            self._bar.remove_task(self._id)
        self._bar.console.print("training the best of them on all samples")
        self._id = self._bar.add_task(
            "last training", total=sum(steps_per_task), completed=done_steps, note=""
        )

    def task_started(self, task: int, name: str) -> None:
        """There is one task."""

    def step_done(self, task: int, total_steps: int, loss: float) -> None:
        """Move the bar."""
        if self._id is not None:
            self._bar.update(self._id, completed=total_steps)

    def task_done(self, task: int, accuracies: list[float]) -> None:
        """Nothing: the test accuracy is told once, of whatever answers in the end."""
