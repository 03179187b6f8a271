"""A table that names of others cannot break: a cell, a column's name and a title are one line."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from metabit.cli.answers import one_line


class PlainTable(Table):
    """A rich table; see the module.

    Attributes:
        below: whether an empty line comes before it.
    """

    below = False

    def add_column(self, header: Any = "", *more: Any, **options: Any) -> None:
        """As rich does."""
        super().add_column(_plain(header), *more, **options)

    def add_row(self, *cells: Any, **options: Any) -> None:
        """As rich does."""
        super().add_row(*map(_plain, cells), **options)


def _plain(cell: Any) -> Any:
    return one_line(cell) if isinstance(cell, str) else cell
