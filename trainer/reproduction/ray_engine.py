"""Does jobs on a Ray cluster: the cluster of $RAY_ADDRESS, or a local cluster for the time.

A worker may be on another machine that shares no folder with this one. Therefore it gets the files
of the run folder as bytes, works in a temporary folder, and returns its files as bytes, which are
written here. It needs the same version of metabit and its own copies of the data sets.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from metabit.errors import MetabitError
from metabit.extras import need
from metabit.files import make_folder, write_whole
from metabit.trainer.reproduction.engines import Failure, Tries, Watcher, report_of
from metabit.trainer.reproduction.jobs import DONE, Job
from metabit.trainer.runs.progress import Silent

Files = dict[str, bytes]


def do_jobs(jobs: Sequence[Job], n_workers: int, watcher: Watcher) -> list[Failure]:
    """Run jobs as Ray tasks: a `metabit.trainer.reproduction.engines.JobEngine`.

    Raises:
        InputError: code E-EXTRA: Ray is not installed.
        MetabitError: code E-WORKER: the cluster cannot be reached.
    """
    ray = _start(n_workers)
    tries = Tries(jobs, watcher)
    # Ray would repeat a lost task by itself, but would tell nobody.
    task = ray.remote(num_cpus=1, max_retries=0)(_task)
    running: dict[Any, Job] = {}
    try:
        while tries.waiting or running:
            while tries.waiting and len(running) < n_workers:
                job = tries.next()
                handle = task.options(name=job.label).remote(job.to_json(), _files(job.folder))
                running[handle] = job
            (handle,), _ = ray.wait(list(running), num_returns=1)
            job = running.pop(handle)
            try:
                answer, files = ray.get(handle)
            except ray.exceptions.RayError as error:
                tries.died(job, type(error).__name__)
                continue
            _write(job.folder, files)
            if answer:
                tries.failed(job, **answer)
            else:
                watcher.done(job)
    finally:
        ray.shutdown()
    return tries.failures


def _start(n_workers: int) -> Any:
    """The `ray` package, connected."""
    need("reproduce --engine ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # or Ray reports to its makers
    import ray

    address = os.environ.get("RAY_ADDRESS")
    # A cluster knows its number of cores; "local" starts a new one even if another is running.
    where = {"address": address} if address else {"address": "local", "num_cpus": n_workers}
    try:
        ray.init(**where, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # of many kinds, by what is wrong with the address
        raise MetabitError(
            f"Ray cluster {where['address']}: cannot be used ({error}); a cluster that "
            "authenticates needs RAY_AUTH_MODE and its token in this environment too",
            code="E-WORKER",
        ) from error
    return ray


def _task(text: str, files: Files) -> tuple[dict[str, Any], Files]:
    """Do a job on a worker; return what went wrong, if anything, and the files of its folder."""
    with tempfile.TemporaryDirectory(prefix="metabit-") as folder:
        job = replace(Job.from_json(text), folder=Path(folder))
        _write(job.folder, files)
        answer = {}
        try:
            job.do(Silent())
        except Exception as error:
            answer = report_of(error)
        return answer, _files(job.folder)


def _files(folder: Path) -> Files:
    """All files of a run folder by name; a run folder has no folders in it."""
    if not folder.exists():
        return {}
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _write(folder: Path, files: Files) -> None:
    """Write the files, and job.json last, because it says that the job is finished."""
    make_folder(folder)
    for name in sorted(files, key=lambda name: name == DONE):
        write_whole(folder / name, files[name])
