"""What all ways of running jobs share: who is told, and how often a job is tried."""

from __future__ import annotations

import os
import traceback
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from metabit.errors import InputError, MetabitError
from metabit.trainer.reproduction.jobs import Job

MOST_TRIES = 3
"""A job that fails is repeated twice; it goes on from its last checkpoint."""


class Watcher(Protocol):
    """Told by an engine what happens to each job, in the process that started it."""

    def planned(self, n_jobs: int, n_finished: int) -> None:
        """There are so many jobs, and so many of them were finished before."""

    def started(self, job: Job) -> None:
        """A worker has it."""

    def moved(self, job: Job, share: float) -> None:
        """This share of its steps is done, from 0 to 1. Not every engine knows."""

    def done(self, job: Job) -> None:
        """It is finished."""

    def failed(self, job: Job, reason: str, again: bool) -> None:
        """It failed; whether it will be tried again."""


@dataclass(frozen=True)
class Failure:
    """A job that was given up.

    Attributes:
        job: the job.
        code: of the error, such as E-DIVERGED.
        reason: in words.
    """

    job: Job
    code: str
    reason: str


JobEngine = Callable[[Sequence[Job], int, Watcher], list[Failure]]
"""Runs jobs, at most so many at a time; returns those that were given up, when all are through."""


def report_of(error: Exception) -> dict[str, Any]:
    """What a worker says of an exception, as plain values.

    A wrong recipe stays wrong, and training that diverges does so every time: these are final.
    """
    if os.environ.get("METABIT_DEBUG"):
        traceback.print_exception(error)
    code = error.code if isinstance(error, MetabitError) else "E-INTERNAL"
    known = isinstance(error, MetabitError)
    return {
        "code": code,
        "reason": str(error) if known else f"{type(error).__name__}: {error}",
        "final": isinstance(error, InputError) or code == "E-DIVERGED",
    }


class Tries:
    """The jobs that wait, and those that were given up."""

    def __init__(self, jobs: Sequence[Job], watcher: Watcher) -> None:
        self.waiting = deque(jobs)
        self.failures: list[Failure] = []
        self._watcher = watcher
        self._tries: Counter[Job] = Counter()

    def next(self) -> Job:
        """The next job, which a worker begins now. Raises IndexError where none waits."""
        job = self.waiting.popleft()
        self._watcher.started(job)
        return job

    def failed(self, job: Job, code: str, reason: str, final: bool = False) -> None:
        """Put it at the end of those that wait, or give it up."""
        self._tries[job] += 1
        again = not final and self._tries[job] < MOST_TRIES
        if again:
            self.waiting.append(job)
        else:
            self.failures.append(Failure(job, code, reason))
        self._watcher.failed(job, reason, again)

    def died(self, job: Job, how: str) -> None:
        """The process that had the job is gone."""
        self.failed(job, "E-WORKER", f"its process ended early ({how})")
