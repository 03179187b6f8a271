"""`metabit learn`: teach a model, one sample after the other."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from metabit.cli.common import Answer, Output, verb
from metabit.cli.options import (
    BANK_OR_TASKS,
    BATCH,
    BITS,
    DATA,
    FILE,
    LIMIT,
    RAM,
    SPLIT,
    STATE,
    TASK,
    THREADS,
    bank_for,
    learn_option,
)
from metabit.cli.progress import progress
from metabit.cli.tables import by_class, class_table, percent
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.sizes import format_kib
from metabit.export.blob import Blob
from metabit.readers.read import read_samples
from metabit.readers.samples import need_labels

# Samples between two moves of the progress bar, or a little fewer: whole batches.
CHUNK = 100


@verb("learn")
@FILE
@DATA
@STATE
@learn_option("all")
@BITS
@RAM
@click.option(
    "--m", type=click.FloatRange(min=0), metavar="M",
    help="Metaplasticity: how hard old weights resist change; 0 switches it off. Default: as in "
    "FILE.",
)  # fmt: skip
@click.option(
    "--step", "step_levels", type=click.FloatRange(min=0), metavar="LEVELS",
    help="Step size, in levels of an 8-bit hidden weight. Default: as in FILE.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, metavar="N",
    help="Seed for stochastic rounding.",
)  # fmt: skip
@BATCH
@LIMIT
@SPLIT
@TASK
@BANK_OR_TASKS
@THREADS
def command(
    out: Output, file: Path, data: str, state: Path | None, learn: str, bits: int, ram: str | None,
    m: float | None, step_levels: float | None, seed: int, batch: int, limit: int | None,
    split: str, task: int | None, bank: int | None, threads: int | None,
) -> Answer:  # fmt: skip
    """Teach FILE with the labelled samples of DATA, in their order.

    Every sample is predicted before it is learnt. The share of right predictions is the prequential
    accuracy. With --state, learning continues from what that folder holds, and the result is kept
    there, safe against power cuts. FILE itself never changes.

    DATA is the same as for `metabit predict`.
    """
    blob = Blob.of(file)
    model = blob.model
    samples = read_samples(data, model, limit=limit, split=split, task=task)
    truth = need_labels(samples, model.n_outputs)
    engine = Engine(
        blob, ram=ram, learn=learn, bits=bits, bank=bank_for(bank, task, model.n_banks),
        step_levels=step_levels, m=m, seed=seed, state=state, batch=batch,
        threads=threads,
    )  # fmt: skip
    out.line(f"{file}: {engine.plan.choice}, arena {format_kib(engine.plan.arena_bytes)}")
    n = len(truth)
    try:
        correct = _learn(engine, samples.x, truth)
    except KeyboardInterrupt:
        if state is not None:
            engine.commit()
            out.note(f"interrupted: what was learnt until now is kept in {state}")
        raise
    if state is not None:
        engine.commit()
    status = engine.status()
    answer: Answer = {
        "file": file,
        "data": samples.where,
        "n_samples": n,
        "prequential_accuracy": float(correct.mean()),
        "last_accuracy": float(correct[-max(1, n // 10) :].mean()),
        "learn_layers": engine.plan.learn_layers,
        "state_bits": engine.plan.state_bits,
        "batch": engine.plan.batch,
        "arena_bytes": engine.plan.arena_bytes,
        "state": state,
        **vars(status),
        "plasticity_left": status.plasticity_left,
        "classes": by_class(model, truth, correct),
    }
    _print(out, answer)
    return answer


def _learn(engine: Engine, x: NDArray[np.generic], truth: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which samples were predicted right before they were learnt, shape (n,)."""
    n, right, chunk = len(truth), [], CHUNK // engine.plan.batch * engine.plan.batch
    with progress() as bar:
        shown = bar.add_task("learning", total=n, note="")
        for start in range(0, n, chunk):
            part = slice(start, start + chunk)
            right.append(engine.learn(x[part], truth[part]) == truth[part])
            bar.update(
                shown, completed=min(n, start + chunk),
                note=f"last {len(right[-1])}: {percent(float(right[-1].mean()))} right",
            )  # fmt: skip
    return np.concatenate(right)


def _print(out: Output, answer: Answer) -> None:
    out.line(
        f"learnt {answer['n_samples']:,} samples of {answer['data']}: prequential accuracy "
        f"{percent(answer['prequential_accuracy'])}, last tenth {percent(answer['last_accuracy'])}",
        "bold",
    )
    rows = class_table(answer["classes"])
    if rows is not None:
        out.show(rows)
    out.line(
        f"{answer['n_steps']:,} samples since export; the last step changed "
        f"{answer['last_writes']:,} hidden weights and flipped {answer['last_flips']:,} of "
        f"{answer['n_weights']:,}; plasticity left {percent(answer['plasticity_left'])}"
    )
    if answer["state"] is None:
        out.line("nothing is kept: give --state DIR to keep it", "yellow")
    else:
        out.line(f"kept in {answer['state']}")
