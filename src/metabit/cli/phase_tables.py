"""Where the cycles of a model go, layer by layer: a table for people, and rows of CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from metabit.cli.tables import percent, table_below

if TYPE_CHECKING:
    from metabit.firmware_sim.cost.phases import Phase
    from metabit.firmware_sim.profile import Profile

#: What stands below `phase_table`.
PHASE_NOTE = "cycles by layer are the core's alone: caches, memory and wait states stand above"
CSV_COLUMNS = ("board", "work", "layer", "name", "phase", "instructions", "cycles")


def phase_table(profile: Profile) -> Table:
    """A row for each phase of a prediction and of a learning step, with its share of it."""
    rows = table_below("layer by layer", "", "layer", "phase", ">instructions", ">cycles", ">share")
    for work, phases in _works(profile):
        total = sum(map(_size, phases))
        for i, phase in enumerate(phases):
            cycles = "-" if phase.cycles is None else f"{phase.cycles:,.0f}"
            rows.add_row(
                work if i == 0 else "", _layer(profile, phase), phase.name,
                f"{phase.instructions:,.0f}", cycles, percent(_size(phase) / total),
            )  # fmt: skip
    return rows


def phases_csv(made: Sequence[Profile]) -> str:
    """A line of `CSV_COLUMNS` for each phase; what is not of a layer, or not known, is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for profile in made:
        for work, phases in _works(profile):
            for phase in phases:
                writer.writerow(
                    [
                        profile.board, work, "" if phase.layer is None else phase.layer,
                        _layer(profile, phase), phase.name, round(phase.instructions, 1),
                        "" if phase.cycles is None else round(phase.cycles, 1),
                    ]
                )  # fmt: skip
    return text.getvalue()


def _works(profile: Profile) -> list[tuple[str, Sequence[Phase]]]:
    works = [("predict", profile.predict), ("learn", profile.learn)]
    return [(name, work.counts.phases) for name, work in works if work is not None]


def _size(phase: Phase) -> float:
    return phase.instructions if phase.cycles is None else phase.cycles


def _layer(profile: Profile, phase: Phase) -> str:
    return "" if phase.layer is None else profile.layers[phase.layer].name
