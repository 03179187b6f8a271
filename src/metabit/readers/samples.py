"""Samples for `predict` and `learn`: .npy, .npz, .csv, standard input, or a data set by name.

Everything is checked before a model sees it, and an error names file, shape, line or column.
"""

from __future__ import annotations

import csv
import math
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.inputs import check_labels, check_samples
from metabit.errors import CorruptError, FormatError, InputError, nearest
from metabit.export.shapes import map_samples
from metabit.export.spec import InputSpec, Model

if TYPE_CHECKING:
    from metabit.trainer.data.dataset import DataSet
    from metabit.trainer.recipe.data import DataRecipe
    from metabit.trainer.streams import Task

Array = NDArray[Any]
Labels = NDArray[np.int32]

SUFFIXES = (".npy", ".npz", ".csv")
STDIN = "-"

# What numpy.load raises on damaged files, whose headers may ask for anything.
DAMAGE = (ValueError, EOFError, MemoryError, SyntaxError, KeyError)


@dataclass(frozen=True)
class Samples:
    """Samples in the order in which they are to be used.

    Attributes:
        x: what the file holds; from `read`: shape (n, n_inputs), integers as the model wants.
        y: labels as the file holds them, or None when they are not known.
        where: the file or data set, for messages.
    """

    x: Array
    y: Array | None
    where: str

    def first(self, limit: int) -> Samples:
        """Only the first `limit` samples."""
        return Samples(self.x[:limit], None if self.y is None else self.y[:limit], self.where)


def read(
    data: str,
    model: Model,
    *,
    limit: int | None = None,
    split: str = "test",
    task: int | None = None,
) -> Samples:
    """Read DATA for a model.

    Args:
        data: a .npy, .npz or .csv file, ``-`` for csv rows on standard input, or the name of a
            data set.
        model: the model that will see the samples.
        limit: use only the first so many samples.
        split: ``"test"`` or ``"train"``, for a data set by name.
        task: which task of the stream that the model was trained on, from 1, for a data set by
            name; None takes the whole set, or the first task of the set where tasks change the
            samples or their labels.

    Raises:
        InputError: there is no such file or set, or its contents do not suit the model.
        FormatError, CorruptError: not the kind of file its name says, or a damaged one.
    """
    spec = model.input
    if data == STDIN:
        samples = _from_csv(sys.stdin, "standard input", spec, limit)
    elif Path(data).suffix.lower() in SUFFIXES:
        samples = _from_file(Path(data), spec, limit)
    else:
        samples = _from_set(data, model, split, task)
    if limit is not None:
        samples = samples.first(limit)
    x = check_samples(samples.x, spec, samples.where)
    if len(x) == 0:
        raise InputError(f"{samples.where}: no samples", code="E-DATA-EMPTY")
    return Samples(x, samples.y, samples.where)


def need_labels(samples: Samples, n_outputs: int) -> Labels:
    """The labels of `samples`, each in [0, n_outputs).

    Raises:
        InputError: there are none, or one is out of range.
    """
    if samples.y is None:
        raise InputError(
            f"{samples.where}: no labels, and learning needs them: an .npz with x and y, a csv "
            "with the label in one more column at the end, or a data set by name",
            code="E-NO-LABELS",
        )
    return check_labels(samples.y, len(samples.x), n_outputs, samples.where)


# ---- files -----------------------------------------------------------------------------------


def _from_file(path: Path, spec: InputSpec, limit: int | None) -> Samples:
    if not path.is_file():
        raise InputError(f"{path}: no such file", code="E-DATA-READ")
    try:
        if path.suffix.lower() == ".csv":
            with path.open(newline="", encoding="utf-8") as file:
                return _from_csv(file, str(path), spec, limit)
        if path.suffix.lower() == ".npy":
            return Samples(_load_array(path), None, str(path))
        return _from_npz(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror})", code="E-DATA-READ"
        ) from error


def _load_array(path: Path) -> Array:
    """An array of a .npy file; never a pickled one, which could run code."""
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise FormatError(
                f"{path}: not a .npy file; numpy.save makes one", code="E-DATA-FORMAT"
            )
        file.seek(0)
        try:
            return _plain_array(np.load(file, allow_pickle=False), str(path))
        except DAMAGE as error:
            raise _refused(str(path), error) from error


def _from_npz(path: Path) -> Samples:
    # np.load takes what does not begin like a zip file for a pickle.
    if not zipfile.is_zipfile(path):
        raise CorruptError(
            f"{path}: not a .npz file, or a damaged one; numpy.savez(file, x=..., y=...) makes one",
            code="E-DATA-FORMAT",
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            if "x" not in archive:
                names = ", ".join(archive.files) or "none"
                raise InputError(
                    f"{path}: no array named x (found: {names}); numpy.savez(file, x=..., y=...)",
                    code="E-DATA-NO-X",
                )
            x = _plain_array(archive["x"], f"{path}: x")
            y = _plain_array(archive["y"], f"{path}: y") if "y" in archive else None
    except (*DAMAGE, zipfile.BadZipFile, zlib.error) as error:
        raise _refused(str(path), error) from error
    return Samples(x, y, str(path))


def _refused(where: str, error: Exception) -> InputError | CorruptError:
    if "pickle" in str(error).lower():
        return InputError(
            f"{where}: holds Python objects, which metabit never loads because loading could run "
            "code; save numbers (uint8, int8 or float32)",
            code="E-DATA-PICKLE",
        )
    return CorruptError(f"{where}: damaged ({error})", code="E-DATA-FORMAT")


def _plain_array(value: object, where: str) -> Array:
    if not isinstance(value, np.ndarray):
        raise FormatError(f"{where}: not an array", code="E-DATA-FORMAT")
    return value


# ---- csv -------------------------------------------------------------------------------------


def _from_csv(lines: IO[str], where: str, spec: InputSpec, limit: int | None) -> Samples:
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
    return Samples(x, y, where)


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


# ---- data sets by name -----------------------------------------------------------------------


def _from_set(name: str, model: Model, split: str, task: int | None) -> Samples:
    from metabit.trainer import data  # NumPy only, but not needed for files
    from metabit.trainer.streams import build

    if name not in data.names():
        raise InputError(
            f'"{name}" is neither a {", ".join(SUFFIXES)} file nor a data set; '
            f"{nearest(name, data.names())}",
            code="E-DATA-NAME",
        )
    recipe = trained_on(model)
    sets = () if recipe is None else (recipe.name, *(recipe.then or ()))
    if recipe is None or name not in sets:
        if task is not None:
            raise InputError(
                f"--task {task}: this model was not trained on tasks of {name}", code="E-TASK"
            )
        return _of_set(data.load(name), model, split, name)
    if task is None and recipe.tasks_differ:
        task = sets.index(name) + 1
    if task is None:
        return _of_set(build(recipe.whole_set())[0], model, split, name)
    _, stream = build(recipe.with_clean_samples())
    if not 1 <= task <= len(stream):
        raise InputError(
            f"--task {task}: the model was trained on tasks 1 to {len(stream)}", code="E-TASK"
        )
    chosen = stream[task - 1]
    return _of_set(chosen, model, split, f"{name}, {chosen.name}")


def _of_set(of: DataSet | Task, model: Model, split: str, where: str) -> Samples:
    """Flat samples: a model may have been made with another shape of as many values."""
    part = of.train if split == "train" else of.test
    maps = map_samples(part.x)
    x = maps if model.input.shape == maps.shape[1:] else part.x
    return Samples(x.reshape(len(part), -1), part.y, f"{where}, {split} samples")


def trained_on(model: Model) -> DataRecipe | None:
    """The [data] table of the recipe that the model was trained with, if the file tells.

    Raises:
        FormatError: the file has such a table, but this version cannot read it.
    """
    from metabit.trainer.recipe.data import DataRecipe
    from metabit.trainer.recipe.tables import parse

    table = model.meta.get("data")
    if not isinstance(table, dict):
        return None
    try:
        return parse(DataRecipe, table, "[data] ")
    except InputError as error:
        raise FormatError(f"the recipe in the model file: {error}", code="E-META-RECIPE") from error
