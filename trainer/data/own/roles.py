"""Which column of a table is the class, whose a row is, its time, and which are inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.trainer.data.own.text_table import TextTable
from metabit.trainer.data.own.what import OwnData

GROUP_NAMES = (
    "person", "subject", "participant", "patient", "user", "group",
    "person_id", "subject_id", "participant_id", "patient_id", "user_id", "group_id",
)  # fmt: skip
"""A column called like this says whose a row is, also where it holds numbers."""
_LEAST_ROWS = 50
_RISING = 0.99
"""Share of the steps from row to row that go up in a column of times, or of numbers of the rows."""


@dataclass(frozen=True)
class Roles:
    """Names of columns; None for what the table does not have.

    Attributes:
        label, group, time: the class of a row, whose it is, and when it was.
        channels: the inputs.
    """

    label: str
    group: str | None
    time: str | None
    channels: tuple[str, ...]


def roles_in(data: OwnData, table: TextTable) -> Roles:
    """What the columns of a table are.

    Raises:
        InputError: no column is known to be the class (E-NO-LABELS); a column is not there, has two
            roles, or should be asked about before it becomes an input (E-DATA-COLUMN).
    """
    label, group, time = (
        None if wanted is None else table.column(wanted, key)
        for key, wanted in (("label", data.label), ("group", data.group), ("time", data.time))
    )
    label = label or table.label_column()
    if label is None:
        raise InputError(
            f"{table.where}: which column is the class? Give its name"
            f"{'' if table.has_header else ' or, without a header, its number from 1'}: "
            "--label, or label in [data] of a recipe",
            code="E-NO-LABELS",
        )
    chosen = [each for each in (label, group, time) if each is not None]
    for name, n in Counter(chosen).items():
        if n > 1:
            raise _refuse(table, name, "is named as two of label, group and time")
    if data.channels is None:
        channels = tuple(c for c in table.frame.columns if c not in chosen)
        if group is None:
            _ask_about_groups(table, channels)
    else:
        channels = tuple(table.column(name, "channels") for name in data.channels)
        _check_chosen(table, channels, label)
    if not channels:
        raise InputError(
            f"{table.where}: no column is left as an input beside {', '.join(chosen)}",
            code="E-DATA-COLUMN",
        )
    return Roles(label, group, time, channels)


def _refuse(table: TextTable, name: str, why: str) -> InputError:
    return InputError(f'{table.where}: column "{name}" {why}', code="E-DATA-COLUMN")


def _ask_about_groups(table: TextTable, channels: tuple[str, ...]) -> None:
    for name in channels:
        if name.lower() in GROUP_NAMES:
            raise _refuse(
                table, name,
                "says by its name whose a row is: name it as group, so that whole groups are held "
                "out, or name the inputs as channels",
            )  # fmt: skip


def _check_chosen(table: TextTable, channels: tuple[str, ...], label: str) -> None:
    if label in channels:
        raise _refuse(
            table, label,
            "is the class: as an input it would tell what is to be found out; take it out of "
            "channels",
        )  # fmt: skip
    for name, n in Counter(channels).items():
        if n > 1:
            raise _refuse(table, name, "is named twice in channels")


def check_inputs(
    where: str, names: tuple[str, ...], recordings: Sequence[NDArray[np.float64]]
) -> None:
    """Refuse times and numbers of rows as inputs that nobody named.

    A network learns from them when samples were recorded, which says nothing about new ones.

    Args:
        where: file, for messages.
        names: of the columns.
        recordings: their values in each recording, or in the table, shape (n, n_columns).

    Raises:
        InputError: a column rises from row to row in all of them (E-DATA-COLUMN).
    """
    steps = [np.diff(values, axis=0) > 0 for values in recordings]
    if sum(map(len, steps)) < _LEAST_ROWS:
        return
    rising = np.all([each.mean(axis=0) >= _RISING for each in steps if len(each)], axis=0)
    if rising.any():
        name = names[int(np.argmax(rising))]
        raise InputError(
            f'{where}: column "{name}" rises from row to row: a time or the number of a row says '
            "nothing about other rows. Name it as time, or name the inputs as channels",
            code="E-DATA-COLUMN",
        )
