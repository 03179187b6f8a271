"""A benchmark that is done in seconds, for the tests of `metabit reproduce`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from metabit.files import lock
from metabit.trainer.reproduction.benchmark import Benchmark, load
from metabit.trainer.reproduction.engines import Failure, Tries, Watcher, report_of
from metabit.trainer.reproduction.jobs import DONE, SCHEMA, Job
from metabit.trainer.reproduction.work import do_job
from metabit.trainer.runs.progress import Silent

HEAD = """
name = "tiny"
title = "Two permuted tasks of a few digits"
source = "nobody"
seeds = 2
[base.data]
name = "digits"
stream = "permuted"
n_tasks = 2
train_samples = 100
[base.network]
hidden = [32]
banks = "task"
[base.method]
lr = 0.01
reset_optimizer = true
[base.train]
epochs = 4
batch = 25
[small.train]
epochs = 2
"""

ROWS = """
[[row]]
label = "naive"
method = { name = "naive" }
[[row]]
label = "metaplastic"
method = { m = 30.0 }
paper = 60.0
"""


def written(folder: Path, text: str = HEAD + ROWS, name: str = "tiny") -> Path:
    """The text as a benchmark's file in `folder`."""
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def tiny(folder: Path, text: str = HEAD + ROWS) -> Benchmark:
    """The benchmark of that text."""
    return load(str(written(folder, text)))


class Notes:
    """A watcher that writes down what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def planned(self, n_jobs: int, n_finished: int) -> None:
        self.said.append(f"planned {n_jobs}, finished {n_finished}")

    def started(self, job: Job) -> None:
        self.said.append(f"started {job.label}")

    def moved(self, job: Job, share: float) -> None:
        assert 0 < share <= 1

    def done(self, job: Job) -> None:
        self.said.append(f"done {job.label}")

    def failed(self, job: Job, reason: str, again: bool) -> None:
        self.said.append(f"{'again' if again else 'given up'} {job.label}: {reason}")


def serial(jobs: Sequence[Job], _n_workers: int, watcher: Watcher) -> list[Failure]:
    """An engine in this process: starting others takes longer than the jobs."""
    tries = Tries(jobs, watcher)
    while tries.waiting:
        job = tries.next()
        try:
            do_job(job, Silent())
            watcher.done(job)
        except Exception as error:
            tries.failed(job, **report_of(error))
    return tries.failures


def note_process(job: Job, _progress: object) -> None:
    """A job that only says which process did it, and how many threads its NumPy has."""
    said = {"process": os.getpid(), "threads": os.environ.get("OPENBLAS_NUM_THREADS")}
    job.folder.mkdir(parents=True)
    (job.folder / DONE).write_text(json.dumps({"schema": SCHEMA, "numbers": said}))


def hold_a_lock(job: Job, _progress: object) -> None:
    """A job that goes on until its process ends, and says nothing; a lock shows that it runs."""
    with (job.folder / "locked").open("w") as file:
        assert lock(file)
        (job.folder / "begun").touch()
        while True:
            time.sleep(60)
