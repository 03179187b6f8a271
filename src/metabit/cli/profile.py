"""`metabit profile`: what a model costs on a board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from metabit.cli.common import Answer, Output, verb
from metabit.cli.options import BANK, BATCH, BITS, BOARD, FILE, learn_option
from metabit.cli.tables import WORK_NOTE, budget_bar, table, work_table
from metabit.edge_runtime.sizes import format_kib
from metabit.extras import need

if TYPE_CHECKING:
    from metabit.firmware_sim.memory_use import MemoryUse
    from metabit.firmware_sim.profile import Profile


@verb("profile")
@FILE
@BOARD
@learn_option("auto")
@BITS
@BATCH
@BANK
def command(
    out: Output, file: Path, board: str, learn: str, bits: int, batch: int, bank: int
) -> Answer:
    """Show what FILE costs on a board: RAM, flash, instructions, estimated time and energy.

    The real firmware is built and run on an emulated core. Sizes are read from the linked firmware,
    and instructions are counted. Time and energy are estimated from them, with lower and upper
    bounds. If the model does not fit, the exit code is 3.
    """
    need("profile, simulate")
    from metabit.firmware_sim.memory_use import too_large
    from metabit.firmware_sim.profile import INCLUDED, profile

    made = profile(file, board, learn=learn, bits=bits, bank=bank, batch=batch)
    _print_layers(out, file, made)
    _print_memory(out, "RAM", made.ram)
    if made.flash.available_bytes:
        _print_memory(out, "flash", made.flash)
    out.show(work_table({"open": made.open, "predict": made.predict}, made.learn))
    out.line(WORK_NOTE, "dim")
    _print_notes(out, made)
    out.line(INCLUDED, "dim")
    answer: Answer = {"file": file, **made.to_dict()}
    if not made.fits:
        out.partial = answer
        raise too_large(str(file), made.board, made.choice, made.ram, made.flash)
    return answer


def _print_layers(out: Output, file: Path, made: Profile) -> None:
    title = f"{file} on {made.board} ({made.title}): {made.choice}"
    title += ", interleaved weights" if made.panels else ""
    rows = table(title, "layer", ">in", ">out", ">MAC", ">weights", ">state in RAM", "learns")
    for row in made.layers:
        rows.add_row(
            row.name, f"{row.n_in:,}", f"{row.n_out:,}", f"{row.n_macs:,}",
            format_kib(row.weight_bytes), format_kib(row.state_bytes),
            "yes" if row.learns else "no",
        )  # fmt: skip
    out.show(rows)


def _print_memory(out: Output, name: str, memory: MemoryUse) -> None:
    rows = table(f"\n{name}", "part", ">bytes", ">size")
    for part, n_bytes in memory.largest():
        rows.add_row(part, f"{n_bytes:,}", format_kib(n_bytes))
    rows.add_row("total", f"{memory.used_bytes:,}", format_kib(memory.used_bytes), style="bold")
    out.show(rows)
    bar = budget_bar(memory.used_bytes, memory.available_bytes)
    out.console.print(Text.assemble(f"{name} ", bar, f" of {format_kib(memory.available_bytes)}"))


def _print_notes(out: Output, made: Profile) -> None:
    stack = made.ram.parts["stack, reserved"]
    out.line(
        f"stack: {format_kib(made.stack_used_bytes)} used at the deepest, of "
        f"{format_kib(stack)} reserved; samples: {made.samples}"
    )
    life = made.flash_life
    if life is not None:
        out.line(
            f"flash life: {format_kib(life.commit_bytes)} a commit into {life.slots:,} slots, "
            f"{life.commits:,} commits; {life.years_hourly:,.0f} years at one an hour"
        )
    if made.energy_covers:
        out.line(f"energy covers {made.energy_covers}")
