"""`metabit boards`: which boards `profile` and `simulate` know."""

from __future__ import annotations

from metabit.cli.common import Answer, Output, verb
from metabit.cli.tables import table
from metabit.edge_runtime.sizes import format_kib


@verb("boards")
def command(out: Output) -> Answer:
    """List the boards that `metabit profile` and `metabit simulate` know.

    Both verbs also take the path of a board file (.toml) of your own.
    """
    from metabit.firmware_sim import boards

    known = [boards.load(name) for name in boards.names()]
    rows = table("boards", "name", "core", ">clock", ">RAM", ">flash", "what it is")
    for board in known:
        flash = format_kib(board.flash_bytes) if board.flash_bytes else "-"
        rows.add_row(
            board.name, board.core, f"{board.clock_hz / 1e6:,.0f} MHz",
            format_kib(board.ram_bytes), flash, board.title,
        )  # fmt: skip
    out.show(rows)
    return {
        "boards": [
            {
                "name": board.name,
                "title": board.title,
                "core": board.core,
                "clock_hz": board.clock_hz,
                "ram_bytes": board.ram_bytes,
                "flash_bytes": board.flash_bytes,
            }
            for board in known
        ]
    }
