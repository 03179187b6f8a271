"""`metabit learn FILE -`: rows of standard input, each answered and learnt before the next."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from metabit.cli.class_names import ClassNames
from metabit.cli.common import Answer, Output
from metabit.cli.reading import say_limited
from metabit.cli.row_record import RowRecord, number_of, say_row
from metabit.cli.teaching import Teaching
from metabit.edge_runtime.engine import Engine
from metabit.errors import InputError
from metabit.readers.live import Waiting, no_sample, samples_as_they_come
from metabit.readers.rows import Rows, SampleRow
from metabit.readers.samples import Array

KEPT_EVERY = 500
"""Samples after which what was learnt is kept, unless the user says otherwise."""


def learn_rows(out: Output, rows: Rows, teaching: Teaching, limit: int | None) -> Answer:
    """Predict every row, print what it is, and learn it if it has a label, or when that comes.

    Args:
        out: answers go to stdout at once, because the next program waits for them.
        rows: a row without a label, or with an empty one, is only answered.
        teaching: teaches; what was learnt is kept at the end too, also when the user interrupts.
        limit: samples after which to stop; None for the end of the rows.

    Raises:
        InputError: there is no sample (see `no_sample`), or none has a label (E-NO-LABELS).
    """
    record, waiting, classes = RowRecord(), Waiting[Array](), teaching.classes

    def taught(row: SampleRow, sample: Array) -> int:
        truth = number_of(row, rows, classes, learning=True)
        said = int(teaching.learn(sample, np.array([truth]))[0])
        record.add(truth, said)
        return said

    try:
        n = _answer(out, rows, teaching.engine, taught, waiting, classes, limit)
    finally:
        if record.n:
            teaching.keep()
    if n == 0:
        raise no_sample(rows)
    if record.n == 0:
        raise InputError(
            f"{rows.where}: no row has a label, and learning needs them: one more column at the "
            "end, or --label COLUMN",
            code="E-NO-LABELS",
        )
    say_limited(out, rows.where, rows.n_limited / rows.n_values)
    return {
        "data": rows.where,
        "n_samples": n,
        "n_learnt": record.n,
        "n_too_late": waiting.n_too_late,
        "prequential_accuracy": record.accuracy,
        "fading_accuracy": record.fading,
        "class_names": classes.known,
        "classes": record.by_class(classes),
        "confusion": record.confusion(teaching.engine.n_outputs),
    }


def _answer(
    out: Output, rows: Rows, engine: Engine, taught: Callable[[SampleRow, Array], int],
    waiting: Waiting[Array], classes: ClassNames, limit: int | None,
) -> int:  # fmt: skip
    """Answer every row as it comes, and teach those whose label is known; returns how many."""
    n = 0
    for row, sample in samples_as_they_come(rows, engine):
        if sample is None:  # the label of a sample that came earlier
            earlier = waiting.take(row.name)
            if earlier is not None:
                taught(row, earlier)
            continue
        n += 1
        if row.label:
            said = taught(row, sample)
        else:
            said = int(engine.predict(sample)[0])
            waiting.put(row.name, sample)
        say_row(out, row, classes(said))
        if n == limit:
            break
    return n
