"""`metabit predict`: labels of samples."""

from __future__ import annotations

import io
import sys
import time
from array import array
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from metabit.cli.class_names import ClassNames
from metabit.cli.common import Answer, Output, verb
from metabit.cli.kept_states import opened_with, since_export, with_what_was_learnt
from metabit.cli.options import (
    BANK_OR_TASKS,
    CODES,
    DATA,
    FILE,
    LABEL,
    LIMIT,
    SPLIT,
    STATE,
    TASK,
    THREADS,
    bank_for,
)
from metabit.cli.paths import WriteFile
from metabit.cli.reading import read_for, say_limited
from metabit.cli.row_record import RowRecord, number_of, say_row
from metabit.cli.tables import (
    by_class,
    class_table,
    confusion_table,
    confusions,
    percent,
)
from metabit.edge_runtime.engine import Engine
from metabit.export.blob import Blob
from metabit.export.states.files import no_states
from metabit.files import write_whole
from metabit.readers.live import Waiting, live_rows, no_sample, samples_as_they_come
from metabit.readers.read import STDIN
from metabit.readers.rows import CsvOptions, Rows

# So many labels are shown for people; --labels-out writes all of them.
SHOWN = 20
#: In place of the label of a sample that is of no known class.
UNKNOWN = -1


@verb("predict")
@FILE
@DATA
@LIMIT
@SPLIT
@TASK
@LABEL
@CODES
@BANK_OR_TASKS
@STATE
@THREADS
@click.option(
    "--unknown",
    is_flag=True,
    help="Give -1, or unknown, for samples unlike everything that the counting head of FILE knows.",
)
@click.option(
    "--labels-out", metavar="FILE", type=WriteFile(),
    help="Also write the labels to a file: .npy, or text with one label per line.",
)  # fmt: skip
def command(
    out: Output, file: Path, data: str, limit: int | None, split: str, task: int | None,
    label: str | None, codes: bool | None, bank: int | None, state: Path | None,
    threads: int | None, unknown: bool, labels_out: Path | None,
) -> Answer:  # fmt: skip
    """Run FILE on DATA and print the labels, and the accuracy if the true labels are known.

    DATA is a .npy, .npz (x, optionally y), .csv, .tsv or .txt file, a folder or zip of recordings
    or pictures, the name of a data set, or - for rows on standard input, csv or JSON lines,
    each of which is answered as it comes, by the name of its class. A csv row holds the
    inputs, and optionally the label; with a header, columns are found by their names. A model with
    a front end reads raw frames, a row each.

    With --state, the model predicts with what `metabit learn` has kept there, and knows the names
    of classes that are new. Where labels are known, the accuracy of FILE as exported stands beside:
    on samples of an earlier task, this shows whether something was forgotten. A model with a bank
    per task is asked for an earlier one by --task or --bank.
    """
    blob = Blob.of(file)
    model = blob.model
    csv = CsvOptions(label, codes)
    chosen = None if bank is None and task is None else bank_for(bank, task, model.n_banks)
    engine = open_engine(blob, bank=chosen, state=state, threads=threads, head=unknown)
    names = ClassNames(model, engine.n_outputs, state)
    if data == STDIN:
        stream = live_rows(sys.stdin, "standard input", model, csv)
        return {"file": file, **_stream(out, stream, engine, names, limit, unknown, labels_out)}
    samples = read_for(out, data, model, limit=limit, split=split, task=task, csv=csv)
    n, truth = len(samples.x), names.numbers(samples, learning=False)
    begun = time.perf_counter()
    labels = _labels(engine, samples.x, unknown)
    seconds = time.perf_counter() - begun
    if labels_out is not None:
        write_labels(labels_out, labels)
    judged = _judged(names, truth, labels, engine.n_outputs)
    _print(out, samples.where, names, labels, judged, unknown)
    since: Answer = {}
    if state is not None and truth is not None and not unknown:
        since = since_export(out, blob, chosen, state, samples.x, truth, judged["accuracy"])
    out.line(
        f"{n:,} samples in {1000 * seconds:.1f} ms ({1e6 * seconds / n:.1f} µs each), "
        f"arena {engine.plan.ram}"
    )
    return {
        "file": file,
        "data": samples.where,
        "n_samples": n,
        "labels": labels,
        **judged,
        "class_names": names.known,
        "seconds": seconds,
        "arena_bytes": engine.plan.arena_bytes,
        "needed_bytes": engine.plan.needed_bytes,
        **since,
    }


def _judged(
    names: ClassNames, truth: NDArray[np.int32] | None, labels: NDArray[np.int64], n_outputs: int
) -> Answer:
    """Accuracy, in all and by class, and what was taken for what; None where no truth is known."""
    if truth is None:
        return {"accuracy": None, "classes": None, "confusion": None}
    right = labels == truth
    return {
        "accuracy": float(np.mean(right)),
        "classes": by_class(names, truth, right),
        "confusion": confusions(truth, labels, n_outputs),
    }


def _print(
    out: Output, where: str, names: ClassNames, labels: NDArray[np.int64], judged: Answer,
    unknown: bool,
) -> None:  # fmt: skip
    n = len(labels)
    out.line(f"labels: {_in_words(names, labels[:SHOWN])}{' ...' if n > SHOWN else ''}")
    if judged["accuracy"] is None:
        return
    if unknown:
        n_unknown = int((labels == UNKNOWN).sum())
        out.line(f"unknown: {n_unknown:,} of {n:,} samples, which count as wrong below")
    out.line(f"accuracy on {where}: {percent(judged['accuracy'])}")
    classes, confusion = judged["classes"], judged["confusion"]
    for shown in (class_table(classes), confusion_table(classes, confusion)):
        if shown is not None:
            out.show(shown)


def _labels(engine: Engine, x: NDArray[np.generic], unknown: bool) -> NDArray[np.int64]:
    """Labels of samples; with `unknown`, UNKNOWN for those unlike everything that is known."""
    labels = engine.predict(x)
    if unknown:
        labels[engine.novelty(x) > 1] = UNKNOWN
    return labels


def _stream(
    out: Output, rows: Rows, engine: Engine, names: ClassNames, limit: int | None,
    unknown: bool, labels_out: Path | None,
) -> Answer:  # fmt: skip
    """Answer every row of standard input before the next one is read.

    Only answers are on stdout then, because they go to the next program. Labels are kept only where
    they are asked for, so memory does not grow with the stream.
    """
    n, record, waiting = 0, RowRecord(), Waiting[int]()
    kept = array("i") if labels_out is not None or out.as_json else None
    for row, sample in samples_as_they_come(rows, engine):
        if sample is None:
            earlier = waiting.take(row.name)
            if earlier is not None:
                record.add(number_of(row, rows, names, learning=False), earlier)
            continue
        n += 1
        said = int(_labels(engine, sample, unknown)[0])
        say_row(out, row, _name(names, said))
        if kept is not None:
            kept.append(said)
        if row.label:
            record.add(number_of(row, rows, names, learning=False), said)
        else:
            waiting.put(row.name, said)
        if n == limit:
            break
    if n == 0:
        raise no_sample(rows)
    if labels_out is not None:
        write_labels(labels_out, np.array(kept, dtype=np.int64))
    if record.n:
        out.note(f"accuracy on {rows.where}: {percent(record.accuracy)}")
    say_limited(out, rows.where, rows.n_limited / rows.n_values)
    return {
        "data": rows.where,
        "n_samples": n,
        "accuracy": record.accuracy if record.n else None,
        "labels": kept,
        "class_names": names.known,
        "classes": record.by_class(names) if record.n else None,
        "confusion": record.confusion(engine.n_outputs) if record.n else None,
        "arena_bytes": engine.plan.arena_bytes,
        "needed_bytes": engine.plan.needed_bytes,
    }


def _name(names: ClassNames, label: int) -> str:
    return "unknown" if label == UNKNOWN else names(label)


def _in_words(names: ClassNames, labels: NDArray[np.int64]) -> str:
    """Names of classes, or their numbers; with commas where a name has a space in it."""
    words = [_name(names, int(label)) for label in labels]
    return (", " if any(" " in word for word in words) else " ").join(words)


def open_engine(
    blob: Blob, *, bank: int | None, state: Path | None, threads: int | None = None,
    head: bool = False,
) -> Engine:  # fmt: skip
    """An engine for inference, or, with a state folder, an engine that holds what was learnt.

    Args:
        blob, state, threads: see `Engine`.
        bank: of normalisation values; None for the bank that learnt, or for the first. In another
            bank, what was learnt answers with that bank's own values.
        head: whether the counting head of the file answers, where there is no state.

    Raises:
        StorageError: there is nothing in the state folder: a wrong path must not pass silently.
    """
    if state is None:
        return Engine(blob, bank=bank or 0, threads=threads, learn="counting" if head else None)
    opened = opened_with(state)
    if opened is None:
        raise no_states(state, blob.where)
    if bank is not None and bank != opened.bank:
        return Engine(with_what_was_learnt(blob, state), bank=bank, threads=threads)
    return Engine(
        blob,
        bank=opened.bank,
        state=state,
        read_only=True,
        learn=opened.learn,
        bits=opened.bits,
        units=opened.units,
        replay=opened.replay,
        contexts=opened.contexts,
        threads=threads,
    )


def write_labels(path: Path, labels: NDArray[np.int64]) -> None:
    """Write labels as .npy, or one per line; the file appears whole or not at all.

    Raises:
        InputError, StorageError: see `write_whole`.
    """
    stream = io.BytesIO()
    if path.suffix.lower() == ".npy":
        np.save(stream, labels)
    else:
        stream.write("".join(f"{label}\n" for label in labels).encode())
    write_whole(path, stream.getvalue())
