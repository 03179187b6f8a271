"""Read a TOML table strictly: what is missing, of the wrong type, or not understood is named."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from metabit.errors import InputError, nearest

#: Low, typical and high: an estimate with its error bar.
Range = tuple[float, float, float]

_REQUIRED = object()
_KINDS = {int: "a whole number", str: "a text in quotes", list: "a list", dict: "a table"}


def read_toml(path: Path, what: str) -> BoardTable:
    """The top table of a TOML file.

    Args:
        path: the file.
        what: its kind, for messages: "board file".

    Raises:
        InputError: it cannot be read (E-BOARD), or is not TOML (E-BOARD-FILE).
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {what} {path}: {error.strerror}", code="E-BOARD") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{what} {path} is not TOML: {error}", code="E-BOARD-FILE") from error
    except RecursionError as error:
        raise InputError(
            f"{what} {path} is nested deeper than TOML is read", code="E-BOARD-FILE"
        ) from error
    return BoardTable(values, str(path), "")


class BoardTable:
    """A TOML table that refuses what it does not understand.

    Args:
        values: as tomllib gives them.
        where: the file, for messages.
        section: name of this table in the file; empty for the top one.

    Every method raises InputError, with the file, section and key, where a value is not as asked.
    """

    def __init__(self, values: Mapping[str, Any], where: str, section: str) -> None:
        self._values, self._where, self._section = values, where, section
        self._known: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def wrong(self, what: str) -> InputError:
        """The error for this table."""
        section = f" [{self._section}]" if self._section else ""
        return InputError(f"{self._where}:{section} {what}", code="E-BOARD-FILE")

    def _missing(self, key: str) -> InputError:
        """What is missing, and what in the file looks as if it were meant."""
        begins = key.split("_")[0]
        alike = [f'"{k}"' for k in self._values if k not in self._known and k.startswith(begins)]
        hint = f"; the file has {', '.join(alike)}" if alike else ""
        return self.wrong(f"{key} is missing{hint}")

    def take(self, key: str, kind: type, default: object = _REQUIRED) -> Any:
        """One value of the given type."""
        self._known.add(key)
        if key not in self._values and default is not _REQUIRED:
            return default
        if key not in self._values:
            raise self._missing(key)
        value = self._values[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.wrong(f"{key} must be {_KINDS[kind]}, found {value!r}")
        return value

    def number(self, key: str, *, default: int | None = None, least: int = 0) -> int:
        """An integer that is not too small."""
        value = self.take(key, int, _REQUIRED if default is None else default)
        if value < least:
            raise self.wrong(f"{key} = {value} is below {least}")
        return int(value)

    def share(self, key: str, *, default: float | None = None) -> float:
        """A number that is not negative."""
        self._known.add(key)
        value = self._values.get(key, default)
        if not _is_number(value) or value < 0:
            raise self.wrong(f"{key} must be a number, not below 0; found {value!r}")
        return float(value)

    def flag(self, key: str) -> bool:
        """Whether something is true; it is not where the key is not there."""
        self._known.add(key)
        value = self._values.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(f"{key} must be true or false, found {value!r}")
        return value

    def names(self) -> list[str]:
        """Its keys, in the order of the file."""
        return list(self._values)

    def choice(self, key: str, known: Iterable[str]) -> str:
        """One of the words that are known."""
        word, words = self.take(key, str), list(known)
        if word not in words:
            raise self.wrong(f'{key} = "{word}" is unknown; {nearest(word, words)}')
        return str(word)

    def words(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        value = self.take(key, list)
        if not all(isinstance(word, str) for word in value):
            raise self.wrong(f"{key} must be a list of strings")
        return tuple(value)

    def range(self, key: str, *, least: float = 0) -> Range | None:
        """Three growing numbers, or None when the key is not there."""
        value = self.take(key, list, None)
        if value is None:
            return None
        if (
            len(value) != 3
            or not all(_is_number(v) and v >= least for v in value)
            or sorted(value) != value
        ):
            above = f", none below {least:g}" if least else ""
            raise self.wrong(f"{key} must be three numbers: low, typical, high{above}")
        return (float(value[0]), float(value[1]), float(value[2]))

    def number_or_range(self, key: str, *, least: float = 0) -> Range:
        """Three growing numbers; a single number stands for all three."""
        if isinstance(self._values.get(key), list):
            made = self.range(key, least=least)
            assert made is not None
            return made
        self._known.add(key)
        if key not in self._values:
            raise self._missing(key)
        value = self._values[key]
        if not _is_number(value):
            raise self.wrong(
                f"{key} must be a number, or three numbers: low, typical, high; found {value!r}"
            )
        if value < least:
            raise self.wrong(f"{key} = {value} is below {least:g}")
        return (float(value), float(value), float(value))

    def texts(self) -> dict[str, str]:
        """All of the table, as words by name."""
        return {str(key): str(self.take(key, str)) for key in self._values}

    def table(self, key: str, *, optional: bool = False) -> BoardTable:
        """A table within this one; an empty one when it is optional and not there."""
        section = f"{self._section}.{key}" if self._section else key
        return BoardTable(self.take(key, dict, {} if optional else _REQUIRED), self._where, section)

    def tables(self, key: str) -> list[BoardTable]:
        """A list of tables, [[key]]; empty when it is not there."""
        found = self.take(key, list, [])
        if not all(isinstance(one, dict) for one in found):
            raise self.wrong(f"{key} must be a list of tables, [[{key}]]")
        return [BoardTable(one, self._where, f"{key} {i + 1}") for i, one in enumerate(found)]

    def finish(self) -> None:
        """Refuse keys that nobody asked for: they are typing errors."""
        for key in self._values:
            if key not in self._known:
                raise self.wrong(f'key "{key}" is unknown; {nearest(key, self._known)}')


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
