"""Names of columns that people give the class of a row."""

from __future__ import annotations

from collections.abc import Sequence

LABEL_NAMES = ("label", "class", "target", "activity")
"""The first that a table has is the class."""


def label_in(names: Sequence[str]) -> int | None:
    """Place of the column that is called like a class; None where none is.

    A column "y" is the class where nothing else is, unless there is an "x" beside it: those two are
    axes of a sensor.
    """
    lower = [name.strip().lower() for name in names]
    wanted = [*LABEL_NAMES, *(["y"] if "x" not in lower else [])]
    return next((lower.index(usual) for usual in wanted if usual in lower), None)
