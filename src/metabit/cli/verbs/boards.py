"""`metabit boards`: which boards there are, and where their figures are from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.table import Table

from metabit.cli.common import Answer, Output, verb
from metabit.cli.paths import ReadName
from metabit.cli.tables import table, table_below
from metabit.edge_runtime.sizes import format_kib
from metabit.errors import nearest

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
    if name:
        _show_board(out, known[0])
    else:
        rows = table("boards", "name", "core", ">clock", ">RAM", ">flash", "runs here", "image")
        for board in known:
            rows.add_row(
                board.name, board.core, f"{board.clock_hz / 1e6:,.0f} MHz",
                format_kib(board.ram_bytes),
                format_kib(board.flash_bytes) if board.flash_bytes else "-",
                "yes" if board.emulated else "plan only", "yes" if board.standalone else "-",
            )  # fmt: skip
        out.show(rows)
        out.line("image: `metabit firmware` can write an image that the board runs by itself")
        out.line("`metabit boards NAME` shows a board and where its figures are from")
        out.line("this machine is measured: `metabit bench FILE`")
    return {"boards": [_answer(board) for board in known]}


def _show_board(out: Output, board: Board) -> None:
    """Every figure of a board, each beside its source."""
    rows = table(f"{board.name}: {board.title}", "about", "figure", "source")
    figures = _figures(board)
    for about in dict.fromkeys([*figures, *board.sources]):
        rows.add_row(about, figures.get(about, ""), board.sources.get(about, ""))
    out.show(rows)
    out.show(_core_table(board))
    if board.power_covers:
        out.line(f"power covers {board.power_covers}")
    if not board.emulated:
        out.line("nothing here can run its core: `metabit plan --board` knows it, no other verb")


def _figures(board: Board) -> dict[str, str]:
    """Figures of a board in words, by what its file calls their sources."""
    slowest, usual, fastest = (hz / 1e6 for hz in board.clock_range)
    clock = f"{usual:,.0f} MHz"
    if slowest < fastest:
        clock += f" ({slowest:,.0f} to {fastest:,.0f})"
    flash = f", {format_kib(board.flash_bytes)} of flash" if board.flash_bytes else ""
    made = {"clock": clock, "memory": f"{format_kib(board.ram_bytes)} of RAM{flash}"}
    if board.endurance_cycles:
        made["flash"] = f"pages of {format_kib(board.page_bytes)}, {board.endurance_cycles:,} times"
    if board.caches:
        shapes = (f"{cache.name} {format_kib(cache.bytes)}" for cache in board.caches)
        made["caches"] = ", ".join(shapes)
    if board.memory_bytes_per_s:
        made["timing"] = f"memory read at {board.memory_bytes_per_s / 1e6:,.0f} MB/s"
    elif board.fetch_factor[2] > 1:
        low, typical, high = board.fetch_factor
        made["timing"] = f"cycles times {typical:g} ({low:g} to {high:g})"
    if board.active_mw is not None:
        low, typical, high = board.active_mw
        made["power"] = f"{typical:,.0f} mW ({low:,.0f} to {high:,.0f})"
    if board.standalone is not None:
        made["standalone"] = board.standalone.serial
    return made


def _core_table(board: Board) -> Table:
    """How the cycles of its core are estimated, and how far to trust that."""
    from metabit.firmware_sim.cost import cores

    rows = table_below("cycles", "about", "core", "source")
    if board.core not in cores.names():
        found = nearest(board.core, cores.names())
        rows.add_row("model", f'"{board.core}" has none', found)
        return rows
    core = cores.load(board.core)
    low, high = (100 * factor - 100 for factor in core.bar)
    rows.add_row("model", core.title, "; ".join(core.sources))
    rows.add_row("bar", f"{low:+.0f} to {high:+.0f} %", core.bar_source)
    return rows


def _answer(board: Board) -> Answer:
    return {
        "name": board.name,
        "title": board.title,
        "core": board.core,
        "clock_hz": board.clock_hz,
        "clock_hz_range": list(board.clock_range),
        "isa": board.isa,
        "emulated": board.emulated,
        "image": board.standalone is not None,
        "ram_bytes": board.ram_bytes,
        "flash_bytes": board.flash_bytes,
        "sources": dict(board.sources),
    }
