"""A job: one recipe with one seed, or one experiment, in a folder of its own.

Jobs know nothing of each other, so they may run in any order, in any process, on any machine, and
each can be done again alone. A job is finished where its folder has a job.json, which is written
last and holds every number that a table needs. `work.do_job` does a job; this module needs no
PyTorch.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from metabit.errors import CorruptError
from metabit.trainer.data import where
from metabit.trainer.recipe import recipe_from_dict

SCHEMA = "metabit/job/1"
DONE = "job.json"

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

    def check_data(self) -> None:
        """Refuse a job whose data set is not on this machine.

        Raises:
            InputError: code E-DATA-MISSING.
        """
        if self.recipe:
            for name in recipe_from_dict(self.recipe).data.sets:
                where(name)

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
