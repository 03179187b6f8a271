"""`metabit plan`: RAM to the byte, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.text import Text

from metabit.cli.common import Answer, Output, verb
from metabit.cli.options import BANK, BATCH, BITS, CONTEXTS, FILE, RAM, REPLAY, learn_option
from metabit.cli.paths import ReadName
from metabit.cli.tables import budget_bar, table
from metabit.edge_runtime.plan import PARTS, Plan, plan
from metabit.edge_runtime.sizes import format_kib, parse_bytes
from metabit.errors import BudgetError, InputError
from metabit.export.blob import Blob


@verb("plan")
@FILE
@RAM
@click.option(
    "--board", metavar="NAME", type=ReadName(),
    help="Take the RAM of a board, less the stack, for the budget; see `metabit boards`.",
)  # fmt: skip
@learn_option(None)
@BITS
@BANK
@BATCH
@REPLAY
@CONTEXTS
def command(
    out: Output, file: Path, ram: str | None, board: str | None, learn: str | None, bits: int,
    bank: int, batch: int, replay: int, contexts: int | None,
) -> Answer:  # fmt: skip
    """Show how much RAM FILE needs, part by part, to the byte.

    Without --learn, what the recipe of FILE said under [learn]; or else its counting head, or all
    layers, in as many contexts as fit, where it has none; with --replay, what can learn samples
    again.

    The numbers come from the C function that also runs on the board. If the budget is too small,
    the exit code is 3, and the message names the nearest choice that fits.
    """
    budget = _budget(ram, board)
    blob = Blob.of(file)
    if learn is None and (replay or blob.model.told is not None):
        learn = "auto"
    elif learn is None:
        learn = _unasked(blob, bits, bank, batch, budget, contexts)
    options: dict[str, Any] = {
        "bits": bits, "bank": bank, "batch": batch, "replay": replay, "contexts": contexts,
    }  # fmt: skip
    try:
        made = plan(blob, learn=learn, ram=budget, **options)
        refused = None
    except BudgetError as error:
        # The table is wanted all the more when it does not fit.
        if learn == "auto" and blob.model.told is None:
            learn = "head" if replay else "all"
        made = plan(blob, learn=learn, **options)
        refused = error
    _print(out, file, made, budget)
    answer: Answer = {
        "file": file,
        "choice": made.choice,
        "learn_layers": made.learn_layers,
        "state_bits": made.state_bits,
        "batch": made.batch,
        "replay": made.replay,
        "contexts": made.contexts,
        "parts": dict(made.parts),
        "arena_bytes": made.arena_bytes,
        "blob_bytes": made.blob_bytes,
        "ram_bytes": budget,
        "fits": refused is None,
    }
    if refused is not None:
        out.partial = answer
        raise refused
    return answer


def _unasked(
    blob: Blob, bits: int, bank: int, batch: int, budget: int | None, contexts: int | None
) -> str:
    """What learns where neither the file nor anybody says it."""
    if blob.model.head is not None:
        return "counting"
    try:
        made = plan(
            blob, learn="auto", bits=bits, bank=bank, batch=batch, ram=budget, contexts=contexts
        )
    except BudgetError:
        return "all"
    return "auto" if made.contexts else "all"


def _budget(ram: str | None, board: str | None) -> int | None:
    """Bytes of RAM for the arena, from either option; None without."""
    if board is None:
        return None if ram is None else parse_bytes(ram)
    if ram is not None:
        raise InputError("--ram and --board both give a budget: choose one", code="E-ARGUMENT")
    from metabit.firmware_sim import boards

    chosen = boards.load(board)
    return chosen.ram_bytes - chosen.stack_bytes


def _print(out: Output, file: Path, made: Plan, budget: int | None) -> None:
    rows = table(f"{file}: {made.choice}", "RAM", ">bytes", ">size", "share")
    for name, n_bytes in sorted(made.parts.items(), key=lambda part: -part[1]):
        share = n_bytes / made.arena_bytes
        cells = Text("▇" * round(30 * share), "cyan")
        rows.add_row(PARTS[name], f"{n_bytes:,}", format_kib(n_bytes), cells)
    rows.add_section()
    rows.add_row("arena", f"{made.arena_bytes:,}", format_kib(made.arena_bytes), style="bold")
    rows.add_row("model, read-only", f"{made.blob_bytes:,}", format_kib(made.blob_bytes), "")
    out.show(rows)
    if budget is not None:
        bar = Text.assemble("budget ", budget_bar(made.arena_bytes, budget))
        bar.append(f" of {format_kib(budget)}")
        out.console.print(bar)
