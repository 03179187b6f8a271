"""Samples of rows that still come: each is made before the next row is read."""

from __future__ import annotations

from collections.abc import Iterator

from metabit.edge_runtime.engine import Engine
from metabit.readers.csv_rows import CsvRow, CsvRows
from metabit.readers.samples import Array


def samples_as_they_come(rows: CsvRows, engine: Engine) -> Iterator[tuple[CsvRow, Array]]:
    """Each sample, shape (1, n_inputs), with the row that completed it.

    Args:
        rows: of a file that may not end.
        engine: of the model that `rows` is read for; its front end, if it has one, makes the
            samples.
    """
    group = None
    for row in rows:
        values = rows.inputs([row.values])
        if engine.front_end is None:
            yield row, values
            continue
        if group is not None and row.group != group:
            engine.windows.restart()
        group = row.group
        sample = engine.push(values)
        if len(sample):
            yield row, sample
