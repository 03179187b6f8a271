"""`metabit boards`: which boards there are, and where their figures are from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from metabit.cli.common import Answer, Output, verb
from metabit.cli.paths import ReadName
from metabit.cli.tables import table
from metabit.edge_runtime.sizes import format_kib

if TYPE_CHECKING:
    from metabit.firmware_sim.boards import Board


@verb("boards")
@click.argument("name", required=False, type=ReadName())
def command(out: Output, name: str | None) -> Answer:
    """List the boards that `metabit profile`, `simulate` and `plan` know.

    With NAME, show that board, and where each of its figures is from. The path of a board file
    (.toml) of your own works here, and wherever a verb takes the name of a board.
    """
    from metabit.firmware_sim import boards

    known = [boards.load(name)] if name else [boards.load(known) for known in boards.names()]
    rows = table("boards", "name", "core", ">clock", ">RAM", ">flash", "what it is")
    for board in known:
        flash = format_kib(board.flash_bytes) if board.flash_bytes else "-"
        rows.add_row(
            board.name, board.core, f"{board.clock_hz / 1e6:,.0f} MHz",
            format_kib(board.ram_bytes), flash, board.title,
        )  # fmt: skip
    out.show(rows)
    if name:
        _show_sources(out, known[0])
    else:
        out.line("this machine is measured: `metabit bench FILE`")
    return {"boards": [_answer(board) for board in known]}


def _show_sources(out: Output, board: Board) -> None:
    rows = table("\nwhere the figures are from", "about", "source")
    for about, source in board.sources.items():
        rows.add_row(about, source)
    out.show(rows)
    if board.power_covers:
        out.line(f"power covers {board.power_covers}")


def _answer(board: Board) -> Answer:
    return {
        "name": board.name,
        "title": board.title,
        "core": board.core,
        "clock_hz": board.clock_hz,
        "clock_hz_range": list(board.clock_range),
        "isa": board.isa,
        "emulated": board.emulated,
        "ram_bytes": board.ram_bytes,
        "flash_bytes": board.flash_bytes,
        "sources": dict(board.sources),
    }
