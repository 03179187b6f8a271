"""Which column of a csv file is what: values, label, and the group that a row is of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from metabit.errors import InputError, nearest
from metabit.export.spec import Model
from metabit.readers.csv_text import Line, SeparatedText
from metabit.trainer.data.label_name import label_in


@dataclass(frozen=True)
class Columns:
    """Columns of a file, from 0.

    Attributes:
        width: cells per line.
        values: the values that the model reads, in its order.
        label: None where there is none.
        group: a new recording begins where it changes; None where it is not known.
        has_header: whether the first line names the columns.
    """

    width: int
    values: list[int]
    label: int | None
    group: int | None
    has_header: bool


def columns_of(first: Line, cells: SeparatedText, model: Model, label: str | None) -> Columns:
    """What the first line says of the columns.

    A column that the header calls a label is one, and so is the column that the model was trained
    with; where nothing says which, a column too many is the label, and it is the last.

    Args:
        first: the first line: a header where none of its cells is a number.
        cells: of the file.
        model: the model that will see the values.
        label: name of the label's column, or its number from 1; None for what is usual.

    Raises:
        InputError: there is no such column (E-DATA-COLUMN), or too many or too few
            (E-DATA-SHAPE).
    """
    has_header = not any(cells.is_number(cell) for cell in first.cells)
    names = [cell.strip() for cell in first.cells] if has_header else []
    width, n_values = len(first.cells), n_values_of(model)
    trained = _trained_columns(model)
    label_at = _find(label, names, width, cells.where, "--label") if label is not None else None
    if label_at is None:
        label_at = _as_trained(trained.get("label"), names, width)
    if label_at is None:
        label_at = label_in(names)
    group_at = _as_trained(trained.get("group"), names, width)
    time_at = _as_trained(trained.get("time"), names, width)
    known = _known_channels(model, names, width)
    if known is not None:
        others = [i for i in range(width) if i not in (*known, group_at, time_at)]
        if label_at is None and width == n_values + 1 and others:
            label_at = others[0]
        return Columns(width, known, label_at, group_at, has_header)
    _refuse_a_part(model, names, cells.where)
    left = [i for i in range(width) if i not in (label_at, group_at, time_at)]
    if label_at is None and len(left) == n_values + 1:
        label_at = left.pop()
    if len(left) != n_values:
        apart = f', separated by "{cells.separator}"' if width > 1 else ""
        raise InputError(
            f"{cells.where}: line {first.number}: {width} columns{apart}; the model wants "
            f"{n_values}, or {n_values + 1} with the label at the end or named in a header",
            code="E-DATA-SHAPE",
        )
    return Columns(width, left, label_at, group_at, has_header)


def n_values_of(model: Model) -> int:
    """Values per row that a model reads: of a sample, or of a frame where it has a front end."""
    front_end = model.front_end
    return model.n_inputs if front_end is None else front_end.does.n_channels


def _trained_columns(model: Model) -> Mapping[str, object]:
    """What the recipe of the model said of the columns of its data."""
    told = model.meta.get("data")
    return told if isinstance(told, dict) and told.get("path") else {}


def _known_channels(model: Model, names: list[str], width: int) -> list[int] | None:
    """The columns that are called like the channels of the model; None where they are not."""
    wanted = model.channel_names
    if not wanted:
        return None
    if names:
        return [names.index(name) for name in wanted] if set(wanted) <= set(names) else None
    numbers = [int(name) - 1 for name in wanted if name.isascii() and name.isdigit()]
    fits = len(numbers) == len(wanted) and all(0 <= number < width for number in numbers)
    return numbers if fits else None


def _refuse_a_part(model: Model, names: list[str], where: str) -> None:
    """Refuse a header with some channels of the model: another column would be read for the rest.

    Raises:
        InputError: the first channel that is not there is named (E-DATA-COLUMN).
    """
    absent = [name for name in model.channel_names if name not in names]
    if names and len(absent) < len(model.channel_names):
        raise InputError(
            f'{where}: no column "{absent[0]}", which the model reads beside '
            f"{', '.join(name for name in model.channel_names if name in names)}; "
            f"{nearest(absent[0], names)}",
            code="E-DATA-COLUMN",
        )


def _as_trained(wanted: object, names: list[str], width: int) -> int | None:
    if isinstance(wanted, str):
        return names.index(wanted) if wanted in names else None
    if isinstance(wanted, int) and 1 <= wanted <= width:
        return wanted - 1
    return None


def _find(wanted: str, names: list[str], width: int, where: str, option: str) -> int:
    if wanted in names:
        return names.index(wanted)
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= width:
        return int(wanted) - 1
    hint = nearest(wanted, names) if names else f"there are columns 1 to {width}"
    raise InputError(f"{where}: {option} {wanted}: no such column; {hint}", code="E-DATA-COLUMN")
