"""A job: one recipe with one seed, or one experiment, in a folder of its own.

Jobs know nothing of each other, so they may run in any order, in any process, on any machine, and
each can be done again alone. A job is finished where its folder has a job.json, which is written
last and holds every number that a table needs.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from metabit.errors import CorruptError
from metabit.files import make_folder, write_whole
from metabit.trainer import experiments
from metabit.trainer.circumstances import circumstances
from metabit.trainer.experiments.outcome import cost_figure
from metabit.trainer.loop import train
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.runs import run_folder
from metabit.trainer.runs.progress import Progress

SCHEMA = "metabit/job/1"
DONE = "job.json"
CURVES = "curves.png"
"""The picture of an experiment."""

Numbers = dict[str, float | None]

_IN_METRICS = {"plasticity": "learning_acc", "prequential": "prequential_acc"}
"""Shares that tables call otherwise than metrics.json does."""

SHARES = ("acc", "plasticity", "bwt", "fwt", "forgetting", "prequential")
"""Numbers from 0 to 1 (-1 to 1), which tables and targets show in per cent."""


@dataclass(frozen=True, eq=False)
class Job:
    """What a worker is told.

    Attributes:
        label: row and seed, in messages.
        folder: where the results go.
        seed: of data and training.
        commit: of the sources, where they are a checkout.
        recipe: plain tables, seed included; empty for an experiment.
        experiment: name of one of trainer/experiments/; empty for a recipe.
        scale: what the experiment is told.
    """

    label: str
    folder: Path
    seed: int
    commit: str | None
    recipe: dict[str, Any]
    experiment: str = ""
    scale: str = ""

    def to_json(self) -> str:
        """The job as text, for another process."""
        return json.dumps(asdict(self) | {"folder": str(self.folder)})

    @classmethod
    def from_json(cls, text: str) -> Job:
        """What `to_json` made."""
        fields = json.loads(text)
        return cls(**fields | {"folder": Path(fields["folder"])})

    @property
    def finished(self) -> bool:
        """Whether it has been done."""
        return (self.folder / DONE).exists()


def folder_name(label: str, tables: dict[str, Any]) -> str:
    """A folder for the runs of a recipe: another recipe under the same label gets another one.

    Args:
        label: in words; letters, digits, dots and dashes of it are kept.
        tables: the recipe as it is given, without its seed.
    """
    words = re.sub(r"[^a-z0-9.]+", "-", label.lower()).strip("-.")
    digest = hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()
    return f"{words}-{digest[:8]}"


def do_job(job: Job, progress: Progress) -> None:
    """Do a job, or go on with one; afterwards it is finished.

    Raises:
        MetabitError: as `metabit.trainer.loop.train` does.
    """
    if job.finished:
        return
    make_folder(job.folder)
    numbers = _experiment(job) if job.experiment else _training(job, progress)
    document = {
        "schema": SCHEMA,
        **numbers,
        "seed": job.seed,
        "commit": job.commit,
        "circumstances": circumstances(),
    }
    text = json.dumps(document, indent=1, allow_nan=False)
    write_whole(job.folder / DONE, (text + "\n").encode())
    # Only a run that is to go on needs it, and of large networks it is the largest file.
    (job.folder / run_folder.CHECKPOINT).unlink(missing_ok=True)


def _experiment(job: Job) -> dict[str, Any]:
    torch.set_num_threads(1)  # the workers share the cores, and sums depend on the number
    begun = time.monotonic()
    found = experiments.find(job.experiment)(job.seed, job.scale)
    if found.curves:
        title = f"{job.experiment.replace('_', ' ')}, seed {job.seed}"
        write_whole(job.folder / CURVES, cost_figure(found.curves, title))
    return {
        "stream": "",
        "numbers": {key: _finite(value) for key, value in found.numbers.items()}
        | {"seconds": round(time.monotonic() - begun, 3)},
    }


def _training(job: Job, progress: Progress) -> dict[str, Any]:
    recipe = recipe_from_dict(job.recipe)
    begun = (job.folder / run_folder.RECIPE).exists()
    metrics = train(recipe, job.folder, resume=begun, progress=progress).metrics
    return {"stream": metrics["stream"], "numbers": _numbers(metrics)}


def _numbers(metrics: dict[str, Any]) -> Numbers:
    """What tables need of metrics.json; with what only the method has, under its own names."""
    numbers: Numbers = {}
    for name in SHARES:
        value = metrics.get(_IN_METRICS.get(name, name))
        if value is not None:
            numbers[name] = value
    numbers |= {key: float(value) for key, value in metrics["extra_metrics"].items()}
    return numbers | {
        "state_bytes": sum(metrics["state_bytes"].values()),
        "n_steps": metrics["n_steps"],
        "seconds": metrics["seconds"],
    }


def _finite(value: float) -> float | None:
    """JSON has neither NaN nor infinity."""
    return float(value) if abs(value) < float("inf") else None


def read_done(folder: Path) -> dict[str, Any]:
    """The job.json of a finished job.

    Raises:
        CorruptError: it cannot be used.
    """
    try:
        document = json.loads((folder / DONE).read_bytes())
        good = document["schema"] == SCHEMA and isinstance(document["numbers"], dict)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _bad(folder, str(error)) from error
    if not good:
        raise _bad(folder, "unknown schema")
    result: dict[str, Any] = document
    return result


def _bad(folder: Path, reason: str) -> CorruptError:
    return CorruptError(
        f"{folder / DONE}: not the numbers of a job ({reason}); remove the folder, and it is done "
        "again",
        code="E-JOB-JSON",
    )
