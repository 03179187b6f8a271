"""From a path to a data set, with what is held out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.data.own import arrays, folders, text_table
from metabit.trainer.data.own.counts import counts_in, units_of
from metabit.trainer.data.own.frames import Frames, check_rate, indexed, windows_in, without_missing
from metabit.trainer.data.own.recordings import rows_of_files
from metabit.trainer.data.own.roles import check_inputs, roles_in
from metabit.trainer.data.own.split import check_classes, held_by_name, rows_to_test
from metabit.trainer.data.own.what import OwnData
from metabit.trainer.frontend import to_counts

_OF_ROWS = ("time", "channels", "missing", "window", "hop")
"""What a recipe says of rows of a table, or of a recording."""


def load_own(data: OwnData) -> DataSet:
    """The data set that a recipe describes.

    Tables and time series become int16 counts, shape (n, n_channels, window), which a front end
    makes samples of; pictures become uint8.

    Raises:
        InputError, FormatError, CorruptError: it cannot be read, or cannot be what the recipe
            says; the message names file, line and column.
    """
    path = Path(data.path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder", code="E-DATA-READ")
    if folders.is_folder(path):
        found = list(folders.files_in(path, data.pattern))
        if found[0].name.lower().endswith(folders.PICTURES):
            return _pictures(data, found, held_by_name(data, found))
        return set_of_frames(data, *rows_of_files(data, found))
    if path.suffix.lower() in arrays.SUFFIXES:
        return _from_arrays(data, path)
    return set_of_frames(data, frames_of_table(data, path), None, data.sample_rate)


def load_new(data: OwnData) -> DataSet:
    """All samples of a folder or zip as training samples, with nothing held out.

    For a model that is trained. Where no name of a file says a class, the only class is "". Errors
    as of `load_own` and `folders.new_files_in`.
    """
    path = Path(data.path)
    found = list(folders.new_files_in(path, data.pattern))
    if found[0].name.lower().endswith(folders.PICTURES):
        return _pictures(data, found, np.zeros(len(found), dtype=bool))
    frames, _, rate = rows_of_files(data, found)
    return set_of_frames(data, frames, np.zeros(len(frames.values), dtype=bool), rate)


# ---- rows ------------------------------------------------------------------------------------


def frames_of_table(data: OwnData, path: Path) -> Frames:
    """The rows of a table in their order. Errors as of `load_own`."""
    _refuse_keys(data, ("pattern",), "a table has no names of files that say anything")
    table = text_table.read_text_table(path)
    roles = roles_in(data, table)
    group = None if roles.group is None else indexed(table.words(roles.group), in_order=True)
    y, names = indexed(table.words(roles.label))
    if "" in names:
        row = table.words(roles.label).index("")
        raise InputError(
            f'{path}: line {table.first_line + row}, column "{roles.label}": no class; give the '
            "row one, or take it out",
            code="E-DATA-CELL",
        )
    values = table.numbers(list(roles.channels))
    if data.channels is None:
        check_inputs(str(path), roles.channels, [values])
    return Frames(
        values,
        roles.channels,
        y,
        names,
        None if group is None else group[0],
        () if group is None else group[1],
        None if roles.time is None else table.seconds(roles.time),
        np.zeros(len(y), dtype=np.int64),
        str(path),
        ((str(path), table.first_line),),
    )


def set_of_frames(
    data: OwnData, frames: Frames, held: NDArray[np.bool_] | None, rate: float | None
) -> DataSet:
    """Rows as a set of windows, or of rows.

    Args:
        data: what the recipe says.
        frames: the rows.
        held: which of them are held out to test with, shape (n,); None for what `data` says.
        rate: rows per second, where the files say it.

    Raises:
        InputError: as `load_own`.
    """
    frames = without_missing(frames, data.missing)
    if data.window is not None:
        check_rate(frames)
    test_rows = rows_to_test(data, frames) if held is None else held
    sides = [frames.take(~test_rows), frames.take(test_rows)]
    units = units_of(sides[0].values)
    length = data.window or 1
    train = _side(data, sides[0], units, length)
    nothing = np.zeros(len(train), dtype=bool)
    test = _side(data, sides[1], units, length) if test_rows.any() else train.take(nothing)
    check_classes(frames, train.y, test.y)
    return DataSet(
        name=Path(data.path).stem,
        train=train,
        test=test,
        n_classes=len(frames.class_names),
        class_names=frames.class_names,
        dtype="int16",
        scale=1.0,
        zero_point=0,
        citation="",
        source=data.path,
        units=units,
        sample_rate=data.sample_rate or rate,
        channel_names=frames.channels,
    )


def _side(data: OwnData, frames: Frames, units: NDArray[np.float32], length: int) -> Split:
    hop = data.hop or max(1, length // 2)
    windows = windows_in(frames, length, hop)
    counts = counts_in(frames.values, units)
    x = counts[windows.starts[:, np.newaxis] + np.arange(length)].transpose(0, 2, 1)
    group = None
    if frames.group is not None:
        group = _as_numbers(frames.group_names)[frames.group[windows.starts]]
    return Split(np.ascontiguousarray(x), frames.label[windows.starts], group)


def _as_numbers(names: tuple[str, ...]) -> NDArray[np.int64]:
    """The numbers that groups are called by, or else 1, 2, ... in the order of their names."""
    if all(name.isascii() and name.isdigit() and len(name) < 10 for name in names):
        return np.array([int(name) for name in names], dtype=np.int64)
    return np.arange(1, len(names) + 1)


# ---- samples that are whole already ----------------------------------------------------------


def _pictures(data: OwnData, found: list[folders.Found], held: NDArray[np.bool_] | None) -> DataSet:
    _refuse_keys(data, _OF_ROWS, "a picture is a sample as it is")
    for file in found:
        if not file.name.lower().endswith(folders.PICTURES):
            raise folders.neither(data.path, file)
    pixels = [folders.picture(file) for file in found]
    shapes = {array.shape: file.name for array, file in zip(pixels, found, strict=True)}
    if len(shapes) > 1:
        told = ", ".join(f"{shape} ({name})" for shape, name in list(shapes.items())[:3])
        raise InputError(
            f"{data.path}: pictures differ in size or colour: {told}; bring them to one size first",
            code="E-DATA-SHAPE",
        )
    group = [file.group for file in found] if any(file.group for file in found) else None
    return _of_samples(
        data, np.stack(pixels), [file.label for file in found], group,
        held, "uint8", 1 / 255,
    )  # fmt: skip


def _from_arrays(data: OwnData, path: Path) -> DataSet:
    _refuse_keys(data, (*_OF_ROWS, "pattern"), "each entry of x is a sample as it is")
    names = [n if isinstance(n, str) else None for n in (data.label, data.group)]
    found = arrays.read_arrays_of(path, *names)
    x = found["x"]
    labels = [_word(label) for label in found["y"].reshape(-1).tolist()]
    group = [str(g) for g in found["group"].reshape(-1).tolist()] if "group" in found else None
    if x.dtype == np.uint8:
        return _of_samples(data, x, labels, group, None, "uint8", 1 / 255)
    if x.dtype == np.bool_:
        x = x.astype(np.int16)
    if not np.issubdtype(x.dtype, np.number) or np.iscomplexobj(x) or x.ndim not in (2, 3):
        raise InputError(
            f"{path}: x is {x.dtype} of shape {x.shape}; numbers of shape (samples, values) or "
            "(samples, channels, frames) are read, and uint8 pictures",
            code="E-DTYPE",
        )
    if x.size == 0:
        raise InputError(f"{path}: x has no values: shape {x.shape}", code="E-DATA-EMPTY")
    if not np.isfinite(x).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
        raise InputError(
            f"{path}: x{list(place)} is {x[place]}; take such samples out, or put a number there",
            code="E-DATA-NAN",
        )
    x = x.astype(np.float64)[:, :, np.newaxis] if x.ndim == 2 else x.astype(np.float64)
    whole = _of_samples(data, x, labels, group, None, "int16", 1.0)
    units = units_of(whole.train.x.transpose(0, 2, 1).reshape(-1, x.shape[1]))
    sides = [
        Split(to_counts(s.x.transpose(0, 2, 1), units)[0].transpose(0, 2, 1), s.y, s.subject)
        for s in (whole.train, whole.test)
    ]
    return replace(whole, train=sides[0], test=sides[1], units=units)


def _word(label: Any) -> str:
    """The name of a class; a whole number is called alike in every type."""
    whole = isinstance(label, float) and label.is_integer()
    return str(int(label) if whole else label)


def _refuse_keys(data: OwnData, keys: tuple[str, ...], why: str) -> None:
    """Refuse what a recipe says of such data in vain."""
    nothing = OwnData(data.path)
    for key in keys:
        if getattr(data, key) != getattr(nothing, key):
            raise InputError(f"{data.path}: [data] {key}: {why}", code="E-DATA-KEY")


def _of_samples(
    data: OwnData, x: NDArray[Any], labels: list[str], group: list[str] | None,
    held: NDArray[np.bool_] | None, dtype: str, scale: float,
) -> DataSet:  # fmt: skip
    y, names = indexed(labels)
    groups = None if group is None else indexed(group, in_order=True)
    rows = Frames(
        np.zeros((len(x), 1)), ("x",), y, names, None if groups is None else groups[0],
        () if groups is None else groups[1], None, np.zeros(len(x), dtype=np.int64), data.path,
    )  # fmt: skip
    out = rows_to_test(data, rows) if held is None else held
    subject = None if groups is None else _as_numbers(groups[1])[groups[0]]
    whole = Split(x, y, subject)
    train, test = whole.take(~out), whole.take(out)
    check_classes(rows, train.y, test.y)
    return DataSet(
        name=Path(data.path).stem, train=train, test=test, n_classes=len(names),
        class_names=names, dtype=dtype, scale=scale, zero_point=0, citation="", source=data.path,
        sample_rate=data.sample_rate,
    )  # fmt: skip
