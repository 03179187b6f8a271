"""Samples of rows that still come: each is made before the next row is read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Generic, TypeVar

from metabit.edge_runtime.engine import Engine
from metabit.errors import InputError
from metabit.export.spec import Model
from metabit.readers.csv_rows import CsvRows
from metabit.readers.json_rows import JsonRows
from metabit.readers.rows import CsvOptions, RowName, Rows, SampleRow
from metabit.readers.samples import Array

MOST_WAITING = 1000
"""Samples that wait for their label at most; the oldest is forgotten when another one comes."""

T = TypeVar("T")


def live_rows(lines: Iterable[str], where: str, model: Model, options: CsvOptions) -> Rows:
    """Rows of text that still comes: JSON lines if the first one begins with a brace, or csv."""
    rest = iter(lines)
    begun: list[str] = []
    for line in rest:
        begun.append(line)
        if line.strip():
            break
    is_json = bool(begun) and begun[-1].lstrip("\ufeff \t").startswith("{")
    kind = JsonRows if is_json else CsvRows
    return kind(chain(begun, rest), where, model, options)


def samples_as_they_come(rows: Rows, engine: Engine) -> Iterator[tuple[SampleRow, Array | None]]:
    """Each sample, shape (1, n_inputs), with the row that completed it.

    A row that only tells the label of an earlier one comes with None.

    Args:
        rows: of a file that may not end.
        engine: of the model that `rows` is read for; its front end, if it has one, makes the
            samples.
    """
    group = None
    for row in rows:
        if row.values is None:
            yield row, None
            continue
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


def no_sample(rows: Rows) -> InputError:
    """What is wrong with rows that came to an end before the first sample."""
    front_end = rows.model.front_end
    if front_end is None or rows.n_values == 0:
        return InputError(f"{rows.where}: no samples", code="E-DATA-EMPTY")
    does = front_end.does
    return InputError(
        f"{rows.where}: {rows.n_values // does.n_channels} rows; a sample needs {does.n_frames} "
        "rows of one recording",
        code="E-DATA-WINDOW",
    )


class Waiting(Generic[T]):
    """What is kept of samples until their label comes; as much of it as `MOST_WAITING` samples.

    Attributes:
        n_too_late: labels of samples that were not there, or not any more.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[RowName, T] = OrderedDict()
        self.n_too_late = 0

    def put(self, name: RowName, what: T) -> None:
        """Keep something of a sample; one without a name cannot be asked for, and is not kept."""
        if name is None:
            return
        self._kept[name] = what
        self._kept.move_to_end(name)
        if len(self._kept) > MOST_WAITING:
            self._kept.popitem(last=False)

    def take(self, name: RowName) -> T | None:
        """What was kept of a sample, once; None, and counted, where there is nothing."""
        found = self._kept.pop(name, None)
        self.n_too_late += found is None
        return found
