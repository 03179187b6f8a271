"""CSV files in their usual forms, as columns of text.

Commas, semicolons or tabs; a decimal comma too where no comma separates cells; a byte-order mark;
gzip; with a header or without. polars reads, and what a cell says is decided here, so that a typing
error is never a number.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from metabit.errors import FormatError, InputError, nearest, reason
from metabit.extras import need
from metabit.trainer.data.label_name import label_in
from metabit.trainer.data.own.memory import check_memory
from metabit.unpacking import gunzipped

if TYPE_CHECKING:
    import polars

SUFFIXES = (".csv", ".tsv", ".txt")
MISSING_WORDS = ("", "na", "n/a", "nan", "null", "none", "?", "-")

MOST_KINDS = 20
"""A column of so many different words says of what kind a row is."""

_LOOKED_AT_BYTES = 2**16
"""Of the beginning, which says how columns are separated."""

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_PLAIN = re.compile(_NUMBER, re.ASCII)
_EITHER = re.compile(_NUMBER.replace(r"\.", "[.,]"), re.ASCII)
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[.,' ]\d{3})+(?:[.,]\d+)?", re.ASCII)


@dataclass(frozen=True, eq=False)
class TextTable:
    """Columns of text, with where they come from.

    Attributes:
        frame: a polars data frame of strings as they stand in the file, null for empty cells.
        where: the file, for messages.
        first_line: line of the first row in the file.
        decimal_comma: whether a comma is a decimal sign too.
        has_header: whether the names of the columns come from the file.
    """

    frame: polars.DataFrame
    where: str
    first_line: int
    decimal_comma: bool
    has_header: bool

    def column(self, wanted: str | int, key: str) -> str:
        """The full name of a column that is given by name, or by number from 1.

        Raises:
            InputError: there is no such column (E-DATA-COLUMN).
        """
        names = self.frame.columns
        if isinstance(wanted, int):
            if not 1 <= wanted <= len(names):
                raise InputError(
                    f"{self.where}: {key} = {wanted}: there are columns 1 to {len(names)}",
                    code="E-DATA-COLUMN",
                )
            return names[wanted - 1]
        if wanted not in names:
            raise InputError(
                f'{self.where}: {key} = "{wanted}": no such column; {nearest(wanted, names)}',
                code="E-DATA-COLUMN",
            )
        return wanted

    def label_column(self) -> str | None:
        """The column that is called like a label, if there is one."""
        place = label_in(self.frame.columns)
        return None if place is None else self.frame.columns[place]

    def words(self, name: str) -> list[str]:
        """The cells of a column as they stand there."""
        return self._cells(name).to_list()

    def numbers(self, names: list[str]) -> NDArray[np.float64]:
        """Columns as numbers, NaN where a value is missing; shape (n_rows, n_columns).

        Raises:
            InputError: a cell is neither a number nor missing; line and column are named
                (E-DATA-CELL).
        """
        found = np.empty((self.frame.height, len(names)))
        for column, name in enumerate(names):
            found[:, column] = self._numbers(name)
        return found

    def seconds(self, name: str) -> NDArray[np.float64]:
        """Times in seconds, shape (n_rows,), of numbers or of dates such as 2026-01-31 10:00:00.5.

        Raises:
            InputError: it is neither (E-DATA-CELL).
        """
        import polars as pl

        try:
            dates = self._cells(name).str.to_datetime(time_zone="UTC", strict=False)
        except pl.exceptions.PolarsError:  # nothing that looks like a date
            return self._numbers(name)
        if dates.null_count():
            return self._numbers(name)
        return dates.dt.epoch("us").to_numpy().astype(np.float64) / 1e6

    def _advice(self, cell: str, n_words: int) -> str:
        """What to do about a cell that is no number.

        Args:
            cell: as it stands there.
            n_words: different words in its column, where most of it are words; otherwise 0.
        """
        if "," in cell and _EITHER.fullmatch(cell):
            return "a decimal comma is read where cells are separated by semicolons or tabs"
        if _GROUPED.fullmatch(cell):
            return "write it without a sign between thousands"
        if _DATE.match(cell):
            return "it looks like a date: name this column as time, or the inputs as channels"
        if 0 < n_words <= MOST_KINDS:
            return (
                "words are no inputs: put a column of 0 and 1 in place for each of these "
                f"{n_words}, or name the inputs as channels; if it says whose a row is, name it as "
                "group"
            )
        return (
            "if this column is no input, name the others as channels; if it says whose a row is, "
            "name it as group"
        )

    def _cells(self, name: str) -> polars.Series:
        """A column without spaces around its words; a copy of all columns would take memory."""
        return self.frame[name].str.strip_chars().fill_null("")

    def _numbers(self, name: str) -> NDArray[np.float64]:
        import polars as pl

        cells = self._cells(name)
        pattern = _EITHER if self.decimal_comma else _PLAIN
        missing = cells.str.to_lowercase().is_in(list(MISSING_WORDS))
        good = cells.str.contains(f"^(?:{pattern.pattern.replace(chr(92) + 'd', '[0-9]')})$")
        bad = (~(good | missing)).arg_true()
        if len(bad):
            row = int(bad[0])
            n_words = cells[bad].n_unique() if 2 * len(bad) > len(cells) else 0
            raise InputError(
                f'{self.where}: line {self.first_line + row}, column "{name}": '
                f'"{cells[row][:40]}" is not a number; '
                f"{self._advice(str(cells[row]), n_words)}",
                code="E-DATA-CELL",
            )
        text = cells.str.replace(",", ".", literal=True) if self.decimal_comma else cells
        numbers = pl.select(pl.when(missing).then(None).otherwise(text)).to_series()
        return numbers.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)


def read_text_table(path: Path) -> TextTable:
    """Read a file of separated columns.

    Raises:
        InputError: it cannot be read, or would take too much memory (E-DATA-READ); or it holds no
            rows (E-DATA-EMPTY).
        FormatError: it is not text, or its rows differ in length (E-DATA-FORMAT).
    """
    try:
        check_memory(str(path), path.stat().st_size)
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)})", code="E-DATA-READ") from error
    return table_of(data, str(path))


def table_of(data: bytes, path: str) -> TextTable:
    """The table that the bytes of a file hold, which may be packed with gzip.

    Args:
        data: text in UTF-8.
        path: where it comes from, for messages. Errors as of `read_text_table`.
    """
    need("read own data")
    import polars as pl

    data, n_above = _without_ends(_unpacked(data, path))
    lines = _first_lines(data, path)
    if not lines:
        raise InputError(f"{path}: no rows", code="E-DATA-EMPTY")
    separator = _separator(lines)
    first = lines[0].split(separator)
    decimal_comma = separator != ","
    pattern = _EITHER if decimal_comma else _PLAIN
    has_header = not any(pattern.fullmatch(cell.strip().strip('"')) for cell in first)
    try:
        frame = pl.read_csv(
            data, separator=separator, has_header=has_header, infer_schema=False,
)  # fmt: skip
    except pl.exceptions.PolarsError as error:
        why = _uneven(_text_of(data, path), separator) or str(error).splitlines()[0]
        raise FormatError(f"{path}: not a table: {why}", code="E-DATA-FORMAT") from error
    if frame.height == 0:
        raise InputError(f"{path}: no rows below the header", code="E-DATA-EMPTY")
    if has_header:
        text = _text_of(data[:_LOOKED_AT_BYTES], path, is_all=False)
        names = [name.strip() for name in next(csv.reader(io.StringIO(text), delimiter=separator))]
    else:
        names = ["" if i and i == frame.width - 1 else str(i + 1) for i in range(frame.width)]
    frame = _named(frame, names, path)
    return TextTable(frame, path, n_above + (2 if has_header else 1), decimal_comma, has_header)


def _named(frame: polars.DataFrame, names: list[str], path: str) -> polars.DataFrame:
    """The frame with these names of columns, or with their numbers for those that have none.

    A column without a name and without values is left out: programs that end every line with a
    separator make one.

    Raises:
        InputError: no column is left (E-DATA-EMPTY).
        FormatError: two columns have one name (E-DATA-FORMAT).
    """
    wanted = {
        old: name or str(place)
        for place, (old, name) in enumerate(zip(frame.columns, names, strict=True), 1)
        if name or frame[old].null_count() < frame.height
    }
    if not wanted:
        raise InputError(f"{path}: no values", code="E-DATA-EMPTY")
    name, n = Counter(wanted.values()).most_common(1)[0]
    if n > 1:
        raise FormatError(
            f'{path}: {n} columns are called "{name}": give each a name of its own',
            code="E-DATA-FORMAT",
        )
    return frame.select(list(wanted)).rename(wanted)


def _without_ends(data: bytes) -> tuple[bytes, int]:
    """A text without empty lines above and below it, and how many are above."""
    above = re.match(rb"[ \r\n]*\n", data)
    start = 0 if above is None else above.end()
    below = re.search(rb"\n[ \r\n]*\Z", data[-_LOOKED_AT_BYTES:])
    n_below = 0 if below is None else len(below.group()) - 1
    whole = start == 0 and n_below == 0
    return (data if whole else data[start : len(data) - n_below]), data.count(b"\n", 0, start)


def _unpacked(data: bytes, path: str) -> bytes:
    """The bytes of a text, of a file that may be packed with gzip, without a byte-order mark."""
    if data[:2] == b"\x1f\x8b":
        try:
            data = gunzipped(data, path)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(
                f"{path}: cannot be read ({reason(error)})", code="E-DATA-READ"
            ) from error
        check_memory(path, len(data))
    return data.removeprefix(codecs.BOM_UTF8)


def _first_lines(data: bytes, path: str) -> list[str]:
    """Up to 50 lines, and the first one whole."""
    end = max(_LOOKED_AT_BYTES, data.find(b"\n") + 1)
    lines = _text_of(data[:end], path, is_all=end >= len(data)).splitlines()
    return lines[:50] if end >= len(data) or len(lines) < 2 else lines[:-1][:50]


def _text_of(data: bytes, path: str, is_all: bool = True) -> str:
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data, final=is_all)
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: not text in UTF-8 ({error}); save it as CSV in UTF-8", code="E-DATA-FORMAT"
        ) from error


def _uneven(text: str, separator: str) -> str:
    """The first line with more cells than the first one; empty where there is none."""
    rows = csv.reader(io.StringIO(text), delimiter=separator)
    first = next(rows)
    for row in rows:
        if len(row) > len(first):
            start = '"#"' if first and first[0].startswith("#") else None
            hint = f"; lines that begin with {start} are not read: remove them" if start else ""
            return (
                f"line {rows.line_num} has {len(row)} cells, and the first line {len(first)}{hint}"
            )
    return ""


def _separator(lines: list[str]) -> str:
    """The one of ; tab , that stands in every line equally often, if one does."""
    for separator in (";", "\t", ","):
        counts = Counter(line.count(separator) for line in lines if line.strip())
        if len(counts) == 1 and next(iter(counts)) > 0:
            return separator
    return max(",;\t", key=lines[0].count)
