"""Rows of numbers as separated text, from a file or from standard input, as samples of a model.

Rows are read one after the other and kept as the small integers that the model reads, so memory
does not grow with the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.inputs import Samples
from metabit.errors import InputError
from metabit.export.spec import Model
from metabit.export.windows import samples_of_recording
from metabit.readers.csv_columns import Columns, columns_of
from metabit.readers.csv_text import Line, SeparatedText
from metabit.readers.rows import CsvOptions, Rows, SampleRow
from metabit.readers.samples import Array, ReadSamples

_CHUNK = 4096
"""Rows that are converted at a time."""


class CsvRows(Rows):
    """The rows of separated text.

    Args:
        lines: of text.
        where, model, options: see `Rows`.
    """

    def __init__(self, lines: Iterable[str], where: str, model: Model, options: CsvOptions) -> None:
        super().__init__(where, model, options)
        self._cells = SeparatedText(lines, where)

    def __iter__(self) -> Iterator[SampleRow]:
        columns = None
        for line in self._cells:
            if columns is None:
                columns = columns_of(line, self._cells, self.model, self.options.label)
                if columns.has_header:
                    continue
            if len(line.cells) != columns.width:
                raise InputError(
                    f"{self.where}: line {line.number}: {len(line.cells)} columns where line 1 has "
                    f"{columns.width}",
                    code="E-DATA-SHAPE",
                )
            yield self._row(line, columns)

    def _row(self, line: Line, columns: Columns) -> SampleRow:
        values = self._cells.numbers(line, columns.values)
        whole = self._cells.are_whole(line, columns.values)
        self.mean_alike(whole, f"line {line.number}")
        label = None if columns.label is None else line.cells[columns.label].strip()
        group = "" if columns.group is None else line.cells[columns.group].strip()
        return SampleRow(values, label, group)


def from_csv(
    lines: Iterable[str], where: str, model: Model, limit: int | None, options: CsvOptions
) -> ReadSamples:
    """All samples of a file, and their labels where they are known.

    Raises:
        InputError: no rows (E-DATA-EMPTY), or a row that cannot be read; line and column are named.
    """
    rows = CsvRows(lines, where, model, options)
    parts: list[Array] = []
    values: list[list[float]] = []
    labels: list[str] = []
    starts, group = [0], None
    most = None if limit is None else limit if model.front_end is None else None
    n = 0
    for row in rows:
        assert row.values is not None  # a file tells the label of a row in it
        values.append(row.values)
        if row.label is not None:
            labels.append(row.label)
        if group is not None and row.group != group:
            starts.append(n)
        group, n = row.group, n + 1
        if len(values) == _CHUNK:
            parts.append(rows.inputs(values))
            values = []
        if n == most:
            break
    if n == 0:
        raise InputError(f"{where}: no samples", code="E-DATA-EMPTY")
    if values:
        parts.append(rows.inputs(values))
    x, y = np.concatenate(parts), labels_of(labels, model) if labels else None
    share = rows.n_limited / rows.n_values
    if model.front_end is None:
        return ReadSamples(x, y, where, share, rows.codes)
    bounds = [*starts, n]
    recordings = tuple(x[start:end] for start, end in pairwise(bounds))
    x, y = _windowed(x, y, bounds, model, where)
    return ReadSamples(x, y, where, share, recordings=recordings)


def _windowed(
    frames: Array, labels: Array | None, bounds: list[int], model: Model, where: str
) -> tuple[Samples, Array | None]:
    """Samples of recordings, each with the label of its last frame."""
    assert model.front_end is not None
    does = model.front_end.does
    samples, ends = [], []
    for start, end in pairwise(bounds):
        found = samples_of_recording(frames[start:end], model.front_end, where)
        samples.append(found)
        ends.append(start + does.n_frames - 1 + np.arange(len(found)) * does.hop)
    if not sum(map(len, samples)):
        raise InputError(
            f"{where}: {len(frames)} rows in {len(samples)} recordings; a sample needs "
            f"{does.n_frames} rows of one recording",
            code="E-DATA-WINDOW",
        )
    last = np.concatenate(ends)
    return np.concatenate(samples), None if labels is None else labels[last]


def labels_of(cells: list[str], model: Model) -> NDArray[np.int64] | NDArray[np.str_]:
    """Labels as numbers, or as names where a cell is none; a name that the model knows comes
    before the number that it may look like."""
    number = {name: label for label, name in enumerate(model.class_names)}
    if all(cell in number for cell in cells):
        return np.array([number[cell] for cell in cells], dtype=np.int64)
    if all(_is_whole(cell) for cell in cells):
        return np.array([int(cell) for cell in cells], dtype=np.int64)
    return np.array(cells)


def _is_whole(cell: str) -> bool:
    digits = cell.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) < 10
