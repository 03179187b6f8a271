"""`metabit profile`: what a model costs on a board."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from metabit.cli.board_tables import csv_text, side_by_side
from metabit.cli.common import Answer, Output, verb
from metabit.cli.measuring import measure, show_measured
from metabit.cli.options import BANK, BATCH, BITS, BOARD, CONTEXTS, FILE, STATE, learn_option
from metabit.cli.paths import ReadPath, WriteFile
from metabit.cli.phase_tables import PHASE_NOTE, phase_table, phases_csv
from metabit.cli.progress import progress
from metabit.cli.tables import FRONT_END, WORK_NOTE, budget_bar, table, table_below, work_table
from metabit.edge_runtime.sizes import format_kib
from metabit.errors import InputError, nearest
from metabit.extras import need
from metabit.files import write_whole
from metabit.report import of_profile
from metabit.report.render import write
from metabit.report.words import made_now

if TYPE_CHECKING:
    from metabit.firmware_sim.memory_use import MemoryUse
    from metabit.firmware_sim.profile import Profile


@verb("profile")
@FILE
@BOARD
@learn_option("auto")
@BITS
@BATCH
@CONTEXTS
@BANK
@STATE
@click.option(
    "--csv", "table_file", metavar="FILE", type=WriteFile(),
    help="Also write a line for each board into this .csv file.",
)  # fmt: skip
@click.option(
    "--layers-csv", "layers_file", metavar="FILE", type=WriteFile(),
    help="Also write a line for each layer and phase, in instructions and cycles, into this file.",
)  # fmt: skip
@click.option(
    "--trace", "trace_file", metavar="FILE", type=WriteFile(),
    help="Also write a prediction and a learning step, layer by layer on the board's clock, into "
    "this .json file, which ui.perfetto.dev opens.",
)  # fmt: skip
@click.option(
    "--html", "page_file", metavar="FILE", type=WriteFile(),
    help="Also write a page with drawings into this .html file.",
)  # fmt: skip
@click.option(
    "--measured", metavar="FILE", type=ReadPath(),
    help="Show what the program of `metabit firmware` printed on the board beside the estimates.",
)  # fmt: skip
@click.option(
    "--host", metavar="USER@HOST",
    help="Measure on this machine, through ssh, and show that beside the estimates.",
)  # fmt: skip
def command(
    out: Output, file: Path, board: str, learn: str, bits: int, batch: int,
    contexts: int | None, bank: int, state: Path | None, table_file: Path | None,
    layers_file: Path | None, trace_file: Path | None, page_file: Path | None,
    measured: Path | None, host: str | None,
) -> Answer:  # fmt: skip
    """Show what FILE costs on a board: RAM, flash, instructions, estimated time and energy.

    The real firmware is built and run on an emulated core. Sizes are read from the linked firmware,
    and instructions are counted. Time and energy are estimated from them, with lower and upper
    bounds. If the model does not fit, the exit code is 3. With --board all, every board that can be
    emulated here gets one line. With --state, the board begins with what was learnt there, and is
    opened as that engine was: its head, its replay and its spare classes are in the cost.

    A board with Linux can be measured: with --host a program is built, copied, run and removed;
    with --measured, the JSON that this program has printed on the board is read.
    """
    need("profile, simulate")
    from metabit.firmware_sim.memory_use import too_large

    options: dict[str, Any] = {
        "learn": learn, "bits": bits, "bank": bank, "batch": batch, "contexts": contexts,
    }  # fmt: skip
    if state is not None and (measured or host):
        raise InputError(
            "what is measured on a board begins as exported: leave --state out",
            code="E-USAGE",
        )
    if (measured or host) and (board == "all" or (measured and host)):
        raise InputError(
            "--measured FILE and --host USER@HOST go with one board, and one of the two is enough",
            code="E-USAGE",
        )
    if board == "all":
        profiles = _run(file, _every_board(), options | {"state": state})
        out.show(side_by_side(f"{file} on every board", profiles))
        out.line(WORK_NOTE, "dim")
        _write_tables(profiles, table_file, layers_file, trace_file)
        made_all = {"file": file, "boards": [each.to_dict() for each in profiles]}
        _write_page(page_file, made_all)
        return made_all
    real = measure(file, board, measured, host, options)
    (made,) = _run(file, [board], options | {"state": state})
    _write_tables([made], table_file, layers_file, trace_file)
    _print(out, file, made, state)
    answer: Answer = {"file": file, **made.to_dict()}
    _write_page(page_file, answer)
    if real is not None:
        answer["measured"] = show_measured(out, real, file, board, made)
    if not made.fits:
        out.partial = answer
        raise too_large(str(file), made.board, made.choice, made.ram, made.flash)
    return answer


def _every_board() -> list[str]:
    from metabit.firmware_sim import boards

    return [name for name in boards.names() if boards.load(name).emulated]


def _run(file: Path, names: Sequence[str], options: dict[str, Any]) -> list[Profile]:
    """The profile on each board; the first time, the C core is compiled for its processor."""
    from metabit.firmware_sim.profile import profile

    made = []
    with progress() as bar:
        shown = bar.add_task("profile", total=len(names), note="")

        def telling(name: str) -> Callable[[str], None]:
            return lambda stage: bar.update(shown, note=f"{name}: {stage}")

        for name in names:
            made.append(profile(file, name, told=telling(name), **options))
            bar.advance(shown)
    return made


def _write_tables(
    made: Sequence[Profile], table_file: Path | None, layers_file: Path | None,
    trace_file: Path | None,
) -> None:  # fmt: skip
    from metabit.firmware_sim.trace import trace

    if table_file is not None:
        write_whole(table_file, csv_text(made).encode())
    if layers_file is not None:
        write_whole(layers_file, phases_csv(made).encode())
    if trace_file is not None:
        write_whole(trace_file, (json.dumps(trace(made)) + "\n").encode())


def _write_page(path: Path | None, answer: Answer) -> None:
    if path is not None:
        write(of_profile.page(answer, made_now()), path)


def _print(out: Output, file: Path, made: Profile, state: Path | None) -> None:
    from metabit.firmware_sim.profile import INCLUDED

    _print_layers(out, file, made)
    if state is not None:
        out.line(f"it begins with what was learnt in {state}")
    _print_memory(out, "RAM", made.ram)
    if made.flash.available_bytes:
        _print_memory(out, "flash", made.flash)
    kinds = {"open": made.open, FRONT_END: made.front_end, "predict": made.predict}
    out.show(work_table(kinds, made.learn))
    out.line(WORK_NOTE, "dim")
    out.show(phase_table(made))
    out.line(PHASE_NOTE, "dim")
    _print_notes(out, made)
    out.line(INCLUDED, "dim")


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
    rows = table_below(name, "part", ">bytes", ">size")
    for part, n_bytes in memory.largest():
        rows.add_row(part, f"{n_bytes:,}", format_kib(n_bytes))
    rows.add_row("total", f"{memory.used_bytes:,}", format_kib(memory.used_bytes), style="bold")
    out.show(rows)
    bar = budget_bar(memory.used_bytes, memory.available_bytes)
    out.console.print(Text.assemble(f"{name} ", bar, f" of {format_kib(memory.available_bytes)}"))


def _print_notes(out: Output, made: Profile) -> None:
    from metabit.firmware_sim.cost import cores

    stack = made.ram.parts["stack, reserved"]
    out.line(
        f"stack: {format_kib(made.stack_used_bytes)} used at the deepest, of "
        f"{format_kib(stack)} reserved; samples: {made.samples}"
    )
    life = made.flash_life
    if life is not None:
        out.line(
            f"flash life, of whole states: {format_kib(life.commit_bytes)} a commit into "
            f"{life.slots:,} slots beside this firmware, {life.commits:,} commits; "
            f"{life.years_hourly:,.{int(life.years_hourly < 10)}f} years at one an hour (changes "
            "or samples take less; an image of `metabit firmware` may leave room for fewer slots)"
        )
    if made.predict.estimate is None:
        out.line(
            f'core "{made.core}" has no cost model: cycles, time and energy are not estimated; '
            f"{nearest(made.core, cores.names())}"
        )
    if made.energy_covers:
        out.line(f"energy covers {made.energy_covers}")
