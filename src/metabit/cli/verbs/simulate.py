"""`metabit simulate`: the real firmware on an emulated board, beside the host engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from metabit.cli.class_names import ClassNames
from metabit.cli.common import Answer, Output, verb
from metabit.cli.options import (
    BANK_OR_TASKS,
    BATCH,
    BITS,
    BOARD,
    CONTEXTS,
    FILE,
    SPLIT,
    STATE,
    TASK,
    bank_for,
    learn_option,
)
from metabit.cli.paths import ReadName
from metabit.cli.progress import progress
from metabit.cli.reading import read_for
from metabit.cli.self_tests import self_test_told
from metabit.cli.tables import FRONT_END, WORK_NOTE, work_table
from metabit.edge_runtime.sizes import format_kib, ram_in_words
from metabit.export.blob import Blob
from metabit.extras import need


@verb("simulate")
@FILE
@BOARD
@click.option(
    "--samples", type=click.IntRange(min=1), default=100, show_default=True, metavar="N",
    help="How many samples to run.",
)  # fmt: skip
@click.option(
    "--data", metavar="DATA", type=ReadName(),
    help="Samples, as for `metabit predict`. Default: the golden samples, then random ones.",
)  # fmt: skip
@SPLIT
@TASK
@learn_option("none")
@BITS
@BATCH
@CONTEXTS
@BANK_OR_TASKS
@STATE
def command(
    out: Output, file: Path, board: str, samples: int, data: str | None, split: str,
    task: int | None, learn: str, bits: int, batch: int, contexts: int | None,
    bank: int | None, state: Path | None,
) -> Answer:  # fmt: skip
    """Run the firmware with FILE on an emulated board, and compare it with this machine.

    Predictions and scores must be equal bit for bit; with --learn, every learning step and the
    saved state as well. If they are not, the exit code is 5. With --state, both continue from
    the newest state in that folder, with the layers or the head that learnt it.
    """
    need("profile, simulate")
    from metabit.firmware_sim.simulate import simulate

    blob = Blob.of(file)
    model = blob.model
    given: dict[str, Any] = {}
    if data is not None:
        read = read_for(out, data, model, limit=samples, split=split, task=task)
        n_classes = model.n_outputs if model.head is None else model.head.n_classes
        labels = ClassNames(model, n_classes, state).numbers(read, learning=False)
        given = {"x": read.x, "y": labels}
    with progress() as bar:
        shown = bar.add_task(f"running on {board}", total=None, note="")
        made = simulate(
            blob, board, learn=learn, bits=bits, bank=bank_for(bank, task, model.n_banks),
            batch=batch, contexts=contexts, state=state, n_samples=samples,
            progress=lambda done, total: bar.update(shown, completed=done, total=total), **given,
        )  # fmt: skip
    n = len(made.labels)
    ram = ram_in_words(made.needed_bytes, made.arena_bytes)
    out.line(f"{file} on {made.board}: {made.choice}, arena {ram}")
    if state is not None:
        out.line(f"both begin with what was learnt in {state}")
    out.line(*self_test_told("the board", made.self_test_samples))
    if made.front_end is not None:
        out.line("the front end made the same samples of frames on both")
    out.line(f"{n} samples predicted: labels and scores equal the host's bit for bit")
    if made.learn is not None:
        out.line(
            f"{n} samples learnt: every prediction, and the saved state of {made.state_bytes:,} "
            "bytes, equal the host's bit for bit"
        )
    out.show(work_table({FRONT_END: made.front_end, "predict": made.predict}, made.learn))
    out.line(WORK_NOTE, "dim")
    out.line(f"stack: {format_kib(made.stack_used_bytes)} used at the deepest")
    return {"file": file, **made.to_dict()}
