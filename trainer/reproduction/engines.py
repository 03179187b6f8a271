"""What all engines share: who is told about each job, and how often a job is tried."""

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
"""A job that fails is repeated twice, from its last checkpoint."""


class Watcher(Protocol):
    """Is told what happens to each job, in the process that started the engine."""

    def planned(self, n_jobs: int, n_finished: int) -> None:
        """There are `n_jobs` jobs, and `n_finished` of them were finished before."""

    def started(self, job: Job) -> None:
        """A worker has begun the job."""

    def moved(self, job: Job, share: float) -> None:
        """This share of the job's steps is done, from 0 to 1. Not every engine knows it."""

    def done(self, job: Job) -> None:
        """The job is finished."""

    def failed(self, job: Job, reason: str, again: bool) -> None:
        """The job failed; `again` says whether it will be tried again."""


@dataclass(frozen=True)
class Failure:
    """A job that was given up.

    Attributes:
        job: the job.
        code: code of the error, such as E-DIVERGED.
        reason: the reason in words.
    """

    job: Job
    code: str
    reason: str


JobEngine = Callable[[Sequence[Job], int, Watcher], list[Failure]]
"""Does jobs, at most so many at a time; returns the jobs that it gave up when all have ended."""


def report_of(error: Exception) -> dict[str, Any]:
    """What a worker reports of an exception, as plain values.

    Wrong recipes and training that diverges are final: they would fail again.
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
    """The jobs that wait, and the jobs that were given up."""

    def __init__(self, jobs: Sequence[Job], watcher: Watcher) -> None:
        self.waiting = deque(jobs)
        self.failures: list[Failure] = []
        self._watcher = watcher
        self._tries: Counter[Job] = Counter()

    def next(self) -> Job:
        """The next job, which a worker now begins. Raises IndexError if no job waits."""
        job = self.waiting.popleft()
        self._watcher.started(job)
        return job

    def failed(self, job: Job, code: str, reason: str, final: bool = False) -> None:
        """Let the job wait again, after all others, or give it up."""
        self._tries[job] += 1
        again = not final and self._tries[job] < MOST_TRIES
        if again:
            self.waiting.append(job)
        else:
            self.failures.append(Failure(job, code, reason))
        self._watcher.failed(job, reason, again)

    def died(self, job: Job, how: str) -> None:
        """The process that had the job has ended."""
        self.failed(job, "E-WORKER", f"its process ended early ({how})")
