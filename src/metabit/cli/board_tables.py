"""One model on many boards, side by side: a table for people, and rows of CSV for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from metabit.cli.tables import format_us, table
from metabit.edge_runtime.sizes import format_kib

if TYPE_CHECKING:
    from metabit.firmware_sim.profile import Profile
    from metabit.firmware_sim.simulate import Work

_ENDS = ("low", "typical", "high")
CSV_COLUMNS = (
    "board", "core", "clock_hz", "choice", "fits",
    "ram_used_bytes", "ram_available_bytes", "flash_used_bytes", "flash_available_bytes",
    *(
        f"{work}_{figure}"
        for work in ("predict", "learn")
        for figure in (
            "instructions", *(f"us_{end}" for end in _ENDS), *(f"uj_{end}" for end in _ENDS),
        )
    ),
)  # fmt: skip


def side_by_side(title: str, made: Sequence[Profile]) -> Table:
    """A row for each board: what is used of its memory, and what a sample takes."""
    rows = table(
        title, "board", "fits", ">RAM", ">flash", ">predict", ">per second", ">learn one", ">energy"
    )
    for profile in made:
        predict, learn = profile.predict, profile.learn
        us = None if predict.estimate is None else predict.estimate.microseconds[1]
        rows.add_row(
            profile.board, "yes" if profile.fits else "no",
            format_kib(profile.ram.used_bytes),
            format_kib(profile.flash.used_bytes) if profile.flash.available_bytes else "(in RAM)",
            _bar(predict), "-" if us is None else f"{1e6 / us:,.0f}", _typical(learn),
            _energy(predict),
        )  # fmt: skip
    return rows


def _bar(work: Work) -> str:
    """Typical time, with the ends of its bar."""
    if work.estimate is None:
        return "-"
    low, typical, high = work.estimate.microseconds
    return f"{format_us(typical)} ({format_us(low)} to {format_us(high)})"


def _typical(work: Work | None) -> str:
    if work is None or work.estimate is None:
        return "-"
    return format_us(work.estimate.microseconds[1])


def _energy(work: Work) -> str:
    estimate = work.estimate
    if estimate is None or estimate.microjoules is None:
        return "-"
    return f"{estimate.microjoules[1]:,.1f} µJ"


def csv_text(made: Sequence[Profile]) -> str:
    """A line of `CSV_COLUMNS` for each board; a figure that is not known is left empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for profile in made:
        writer.writerow(
            [
                profile.board, profile.core, profile.clock_hz, profile.choice, profile.fits,
                profile.ram.used_bytes, profile.ram.available_bytes,
                profile.flash.used_bytes, profile.flash.available_bytes,
                *_figures(profile.predict), *_figures(profile.learn),
            ]
        )  # fmt: skip
    return text.getvalue()


def _figures(work: Work | None) -> list[float | str]:
    """Instructions, microseconds and microjoules of one kind of work."""
    if work is None:
        return [""] * 7
    estimate = work.estimate
    times = [""] * 3 if estimate is None else [round(us, 3) for us in estimate.microseconds]
    energy = None if estimate is None else estimate.microjoules
    joules = [""] * 3 if energy is None else [round(uj, 3) for uj in energy]
    return [round(work.counts.total, 1), *times, *joules]
