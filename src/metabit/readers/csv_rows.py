"""Rows of numbers as comma-separated text, from a file or from standard input."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray

from metabit.errors import FormatError, InputError
from metabit.export.spec import InputSpec
from metabit.readers.samples import Array, ReadSamples


def from_csv(lines: IO[str], where: str, spec: InputSpec, limit: int | None) -> ReadSamples:
    """Rows of n_inputs numbers, or one more: the label.

    A first line without a single number is a header. If every value of a file is a whole number,
    they are the model's own integers; otherwise they are real values, quantized by the model.
    """
    rows: list[list[float]] = []
    try:
        for row in _csv_rows(lines, where, spec):
            rows.append(row)
            if limit is not None and len(rows) >= limit:
                break
    except UnicodeDecodeError as error:
        raise FormatError(f"{where}: not text ({error})", code="E-DATA-FORMAT") from error
    except csv.Error as error:
        raise FormatError(f"{where}: not csv ({error})", code="E-DATA-FORMAT") from error
    if not rows:
        raise InputError(f"{where}: no samples", code="E-DATA-EMPTY")
    values = np.array(rows, dtype=np.float64)
    x, y = values[:, : spec.n_inputs], None
    if values.shape[1] > spec.n_inputs:
        y = values[:, -1]
        if np.array_equal(y, np.trunc(y)):
            y = y.astype(np.int64)
    if np.array_equal(x, np.trunc(x)):
        x = _as_integers(x, spec, where)
    return ReadSamples(x, y, where)


def _csv_rows(lines: Iterable[str], where: str, spec: InputSpec) -> Iterator[list[float]]:
    width = None
    reader = csv.reader(lines)
    for cells in reader:
        line = reader.line_num
        if not cells:
            continue
        if width is None:
            width = len(cells)
            if width not in (spec.n_inputs, spec.n_inputs + 1):
                raise InputError(
                    f"{where}: line {line}: {width} columns; the model wants {spec.n_inputs}, or "
                    f"{spec.n_inputs + 1} with the label at the end",
                    code="E-DATA-SHAPE",
                )
            if not any(_is_number(cell) for cell in cells):
                continue
        if len(cells) != width:
            raise InputError(
                f"{where}: line {line}: {len(cells)} columns where line 1 has {width}",
                code="E-DATA-SHAPE",
            )
        yield [_number(cell, where, line, column) for column, cell in enumerate(cells, 1)]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(cell: str, where: str, line: int, column: int) -> float:
    if not _is_number(cell):
        raise InputError(
            f'{where}: line {line}, column {column}: "{cell[:40]}" is not a number',
            code="E-DATA-CELL",
        )
    value = float(cell)
    if not math.isfinite(value):
        raise InputError(
            f"{where}: line {line}, column {column}: {cell.strip()} is not finite",
            code="E-DATA-NAN",
        )
    return value


def _as_integers(x: NDArray[np.float64], spec: InputSpec, where: str) -> Array:
    low, high = (-128, 127) if spec.dtype == "int8" else (0, 255)
    if x.min() < low or x.max() > high:
        raise InputError(
            f"{where}: values from {x.min():.0f} to {x.max():.0f}; the model's {spec.dtype} input "
            f"holds {low} to {high}",
            code="E-DATA-RANGE",
        )
    return x.astype(spec.dtype)
