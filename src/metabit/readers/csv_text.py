"""Lines of separated cells, one after the other, and what a cell says."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from metabit.errors import FormatError, InputError

SEPARATORS = (";", "\t", ",")

_QUOTED = re.compile(r'"[^"]*"')
_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_COMMA_NUMBER = re.compile(r"\s*[+-]?(?:\d+,\d*|,\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_NUMBERS_ALONE = re.compile(r"[0-9+\-.eE \t|]+", re.ASCII)
_WHOLE = re.compile(r"[0-9+\- \t|]+", re.ASCII)
_NOT_FINITE = re.compile(r"\s*[+-]?(?:nan|inf|infinity)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Line:
    """One line of a file.

    Attributes:
        number: from 1.
        cells: its cells.
    """

    number: int
    cells: list[str]


class SeparatedText:
    """Lines of cells; the first line says what separates them.

    Args:
        lines: of text, with or without their ends.
        where: the file, for messages.

    A number is written with ASCII digits. Where semicolons or tabs separate cells, its decimal sign
    may be a comma.
    """

    def __init__(self, lines: Iterable[str], where: str) -> None:
        self.where = where
        self._lines = lines
        self.separator = ","

    def __iter__(self) -> Iterator[Line]:
        first = True
        try:
            for number, line in enumerate(self._lines, 1):
                text = line.rstrip("\r\n")
                if first:
                    text = text.removeprefix("\ufeff")
                if not text.strip():
                    continue
                if first:
                    between = _QUOTED.sub("", text)
                    self.separator = next((s for s in SEPARATORS if s in between), ",")
                    first = False
                yield Line(number, self._cells(number, text))
        except UnicodeDecodeError as error:
            raise FormatError(f"{self.where}: not text ({error})", code="E-DATA-FORMAT") from error
        except csv.Error as error:
            raise FormatError(f"{self.where}: not csv ({error})", code="E-DATA-FORMAT") from error

    def _cells(self, number: int, text: str) -> list[str]:
        if '"' not in text:
            return text.split(self.separator)
        row, *after = csv.reader([f"{text}\n", "after"], delimiter=self.separator)
        if not after:  # it is part of the cell
            raise FormatError(
                f"{self.where}: line {number}: a cell in quotes does not end in its line; write "
                "names and values in one line each",
                code="E-DATA-FORMAT",
            )
        return row

    def is_number(self, cell: str) -> bool:
        """Whether a cell holds a number."""
        commas = self.separator != "," and _COMMA_NUMBER.fullmatch(cell) is not None
        return commas or _NUMBER.fullmatch(cell) is not None

    def numbers(self, line: Line, columns: list[int]) -> list[float]:
        """The numbers in some columns of a line.

        Raises:
            InputError: a cell is no number (E-DATA-CELL), or not a finite one (E-DATA-NAN); line
                and column are named.
        """
        cells = [line.cells[column] for column in columns]
        if _NUMBERS_ALONE.fullmatch("|".join(cells)):
            try:
                return self._finite(line, columns, [float(cell) for cell in cells])
            except ValueError:
                pass  # the cell is looked for below
        return self._finite(
            line,
            columns,
            [self._number(line, c, cell) for c, cell in zip(columns, cells, strict=True)],
        )

    @staticmethod
    def are_whole(line: Line, columns: list[int]) -> bool:
        """Whether the numbers in these columns are written as whole ones."""
        return _WHOLE.fullmatch("|".join(line.cells[c] for c in columns)) is not None

    def _number(self, line: Line, column: int, cell: str) -> float:
        if _NOT_FINITE.fullmatch(cell):
            return math.nan
        if not self.is_number(cell):
            raise InputError(
                f'{self.where}: line {line.number}, column {column + 1}: "{cell.strip()[:40]}" is '
                "not a number",
                code="E-DATA-CELL",
            )
        return float(cell.replace(",", "."))

    def _finite(self, line: Line, columns: list[int], values: list[float]) -> list[float]:
        for column, value in zip(columns, values, strict=True):
            if not math.isfinite(value):
                raise InputError(
                    f"{self.where}: line {line.number}, column {column + 1}: "
                    f"{line.cells[column].strip()} is not finite",
                    code="E-DATA-NAN",
                )
        return values
