"""`metabit learn`: teach a model, one sample after the other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from metabit.cli.class_names import ClassNames
from metabit.cli.common import Answer, Output, verb
from metabit.cli.guarding import guard_answer, guard_for
from metabit.cli.kept_states import Opened, opened_with
from metabit.cli.learn_rows import KEPT_EVERY, learn_rows
from metabit.cli.learn_tables import say_learnt
from metabit.cli.options import (
    BANK_OR_TASKS,
    BATCH,
    BITS,
    CODES,
    CONTEXTS,
    DATA,
    FILE,
    KEEP,
    LABEL,
    LIMIT,
    RAM,
    REPLAY,
    SPLIT,
    TASK,
    THREADS,
    bank_for,
    learn_option,
)
from metabit.cli.paths import ReadName
from metabit.cli.progress import progress
from metabit.cli.reading import read_for
from metabit.cli.stream_record import StreamRecord
from metabit.cli.tables import percent
from metabit.cli.teaching import Teaching
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import GOALS
from metabit.edge_runtime.sizes import parse_bytes
from metabit.edge_runtime.states.kept_contexts import room_for
from metabit.errors import BudgetError, InputError
from metabit.export.blob import Blob
from metabit.export.spec import Model
from metabit.readers.live import MOST_WAITING, live_rows
from metabit.readers.read import STDIN
from metabit.readers.rows import CsvOptions, Rows
from metabit.report import of_learning
from metabit.report.render import write
from metabit.report.words import made_now

# Samples between two moves of the progress bar, or a little fewer: whole batches.
CHUNK = 100
#: Options that say how hidden weights move.
OF_LAYERS = {"m": "--m", "step_levels": "--step", "bits": "--bits"}


@verb("learn")
@FILE
@DATA
@KEEP
@learn_option(None)
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
@click.option(
    "--names", metavar="NAMES",
    help="Names of new classes, in the order of their labels, separated by commas.",
)  # fmt: skip
@click.option(
    "--guard/--no-guard", "guarded", default=None,
    help="Ask probes after every 500 samples, and take back what harmed. Default: where FILE "
    "carries probes.",
)  # fmt: skip
@click.option(
    "--probes", metavar="DATA", type=ReadName(),
    help="Labelled samples for the guard, never learnt from. Default: the probes in FILE.",
)  # fmt: skip
@click.option(
    "--goal", type=click.Choice(GOALS),
    help="remember: keep what was learnt. track: follow a stream whose meaning drifts. Default: as "
    "in FILE, or remember.",
)  # fmt: skip
@click.option(
    "--commit-every", type=click.IntRange(min=1), metavar="N",
    help="Keep what was learnt in --state after every N samples, as the guard leaves it. Default: "
    f"{KEPT_EVERY} for rows of standard input, otherwise at the end only.",
)  # fmt: skip
@click.option(
    "--report", metavar="FILE.html", type=click.Path(path_type=Path),
    help="Also write a page about the stream.",
)  # fmt: skip
@BATCH
@REPLAY
@CONTEXTS
@LABEL
@CODES
@LIMIT
@SPLIT
@TASK
@BANK_OR_TASKS
@THREADS
def command(
    out: Output, file: Path, data: str, state: Path | None, learn: str | None,
    names: str | None, guarded: bool | None, probes: str | None, label: str | None,
    codes: bool | None, limit: int | None, split: str, task: int | None, bank: int | None,
    commit_every: int | None, report: Path | None, **options: Any,
) -> Answer:  # fmt: skip
    """Teach FILE with the labelled samples of DATA, in their order.

    With nothing set, what the recipe of FILE says under [learn] learns, or else its counting head:
    it keeps what is known, and learns classes that it has never seen. A file without a head moves
    its layers, which can harm what they know.

    Every sample is predicted before it is learnt. The share of right predictions is the prequential
    accuracy. With --state, learning continues from what that folder holds, and the result is kept
    there, safe against power cuts; the layers or the head that learnt before learn again. FILE
    itself never changes.

    DATA is the same as for `metabit predict`. Labels are numbers, or names of classes. Rows of
    standard input are answered and learnt as they come, those without a label only answered. They
    are csv, or JSON lines such as {"id": 17, "values": [1, 2]}, whose label may follow later.
    """
    if commit_every is not None and state is None:
        raise InputError("--commit-every: kept where? Give --state DIR too", code="E-USAGE")
    blob = Blob.of(file)
    model = blob.model
    csv = CsvOptions(label, codes)
    samples = None
    if data != STDIN:
        samples = read_for(out, data, model, limit=limit, split=split, task=task, csv=csv)
    else:
        _refuse_for_rows(report, options["batch"])
    engine = _engine(blob, file, learn, state, bank_for(bank, task, model.n_banks), options)
    classes = ClassNames(model, engine.n_outputs, state)
    if names is not None:
        classes.attach(names)
    truth = None if samples is None else classes.numbers(samples, learning=True)
    guard = guard_for(engine, model, classes, guarded, probes)
    if samples is None or truth is None:
        rows = live_rows(sys.stdin, "standard input", model, csv)
        teaching = Teaching(engine, guard, classes, state, commit_every or KEPT_EVERY)
        return _learn_rows(out, rows, teaching, limit, file)
    out.line(f"{file}: {engine.plan.reason}")
    hits_before = guard.hits() if guard else 0
    teaching = Teaching(engine, guard, classes, state, commit_every)
    record = _learn(out, teaching, samples.x, truth)
    answer: Answer = {
        "file": file,
        "data": samples.where,
        "n_samples": len(truth),
        **_what_learnt(engine),
        "state": state,
        "guard": None if guard is None else guard_answer(guard, hits_before),
        "class_names": classes.known,
        "new_classes": _new(model, engine, truth),
        **_how_well(record, classes, engine.n_outputs),
    }
    say_learnt(out, answer, classes)
    if report is not None:
        out.line(f"report: {write(of_learning.page(answer, made_now()), report)}")
    return answer


def _refuse_for_rows(report: Path | None, batch: int) -> None:
    if report is not None or batch > 1:
        raise InputError(
            "rows of standard input are learnt one by one and not kept: --report and --batch need "
            "data that is all there",
            code="E-USAGE",
        )


def _engine(
    blob: Blob, file: Path, learn: str | None, state: Path | None, bank: int,
    options: dict[str, Any],
) -> Engine:  # fmt: skip
    """The engine that learns: what learnt into the state folder before, or what was asked for."""
    opened = opened_with(state) if learn is None else None
    if opened is not None:
        options["contexts"] = _contexts(blob, opened, options)
        learn, options["bits"] = str(opened.learn), options["bits"] or opened.bits
        options["replay"] = options["replay"] or opened.replay
        told = blob.model.told
        if told is not None and learn.isdigit() and not options["replay"]:
            options["batch"] = options["batch"] or told.batch
    engine = Engine(
        blob, learn=learn or "auto", bank=bank, state=state,
        units=None if opened is None else opened.units, **options,
    )  # fmt: skip
    _check_choice(engine, file, options)
    return engine


def _contexts(blob: Blob, opened: Opened, options: dict[str, Any]) -> int | None:
    """Room for contexts where a state is continued: as asked for, as it was made, or as fits."""
    if options["contexts"] is not None:
        asked: int = options["contexts"]
        return asked
    ram = options["ram"]
    how = Options(state_bits=options["bits"] or opened.bits, bank=opened.bank)
    return room_for(Mapped(blob), how, opened.facts, None if ram is None else parse_bytes(ram))


def _what_learnt(engine: Engine) -> Answer:
    """What learns, why, in how much RAM, and its counters and gauges."""
    plan = engine.plan
    return {
        "choice": plan.choice,
        "reason": plan.reason,
        "head": plan.head,
        "learn_layers": plan.learn_layers,
        "state_bits": plan.state_bits,
        "batch": plan.batch,
        "replay": plan.replay,
        "contexts": plan.contexts,
        "arena_bytes": plan.arena_bytes,
        "needed_bytes": plan.needed_bytes,
        **vars(engine.status()),
    }


def _how_well(record: StreamRecord, classes: ClassNames, n_outputs: int) -> Answer:
    """Accuracies, in all, by class and along the stream."""
    return {
        **record.accuracies(),
        "classes": record.by_class(classes),
        "confusion": record.confusion(n_outputs),
        "curve": record.curve(),
        "stretches": record.stretches(),
    }


def _learn_rows(
    out: Output, rows: Rows, teaching: Teaching, limit: int | None, file: Path
) -> Answer:
    engine, guard, classes, state = (
        teaching.engine, teaching.guard, teaching.classes, teaching.state,
    )  # fmt: skip
    out.note(f"{file}: {engine.plan.reason}")
    hits_before = guard.hits() if guard else 0
    answer = learn_rows(out, rows, teaching, limit)
    new = _new(rows.model, engine, np.array([row["label"] for row in answer["classes"]]))
    if new:
        out.note(f"new classes: {', '.join(map(classes, new))}")
    if answer["n_too_late"]:
        out.note(
            "warning: labels of samples that do not wait for one: "
            f"{answer['n_too_late']:,}; a sample waits if it came without a label and is among "
            f"the last {MOST_WAITING:,} of those"
        )
    out.note(
        f"learnt {answer['n_learnt']:,} of {answer['n_samples']:,} samples: right "
        f"{percent(answer['prequential_accuracy'])} as they came, "
        f"{percent(answer['fading_accuracy'])} of late; "
        + (f"kept in {state}" if state is not None else "nothing is kept: give --state DIR")
    )
    return {
        "file": file,
        "choice": engine.plan.choice,
        "arena_bytes": engine.plan.arena_bytes,
        "needed_bytes": engine.plan.needed_bytes,
        "state": state,
        "guard": None if guard is None else guard_answer(guard, hits_before),
        "new_classes": new,
        **answer,
    }


def _check_choice(engine: Engine, file: Path, options: dict[str, Any]) -> None:
    """Something learns, and every option that was given matters to it."""
    plan = engine.plan
    if not plan.learns and options["ram"] is None:
        raise InputError(
            f"{file}: carries neither a head nor hidden weights, so nothing can learn; export it "
            "without --no-state, or import it with --learn DATA",
            code="E-NO-STATE",
        )
    if not plan.learns:
        raise BudgetError(
            f"{file}: nothing that learns fits the RAM; `metabit plan {file} --learn all` and "
            "`--learn counting` say what they need",
            code="E-BUDGET",
        )
    given = [name for key, name in OF_LAYERS.items() if options[key] not in (None, 0)]
    given += ["--batch"] if options["batch"] > 1 else []
    given += ["--contexts"] if (options["contexts"] or 0) > 1 else []
    if plan.head and given:
        raise InputError(
            f"{', '.join(given)}: only for layers that learn, and the head of {file} learns; add "
            "--learn all",
            code="E-USAGE",
        )


def _learn(
    out: Output, teaching: Teaching, x: NDArray[np.generic], truth: NDArray[np.int32]
) -> StreamRecord:
    """Learn samples, and keep what was learnt; when the user interrupts too."""
    before = teaching.engine.predict(x)
    try:
        said = _with_progress(teaching, x, truth)
    except KeyboardInterrupt:
        teaching.keep()
        if teaching.state is not None:
            out.note(f"interrupted: what was learnt until now is kept in {teaching.state}")
        raise
    teaching.keep()
    return StreamRecord(truth, before, said, teaching.engine.predict(x))


def _with_progress(
    teaching: Teaching, x: NDArray[np.generic], truth: NDArray[np.int32]
) -> NDArray[np.int64]:
    """What was predicted of samples before they were learnt, shape (n,)."""
    n, batch = len(truth), teaching.engine.plan.batch
    said, chunk = [], CHUNK // batch * batch
    with progress() as bar:
        shown = bar.add_task("learning", total=n, note="")
        for start in range(0, n, chunk):
            part = slice(start, start + chunk)
            said.append(teaching.learn(x[part], truth[part]))
            right = float(np.mean(said[-1] == truth[part]))
            bar.update(
                shown, completed=min(n, start + chunk),
                note=f"last {len(said[-1])}: {percent(right)} right",
            )  # fmt: skip
    return np.concatenate(said)


def _new(model: Model, engine: Engine, truth: NDArray[np.integer]) -> list[int]:
    """Classes learnt here that the head did not know when FILE was exported."""
    if not engine.plan.head or model.head is None:
        return []
    told = np.unique(truth)
    return [int(label) for label in told if model.head.counts[label] == 0]
