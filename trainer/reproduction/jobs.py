"""A job: one recipe with one seed, or one experiment, in a folder of its own.

Jobs do not depend on each other, so they can be done in any order, in any process, on any machine,
and each can be repeated alone. A finished job has a job.json in its folder, which is written last
and has all numbers that a table needs. `work.do_job` does a job; this module needs no PyTorch.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from metabit.errors import CorruptError
from metabit.trainer.data import where
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.runs.progress import Progress

SCHEMA = "metabit/job/1"
DONE = "job.json"

SHARES = ("acc", "plasticity", "bwt", "fwt", "forgetting", "prequential")
"""Numbers from 0 to 1 (or -1 to 1) that tables and targets show in per cent."""


@dataclass(frozen=True, eq=False)
class Job:
    """What a worker needs to know.

    Attributes:
        label: row and seed, for messages.
        folder: where the results are written.
        seed: seed of data and training.
        commit: commit of the sources, if they are a checkout.
        recipe: plain tables with the seed; empty for an experiment.
        experiment: name of an experiment of trainer/experiments/; empty for a recipe.
        scale: scale of the experiment.
        does: "module:function", the name by which a worker imports the function that does the job.
            Default: `work.do_job`, for the jobs of benchmarks.
    """

    label: str
    folder: Path
    seed: int
    commit: str | None
    recipe: dict[str, Any]
    experiment: str = ""
    scale: str = ""
    does: str = "metabit.trainer.reproduction.work:do_job"

    def to_json(self) -> str:
        """The job as text, for another process."""
        return json.dumps(asdict(self) | {"folder": str(self.folder)})

    @classmethod
    def from_json(cls, text: str) -> Job:
        """The job that `to_json` wrote."""
        fields = json.loads(text)
        return cls(**fields | {"folder": Path(fields["folder"])})

    def check_data(self) -> None:
        """Refuse a job whose data set is not on this machine.

        Raises:
            InputError: code E-DATA-MISSING.
        """
        if self.recipe and self.does == Job.does:
            data = recipe_from_dict(self.recipe).data
            for name in data.sets if data.own is None else ():
                where(name)

    def do(self, progress: Progress) -> None:
        """Do it here; it imports PyTorch. Errors as of the function that does it."""
        module, _, function = self.does.partition(":")
        getattr(importlib.import_module(module), function)(self, progress)

    @property
    def finished(self) -> bool:
        """Whether the job has been done."""
        return (self.folder / DONE).exists()


def folder_name(label: str, tables: dict[str, Any]) -> str:
    """A folder for the runs of a recipe. Another recipe with the same label has another folder.

    Args:
        label: label of the row; its letters, digits, dots and dashes are kept.
        tables: the recipe as plain tables, without its seed.
    """
    words = re.sub(r"[^a-z0-9.]+", "-", label.lower()).strip("-.")
    digest = hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()
    return f"{words}-{digest[:8]}"


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
