"""`metabit learn FILE -`: rows of standard input, each answered and learnt before the next."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabit.cli.class_names import ClassNames
from metabit.cli.common import Answer, Output
from metabit.cli.reading import say_limited
from metabit.cli.stream_record import FADES
from metabit.edge_runtime.engine import Engine
from metabit.errors import InputError
from metabit.readers.csv_rows import CsvRows, labels_of
from metabit.readers.live import samples_as_they_come
from metabit.readers.samples import ReadSamples

Teacher = Callable[[ArrayLike, ArrayLike], NDArray[np.int64]]

KEPT_EVERY = 500
"""Samples after which what was learnt is kept."""


def learn_rows(
    out: Output, rows: CsvRows, engine: Engine, learn: Teacher, classes: ClassNames,
    limit: int | None, keep: Callable[[], None],
) -> Answer:  # fmt: skip
    """Predict every row, print its label, and learn the row if it has a label.

    Args:
        out: labels go to stdout at once, because the next program waits for them.
        rows: a row without a label, or with an empty one, is only answered.
        engine, learn: the engine, and what teaches it: itself, or its guard.
        classes: numbers of labels that are names.
        limit: samples after which to stop; None for the end of the rows.
        keep: keeps what was learnt; called after every `KEPT_EVERY` samples and at the end, also
            when the user interrupts.

    Raises:
        InputError: there is no sample (E-DATA-EMPTY), or no row has a label (E-NO-LABELS).
    """
    n, n_learnt, n_right, fading = 0, 0, 0, 0.0
    try:
        for row, sample in samples_as_they_come(rows, engine):
            n += 1
            if not row.label:
                out.answer(str(int(engine.predict(sample)[0])))
            else:
                told = ReadSamples(sample, labels_of([row.label], rows.model), rows.where)
                truth = classes.numbers(told, learning=True)
                assert truth is not None
                said = int(learn(sample, truth)[0])
                out.answer(str(said))
                n_learnt += 1
                n_right += said == truth[0]
                fading += (float(said == truth[0]) - fading) / min(n_learnt, FADES)
                if n_learnt % KEPT_EVERY == 0:
                    keep()
            if n == limit:
                break
    finally:
        if n_learnt:
            keep()
    if n == 0:
        raise InputError(f"{rows.where}: no samples", code="E-DATA-EMPTY")
    if n_learnt == 0:
        raise InputError(
            f"{rows.where}: no row has a label, and learning needs them: one more column at the "
            "end, or --label COLUMN",
            code="E-NO-LABELS",
        )
    say_limited(out, rows.where, rows.n_limited / rows.n_values)
    return {
        "data": rows.where,
        "n_samples": n,
        "n_learnt": n_learnt,
        "prequential_accuracy": n_right / n_learnt,
        "fading_accuracy": fading,
        "class_names": classes.known,
    }
