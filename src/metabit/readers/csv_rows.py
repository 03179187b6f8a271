"""Rows of numbers as separated text, from a file or from standard input, as samples of a model.

Rows are read one after the other and kept as the small integers that the model reads, so memory
does not grow with the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.inputs import Samples, quantize_input
from metabit.errors import InputError
from metabit.export.spec import Model
from metabit.export.windows import counts_of, samples_of_recording
from metabit.readers.csv_columns import Columns, columns_of
from metabit.readers.csv_text import Line, SeparatedText
from metabit.readers.samples import Array, ReadSamples, n_limited

_CHUNK = 4096
"""Rows that are converted at a time."""


@dataclass(frozen=True)
class CsvOptions:
    """How the user wants a csv file to be read.

    Attributes:
        label: name of the label's column, or its number from 1; None for what is usual.
        codes: whether values are the model's own integers (True) or real values (False); None for
            what the first row says: whole numbers are integers of the model.
    """

    label: str | None = None
    codes: bool | None = None


@dataclass(frozen=True)
class CsvRow:
    """One row of values.

    Attributes:
        values: as they are written.
        label: its cell, or None where there is no label.
        group: its cell, or "".
    """

    values: list[float]
    label: str | None
    group: str


class CsvRows:
    """The rows of a file, one after the other.

    Args:
        lines: of text.
        where: the file, for messages.
        model: the model that will see the values.
        options: what the user says.

    Attributes:
        where, model: as given.
        codes: whether values are integers of the model; None before the first row.
        n_limited, n_values: values that did not fit the input of the model, of all.
    """

    def __init__(self, lines: Iterable[str], where: str, model: Model, options: CsvOptions) -> None:
        self.where, self.model, self._options = where, model, options
        self._cells = SeparatedText(lines, where)
        # A front end reads real values in the units of its channels, unless it is told otherwise.
        self.codes = options.codes if model.front_end is None else bool(options.codes)
        self.n_limited = self.n_values = 0

    def __iter__(self) -> Iterator[CsvRow]:
        columns = None
        for line in self._cells:
            if columns is None:
                columns = columns_of(line, self._cells, self.model, self._options.label)
                if columns.has_header:
                    continue
            if len(line.cells) != columns.width:
                raise InputError(
                    f"{self.where}: line {line.number}: {len(line.cells)} columns where line 1 has "
                    f"{columns.width}",
                    code="E-DATA-SHAPE",
                )
            yield self._row(line, columns)

    def _row(self, line: Line, columns: Columns) -> CsvRow:
        values = self._cells.numbers(line, columns.values)
        whole = self._cells.are_whole(line, columns.values)
        if self.codes is None:
            self.codes = whole
        if self.codes and not whole:
            raise InputError(
                f"{self.where}: line {line.number}: real values, and those before are whole "
                "numbers, which are taken for the model's own integers; say --real or --codes",
                code="E-DATA-MEANING",
            )
        label = None if columns.label is None else line.cells[columns.label].strip()
        group = "" if columns.group is None else line.cells[columns.group].strip()
        return CsvRow(values, label, group)

    def inputs(self, values: list[list[float]]) -> Array:
        """Rows as the model reads them: integers of its input, or counts of its front end."""
        array = np.array(values, dtype=np.float64)
        self.n_values += array.size
        front_end = self.model.front_end
        if front_end is not None:
            if self.codes:
                return counts_of(array.astype(np.int64), front_end, self.where)
            units = front_end.unit
            self.n_limited += n_limited(array / units, -32_768, 32_767)
            return counts_of(array, front_end, self.where)
        spec = self.model.input
        low, high = (-128, 127) if spec.dtype == "int8" else (0, 255)
        if not self.codes:
            self.n_limited += n_limited(array / spec.scale + spec.zero_point, low, high)
            return quantize_input(array, spec, self.where)
        if array.min() < low or array.max() > high:
            raise InputError(
                f"{self.where}: values from {array.min():.0f} to {array.max():.0f}; the model's "
                f"{spec.dtype} input holds {low} to {high}; say --real if they are real values",
                code="E-DATA-RANGE",
            )
        return array.astype(spec.dtype)


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
    if model.front_end is not None:
        x, y = _windowed(x, y, [*starts, n], model, where)
    share = rows.n_limited / rows.n_values
    return ReadSamples(x, y, where, share, None if model.front_end else rows.codes)


def _windowed(
    frames: Array, labels: Array | None, bounds: list[int], model: Model, where: str
) -> tuple[Samples, Array | None]:
    """Samples of recordings, each with the label of its last frame."""
    assert model.front_end is not None
    does = model.front_end.does
    span = does.length + (does.stack - 1) * does.hop
    samples, ends = [], []
    for start, end in pairwise(bounds):
        found = samples_of_recording(frames[start:end], model.front_end, where)
        samples.append(found)
        ends.append(start + span - 1 + np.arange(len(found)) * does.hop)
    if not sum(map(len, samples)):
        raise InputError(
            f"{where}: {len(frames)} rows in {len(samples)} recordings; a sample needs {span} rows "
            "of one recording",
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
