"""A small table of one's own, and questions to `metabit fit` about it, without other processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from metabit.fitting.fit import Asked
from metabit.fitting.question import Budgets, Question
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.reproduction.engines import Failure, Watcher
from metabit.trainer.reproduction.jobs import Job
from metabit.trainer.reproduction.runner import Workers
from metabit.trainer.runs.progress import Silent


def write_table(
    path: Path, seed: int = 0, wrong_after: int | None = None, n_rows: int = 160
) -> Path:
    """Rows of four values, whose classes a linear network tells apart, and their persons.

    Args:
        path: the file.
        seed: of the values.
        wrong_after: from this row on, labels are shifted by one class.
        n_rows: how many.
    """
    generator = np.random.default_rng(seed)
    label = np.arange(n_rows) % 3
    values = generator.normal(size=(n_rows, 4)) * 0.5
    values[:, 0] += label
    values[:, 1] -= 2.0 * (label == 1)
    if wrong_after is not None:
        label = np.where(np.arange(n_rows) >= wrong_after, (label + 1) % 3, label)
    names = np.array(["still", "walk", "run"])[label]
    person = np.arange(n_rows) // 20
    rows = [
        f"{','.join(f'{v:.4f}' for v in row)},p{who},{name}"
        for row, who, name in zip(values, person, names, strict=True)
    ]
    path.write_text("a,b,c,d,person,class\n" + "\n".join(rows) + "\n")
    return path


@dataclass
class Noted(Silent):
    """A watcher that remembers how many jobs were planned, and how many were finished before."""

    stages: list[tuple[int, int]] = field(default_factory=list)

    def planned(self, n_jobs: int, n_finished: int) -> None:
        self.stages.append((n_jobs, n_finished))

    def started(self, job: Job) -> None: ...
    def moved(self, job: Job, share: float) -> None: ...
    def done(self, job: Job) -> None: ...
    def failed(self, job: Job, reason: str, again: bool) -> None: ...


def here(jobs: Sequence[Job], _n: int, watcher: Watcher) -> list[Failure]:
    """A job engine without processes."""
    for job in jobs:
        watcher.started(job)
        job.do(Silent())
        watcher.done(job)
    return []


def asked_in(folder: Path, noted: Noted | None = None) -> Asked:
    watcher = noted or Noted()
    return Asked(
        folder,
        lambda _stages: Workers(here, 1, watcher),
        Silent(),
        lambda _line: None,
        rivals=False,
    )


def question_of(path: Path, ram: int | None = 8 * 1024, **more: Any) -> Question:
    data = DataRecipe(path=str(path), **({"group": "person"} | more))
    return Question("mine", data, None, Budgets(ram), "normal", 0)
