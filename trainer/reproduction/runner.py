"""Runs a benchmark: plans jobs, lets an engine do them, and collects the results.

DIR/SCALE/ROW-HASH/seed-N/      a run folder for each job; done jobs are not done again
DIR/SCALE/search/...            the same for the runs of a search
DIR/SCALE/results.json          what came out
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metabit.errors import InputError
from metabit.files import lock, make_folder
from metabit.trainer.circumstances import commit
from metabit.trainer.reproduction import pool, ray_engine, results, search
from metabit.trainer.reproduction.benchmark import Benchmark, Row, Tables
from metabit.trainer.reproduction.engines import Failure, JobEngine, Watcher
from metabit.trainer.reproduction.jobs import Job, folder_name
from metabit.trainer.reproduction.results import Document

ENGINES: dict[str, JobEngine] = {"pool": pool.do_jobs, "ray": ray_engine.do_jobs}

RESULTS = "results.json"


@dataclass(frozen=True)
class Workers:
    """How jobs are done.

    Attributes:
        engine: the engine.
        n: number of jobs at a time.
        watcher: is told about each job.
        again: whether finished jobs are repeated, because the sources have changed.
    """

    engine: JobEngine
    n: int
    watcher: Watcher
    again: bool = False

    def do(self, jobs: Sequence[Job], folder: Path) -> list[Failure]:
        """Do all jobs that are not finished; return the jobs that were given up.

        Raises:
            InputError: code E-RUN-BUSY: another process works in `folder`.
        """
        with _alone_in(folder):
            if self.again:
                for job in jobs:
                    if job.folder.exists():
                        shutil.rmtree(job.folder)
            to_do = [job for job in jobs if not job.finished]
            self.watcher.planned(len(jobs), len(jobs) - len(to_do))
            return self.engine(to_do, self.n, self.watcher) if to_do else []


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """A context with a lock on the folder, which the system releases however this process ends.

    Two processes with the same jobs would write into the same run folders.
    """
    make_folder(folder)
    with (folder / ".lock").open("w") as file:
        if not lock(file):
            raise InputError(
                f"{folder}: another command is at work here; wait, or choose another "
                "folder with -o",
                code="E-RUN-BUSY",
            )
        yield


def reproduce(
    benchmark: Benchmark, rows: Sequence[Row], scale: str, n_seeds: int, out: Path, workers: Workers
) -> tuple[Document, list[Failure]]:
    """Run some rows of a benchmark, and collect the results of all its rows that have any.

    Args:
        benchmark: the benchmark.
        rows: the rows to run.
        scale: small or paper.
        n_seeds: number of seeds, which are counted from 0.
        out: the folder DIR.
        workers: how jobs are done.

    Returns:
        the contents of results.json, and the jobs that were given up.

    Raises:
        InputError: code E-CHOSEN: a search must choose values of a row first.
        StorageError, CorruptError: a file cannot be written, or is damaged.
    """
    for row in rows:
        search.chosen(benchmark, row, scale)  # what was not chosen yet is refused before any job
    settings = search.settings(benchmark, scale)
    jobs: dict[str, list[Job]] = {}
    folder, at = out / scale, commit()
    for row in benchmark.rows:
        if row.label in settings:
            values = search.chosen(benchmark, row, scale)
            jobs[row.label] = [
                _job(benchmark, row, scale, values, seed, folder, at) for seed in range(n_seeds)
            ]
    # Seed by seed, so that the first seed of every row is finished early.
    wanted = [jobs[row.label] for row in rows]
    failures = workers.do([job for of_seed in zip(*wanted, strict=True) for job in of_seed], out)
    document = results.collect(benchmark, scale, settings, jobs)
    results.write(folder / RESULTS, document)
    return document, failures


def _job(
    benchmark: Benchmark, row: Row, scale: str, values: Tables, seed: int, folder: Path,
    at: str | None,
) -> Job:  # fmt: skip
    label = f"{row.label}, seed {seed}"
    if benchmark.experiment is not None:
        name = folder_name(benchmark.experiment, {"scale": scale})
        return Job(label, folder / name / f"seed-{seed}", seed, at, {}, benchmark.experiment, scale)
    tables = benchmark.tables(row, scale)
    tables["method"] = tables["method"] | values
    name = folder_name(row.label, tables)
    recipe = benchmark.recipe(row, scale, values, seed)
    return Job(label, folder / name / f"seed-{seed}", seed, at, recipe)


def search_rows(
    benchmark: Benchmark, rows: Sequence[Row], scale: str, n_seeds: int, out: Path, workers: Workers
) -> tuple[dict[str, Any], list[Failure]]:
    """Run the search of some rows, and write the choice next to the file of the benchmark.

    Args:
        benchmark: the benchmark.
        rows: the rows to search; rows without values to search are left out.
        scale: small or paper.
        n_seeds: number of seeds, which are counted from 100.
        out: the folder DIR.
        workers: how jobs are done.

    Returns:
        the contents of the file with the choice, and the jobs that were given up.

    Raises:
        InputError: no row has values to search.
        StorageError, FormatError, CorruptError: a file cannot be written, or is damaged.
    """
    searching = [row for row in rows if row.searched(scale)]
    if not searching:
        raise InputError(f"{benchmark.name}: none of these rows has values to search",
                         code="E-CHOSEN")  # fmt: skip
    planned = search.jobs(benchmark, searching, scale, n_seeds, out / scale, commit())
    failures = workers.do(
        [job for grid in planned.values() for combination in grid for job in combination], out
    )
    return search.choose(benchmark, scale, planned, failures), failures
