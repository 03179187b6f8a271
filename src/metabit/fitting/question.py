"""What a user asks of `metabit fit`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.recipe.frontend import FrontEndRecipe

EFFORTS = {"quick": 0.5, "normal": 1.0, "thorough": 4.0}
"""How long networks are trained, as a factor."""


@dataclass(frozen=True)
class Budgets:
    """What the device has for the network; None for no limit.

    Attributes:
        ram_bytes: of the arena, in which the network also learns.
        flash_bytes: of the .mbit file.
        board: a board whose RAM and flash, less the firmware's own, are budgets too.
        latency_us, energy_uj: time and energy of a prediction on that board.
    """

    ram_bytes: int | None = None
    flash_bytes: int | None = None
    board: str | None = None
    latency_us: float | None = None
    energy_uj: float | None = None


@dataclass(frozen=True)
class Question:
    """All that decides the answer.

    Attributes:
        name: of the answer, in file names and titles.
        data: where the samples are.
        frontend: the front end of a recipe, which is then the only one tried.
        budgets: what must not be exceeded.
        effort: a key of `EFFORTS`.
        seed: of everything that is random.
    """

    name: str
    data: DataRecipe
    frontend: FrontEndRecipe | None
    budgets: Budgets
    effort: str
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """As plain values, without those that are None."""
        tables = asdict(self)
        data = {key: value for key, value in tables["data"].items() if value is not None}
        return {**tables, "data": data}

    @property
    def fingerprint(self) -> str:
        """A digest in 16 hexadecimal digits: another question has another one."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
