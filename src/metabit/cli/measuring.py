"""What a board has measured of a model, for `profile`: from a file or through ssh, and shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from metabit.cli.answers import Answer
from metabit.cli.common import Output
from metabit.cli.tables import format_us, table_below

if TYPE_CHECKING:
    from metabit.firmware_sim.deploy.measured import Measured
    from metabit.firmware_sim.profile import Profile


def measure(
    file: Path, board: str, kept: Path | None, host: str | None, options: dict[str, Any]
) -> Measured | None:
    """What was measured of a model: read from a file, or measured now.

    Args:
        file: the model.
        board: what it is profiled for.
        kept: what the program printed, if it has run.
        host: where to run it, as ssh takes it.
        options: how the model is opened.
    """
    from metabit.firmware_sim.deploy.linux_program import linux_program
    from metabit.firmware_sim.deploy.measured import parse_measured, read_measured
    from metabit.firmware_sim.deploy.remote import processor_of, run_there

    if kept is not None:
        return read_measured(kept)
    if host is None:
        return None
    program = linux_program(file, board, processor=processor_of(host), **options)
    return parse_measured(run_there(host, program.elf), host)


def show_measured(
    out: Output, real: Measured, file: Path, board_name: str, made: Profile
) -> Answer:
    """Show what was measured beside what is estimated; returns it for JSON."""
    from metabit.firmware_sim import boards
    from metabit.firmware_sim.deploy.measured import beside, doubts

    pairs = beside(real, file, made)
    rows = table_below(
        "measured beside estimated", "", ">measured", ">quickest", ">estimated", ">ratio",
        ">cycles measured", ">estimated", ">ratio", "within the bar",
    )  # fmt: skip
    for pair in pairs:
        rows.add_row(
            pair.kind, format_us(pair.measured.median_us), format_us(pair.measured.min_us),
            format_us(pair.estimated_us[1]), f"{pair.ratio:.2f}",
            f"{pair.measured.cycles:,.0f}", f"{pair.estimated_cycles[1]:,.0f}",
            f"{pair.cycles_ratio:.2f}", "yes" if pair.within else "no",
        )  # fmt: skip
    out.show(rows)
    name = real.machine.get("board") or real.machine.get("cpu_name") or real.core or "not said"
    out.line(f"measured on: {name}; the answers were the host's, bit for bit")
    found = doubts(real, boards.load(board_name))
    for doubt in found:
        out.line(f"note: {doubt}")
    return {
        "from": real.where,
        "machine": real.machine,
        "work": [pair.to_dict() for pair in pairs],
        "notes": found,
    }
