"""What is in data of one's own, before anything is trained on it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.trainer.data.own import arrays, folders, text_table
from metabit.trainer.data.own.roles import check_inputs, roles_in
from metabit.trainer.data.own.what import OwnData

_FEW = 50
"""A column of words with more different ones is neither class nor group."""
_AT_AN_END, _LEAST_AT_AN_END = 0.01, 5
"""Share and number of values at one end of a column from which its sensor has perhaps reached its
limit."""


@dataclass(frozen=True, eq=False)
class Column:
    """One column of numbers.

    Attributes:
        name: in the header, or the number of the column.
        values: shape (n,), NaN where a value is missing.
    """

    name: str
    values: NDArray[np.float64]

    @property
    def n_missing(self) -> int:
        """Missing values."""
        return int(np.isnan(self.values).sum())

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest value; NaN where all are missing."""
        known = self.values[np.isfinite(self.values)]
        return (float(known.min()), float(known.max())) if len(known) else (np.nan, np.nan)

    @property
    def share_at_ends(self) -> float:
        """Share of the values that are the smallest or the largest one, whichever is more."""
        low, high = self.ends
        if not low < high:
            return 0.0
        return float(max((self.values == low).mean(), (self.values == high).mean()))

    @property
    def is_limited(self) -> bool:
        """Whether so many values are at one end that the sensor has perhaps reached its limit."""
        n_at_end = self.share_at_ends * len(self.values)
        return self.share_at_ends > _AT_AN_END and n_at_end > _LEAST_AT_AN_END - 0.5


@dataclass(frozen=True, eq=False)
class Look:
    """What was found.

    Attributes:
        where: file or folder.
        what: kind of data and its size, in words.
        columns: columns of numbers.
        words: columns of words with few different ones, and how often each comes.
        classes, groups: samples or rows of each; empty where none are known.
        notes: what the user should know.
        draft: [data] of a recipe, as TOML.
    """

    where: str
    what: str
    columns: tuple[Column, ...] = ()
    words: dict[str, dict[str, int]] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    draft: str = ""


def look_at(data: OwnData) -> Look:
    """Look at a table, at arrays or at a folder.

    Raises:
        InputError, FormatError, CorruptError: it cannot be read.
    """
    path = Path(data.path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder", code="E-DATA-READ")
    if folders.is_folder(path):
        return _at_folder(data, path)
    if path.suffix.lower() in arrays.SUFFIXES:
        return _at_arrays(data, path)
    return _at_table(data, text_table.read_text_table(path))


def _at_table(data: OwnData, table: text_table.TextTable) -> Look:
    label = table.column(data.label, "label") if data.label is not None else table.label_column()
    group = None if data.group is None else table.column(data.group, "group")
    time = None if data.time is None else table.column(data.time, "time")
    columns: list[Column] = []
    words: dict[str, dict[str, int]] = {}
    notes: list[str] = []
    for name in table.frame.columns:
        if name in (label, group) or (name == time and _is_date(table, name)):
            continue
        try:
            columns.append(Column(name, table.numbers([name])[:, 0]))
        except InputError as error:
            counts = Counter(table.words(name))
            if len(counts) <= _FEW:
                words[name] = dict(counts)
            else:
                notes.append(str(error))
    classes = {} if label is None else dict(Counter(table.words(label)))
    if label is None:
        notes.append("no column is called label, class or target: say which it is with --label")
    elif len(classes) > max(_FEW, table.frame.height // 4):
        notes.append(f'"{label}": {len(classes):,} different values; is it a class?')
    if time is not None:
        notes += _of_time(table.seconds(time))
    if label is not None:
        notes += _of_inputs(data, table, [c for c in columns if c.name != time])
    notes += [note for column in columns if column.name != time for note in _of_column(column)]
    return Look(
        table.where,
        f"table of {table.frame.height:,} rows and {table.frame.width} columns, "
        f"{'with' if table.has_header else 'without'} a header",
        tuple(columns),
        words,
        classes,
        {} if group is None else dict(Counter(table.words(group))),
        tuple(notes),
        _draft(data, label),
    )


def _is_date(table: text_table.TextTable, name: str) -> bool:
    try:
        table.numbers([name])
    except InputError:
        return True
    return False


def _of_inputs(data: OwnData, table: text_table.TextTable, columns: list[Column]) -> list[str]:
    """Why columns of numbers would not be taken as inputs."""
    if data.channels is not None or not columns:
        return []
    names = tuple(column.name for column in columns)
    try:
        roles_in(data, table)
        check_inputs(table.where, names, [np.stack([c.values for c in columns], axis=1)])
    except InputError as error:
        return [str(error)]
    return []


def _of_column(column: Column) -> list[str]:
    notes = []
    low, high = column.ends
    if column.n_missing:
        notes.append(f'"{column.name}": {column.n_missing:,} values are missing')
    if low == high:
        notes.append(f'"{column.name}": every value is {low:g}, so it says nothing')
    elif column.is_limited and len(np.unique(column.values)) > _FEW:
        notes.append(
            f'"{column.name}": {100 * column.share_at_ends:.1f} % of the values are {low:g} or '
            f"{high:g}: has the sensor reached its limit?"
        )
    return notes


def _of_time(time: NDArray[np.float64]) -> list[str]:
    steps = np.diff(time)
    usual = float(np.median(steps)) if len(steps) else 0.0
    if not usual > 0:
        return ["time does not rise from row to row"]
    gaps = steps > 1.5 * usual
    back = int((steps <= 0).sum())
    notes = [f"a row every {usual:g} s: {1 / usual:g} rows per second"]
    if gaps.any():
        notes.append(f"{int(gaps.sum()):,} gaps in time, the longest {float(steps.max()):g} s")
    if back:
        notes.append(f"time goes back, or stands still, {back:,} times: other recordings begin")
    return notes


def _at_arrays(data: OwnData, path: Path) -> Look:
    names = [n if isinstance(n, str) else None for n in (data.label, data.group)]
    found = arrays.read_arrays_of(path, *names)
    x = found["x"]
    groups = found["group"].reshape(-1).tolist() if "group" in found else []
    columns: tuple[Column, ...] = ()
    if x.ndim in (2, 3) and x.shape[1] <= _FEW and np.issubdtype(x.dtype, np.number):
        by_channel = np.moveaxis(x.astype(np.float64), 1, 0).reshape(x.shape[1], -1)
        columns = tuple(Column(f"channel {c + 1}", v) for c, v in enumerate(by_channel))
    return Look(
        str(path),
        f"arrays: x {x.dtype} {x.shape}",
        columns,
        {},
        {str(k): n for k, n in sorted(Counter(found["y"].reshape(-1).tolist()).items())},
        {str(k): n for k, n in Counter(groups).items()},
        tuple(note for column in columns for note in _of_column(column)),
        _draft(data, None),
    )


def _at_folder(data: OwnData, path: Path) -> Look:
    kinds: Counter[str] = Counter()
    classes: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    lengths: list[int] = []
    for found in folders.files_in(path, data.pattern):
        kinds[found.name.rpartition(".")[2].lower()] += 1
        classes[found.label] += 1
        groups[found.group] += 1
        splits[found.split] += 1
        if found.name.lower().endswith(folders.SOUNDS):
            values, rate = folders.sound(found)
            sizes[f"{rate} Hz, {values.shape[1]} channels"] += 1
            lengths.append(len(values))
        elif found.name.lower().endswith(folders.PICTURES):
            sizes["×".join(map(str, folders.picture(found).shape))] += 1
        else:
            table = text_table.table_of(found.data, found.name)
            sizes[f"columns {', '.join(table.frame.columns)}"] += 1
            lengths.append(table.frame.height)
    notes = [f"{n:,} of {size}" for size, n in sizes.most_common(5)]
    if lengths:
        low, middle, high = np.quantile(lengths, [0, 0.5, 1])
        notes.append(
            f"recordings have {low:,.0f} to {high:,.0f} frames, in the middle {middle:,.0f}"
        )
    if len(sizes) > 1:
        notes.append("they differ: bring them to one size or rate before training")
    if len(classes) == 1 and data.pattern is None:
        notes.append(f"one class only: {folders.SAY_THE_PATTERN}")
    del groups[""], splits[""]
    if splits:
        told = ", ".join(f"{n:,} in {name}" for name, n in splits.items())
        notes.append(f"folders say what is held out to test with: {told}")
    return Look(
        str(path), "folder of " + ", ".join(f"{n:,} {kind} files" for kind, n in kinds.items()),
        (), {}, dict(sorted(classes.items())), dict(sorted(groups.items())), tuple(notes),
        _draft(data, None),
    )  # fmt: skip


def _draft(data: OwnData, label: str | None) -> str:
    lines = ["[data]", f"path = {_quoted(str(data.path))}"]
    keys = ("label", "group", "time", "pattern")
    for key in keys:
        value = getattr(data, key)
        value = label if key == "label" and value is None else value
        if value is not None:
            shown = str(value) if isinstance(value, int) else _quoted(value)
            lines.append(f"{key} = {shown}")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """A string as TOML writes it: with the escapes that JSON has, too."""
    return json.dumps(text, ensure_ascii=False)
