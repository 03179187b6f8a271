"""What a state folder says of how its engine was opened, so that nobody has to say it again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from metabit.edge_runtime.plan import Learn
from metabit.export.repack import newest_choice


@dataclass(frozen=True)
class Opened:
    """How the engine of a state was opened, as `Engine` takes it."""

    learn: Learn
    bits: int
    units: int | None


def opened_with(state: Path | None) -> Opened | None:
    """How the engine was opened whose newest sound state lies in this folder; None where none does.

    Raises:
        FormatError, CorruptError: all states there are damaged.
    """
    choice = None if state is None or not state.is_dir() else newest_choice(state)
    if choice is None:
        return None
    units = choice.units if choice.head == "tracking" else None
    return Opened(choice.head or choice.learn_layers, choice.bits, units)
