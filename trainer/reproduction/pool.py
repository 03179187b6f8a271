"""Does jobs on the cores of this machine: a few processes do one job after another.

Every worker has its own pipe, so that it is known which job a killed process had. The messages in
the pipes are JSON.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Self

from metabit.trainer.reproduction.engines import Failure, Tries, Watcher, report_of
from metabit.trainer.reproduction.jobs import Job
from metabit.trainer.runs.progress import Silent

REPORT_SECONDS = 0.5
"""Time between two reports of a worker about its progress."""

LAST_SECONDS = 5.0
"""Time for a process to end by itself after its pipe was closed."""


def do_jobs(jobs: Sequence[Job], n_workers: int, watcher: Watcher) -> list[Failure]:
    """Do jobs in `n_workers` processes: a `metabit.trainer.reproduction.engines.JobEngine`.

    Raises:
        InputError: code E-DATA-MISSING: a job's data set is not on this machine.
    """
    with Pool() as pool:
        return pool(jobs, n_workers, watcher)


class Pool:
    """A `metabit.trainer.reproduction.engines.JobEngine` whose processes wait for further jobs.

    Each of them imports PyTorch once, which takes seconds. Inside of a `with`; after it they end.
    """

    def __init__(self) -> None:
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.stop()

    def __call__(self, jobs: Sequence[Job], n_workers: int, watcher: Watcher) -> list[Failure]:
        """Do jobs; see `do_jobs`."""
        for job in jobs:
            job.check_data()
        tries = Tries(jobs, watcher)
        while len(self._workers) < min(n_workers, len(jobs)):
            self._workers.append(_Worker())
        workers = self._workers[:n_workers]
        while tries.waiting or any(worker.job for worker in workers):
            for worker in workers:
                if worker.job is None and tries.waiting:
                    worker.begin(tries.next())
            busy = {worker.pipe: worker for worker in workers if worker.job is not None}
            for pipe in wait(list(busy)):
                _listen(busy[pipe], tries, watcher)  # type: ignore[index]
        return tries.failures


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """A context in which processes start whose NumPy has one thread: they share the cores."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ[name] for name in names if name in os.environ}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]
        os.environ.update(before)


def _listen(worker: _Worker, tries: Tries, watcher: Watcher) -> None:
    """Handle one message of a worker that has a job."""
    job = worker.job
    assert job is not None
    message = worker.receive()
    if message is None:
        worker.job = None
        tries.died(job, worker.stop())
    elif "share" in message:
        watcher.moved(job, message["share"])
    else:
        worker.job = None
        if message:
            tries.failed(job, **message)
        else:
            watcher.done(job)


class _Worker:
    """A process, which is started for its first job, and again if it has died.

    Attributes:
        job: the job that it does now.
        pipe: our end of the pipe.
    """

    job: Job | None = None
    pipe: Connection

    def __init__(self) -> None:
        self._process: Any = None

    def begin(self, job: Job) -> None:
        """Hand it a job."""
        self.job = job
        if self._process is not None and not self._process.is_alive():
            self.stop()
        if self._process is None:
            # Spawned and not forked: a forked copy of a process with threads may hang.
            context = multiprocessing.get_context("spawn")
            self.pipe, theirs = context.Pipe()
            self._process = context.Process(target=_work, args=(theirs,), daemon=True)
            with _one_thread_each():
                self._process.start()
            theirs.close()  # so that our end notices when the process ends
        with contextlib.suppress(OSError):  # it may have died just now: `receive` will say so
            self.pipe.send_bytes(job.to_json().encode())

    def receive(self) -> dict[str, Any] | None:
        """Its next message; None if it has died."""
        try:
            message: dict[str, Any] = json.loads(self.pipe.recv_bytes())
        except (EOFError, OSError):
            self._process.join(LAST_SECONDS)
            return None
        return message

    def stop(self) -> str:
        """End the process if it still runs; return in words how it ended."""
        if self._process is None:
            return "it did not start"
        self.pipe.close()
        self._process.terminate()
        self._process.join()
        code = self._process.exitcode
        self._process = None
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _work(pipe: Connection) -> None:
    """What a worker process does until the other end of its pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started us
    threading.Thread(target=_end_with_starter, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        while True:
            job = Job.from_json(pipe.recv_bytes().decode())
            try:
                job.do(_Reporter(pipe))
                answer = {}
            except Exception as error:
                answer = report_of(error)
            pipe.send_bytes(json.dumps(answer).encode())


def _end_with_starter() -> None:
    """End this worker with the process that started it, even where that was killed.

    The lock on the folder of the runs went with that process, so that another may begin the same
    job at once. Whatever a job writes is whole or not there, so it can be cut anywhere.
    """
    starter = multiprocessing.parent_process()
    assert starter is not None
    starter.join()
    os._exit(1)


class _Reporter(Silent):
    """Reports the progress of a job now and then. If nobody reads the pipe, the job stops."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._n_steps = 1
        self._said = 0.0

    def run_started(self, n_tasks: int, steps_per_task: list[int], done_steps: int) -> None:
        """Note the number of steps."""
        self._n_steps = sum(steps_per_task)

    def step_done(self, task: int, total_steps: int, loss: float) -> None:
        """Report the progress, unless the last report was just now."""
        if time.monotonic() - self._said >= REPORT_SECONDS:
            self._said = time.monotonic()
            self._pipe.send_bytes(json.dumps({"share": total_steps / self._n_steps}).encode())
