"""Converts tables of plain values to frozen dataclasses and back, and checks keys and types.

A dataclass is the schema of its table. Its field names are the keys, its defaults are the defaults,
and its type hints are the types: whole and real numbers, strings, booleans, tuples of these, plain
tables, other dataclasses, and `| None`.
"""

from __future__ import annotations

import functools
import json
import math
import tomllib
import types
import typing
from collections.abc import Hashable, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

from metabit.errors import InputError, nearest
from metabit.plain_file import plain_bytes

Table = TypeVar("Table")


def refuse(message: str) -> InputError:
    """The error for a table that cannot be used."""
    return InputError(message, code="E-RECIPE")


def require(holds: bool, key: str, value: object, rule: str) -> None:
    """Raise InputError, naming the key, its value and the rule, unless the rule holds."""
    if not holds:
        raise refuse(f"{key} = {toml_value(value)}: {rule}")


def require_choice(key: str, value: str, choices: Sequence[str]) -> None:
    """Raise InputError, naming the nearest choice, unless `value` is one."""
    if value not in choices:  # to find the nearest takes longer than all else here
        require(False, key, value, nearest(value, choices))


def require_seed(key: str, seed: int) -> None:
    """Raise InputError unless every random generator accepts this seed."""
    require(0 <= seed < 2**63, key, seed, "must be 0 or more, below 2**63")


def read_toml(path: Path, what: str, hint: str) -> dict[str, Any]:
    """The tables of a TOML file.

    Args:
        path: the file.
        what: kind of the file, with which an error message begins, such as "recipe".
        hint: what to do if no file in the folder has a similar name.

    Raises:
        InputError: it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(plain_bytes(path).decode("utf-8"))
    except OSError as error:
        there = [str(other) for other in path.parent.glob("*.toml")]
        raise InputError(
            f"{what} {path}: cannot be read: {error.strerror}; "
            f"{nearest(str(path), there) if there else hint}",
            code="E-RECIPE-READ",
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise refuse(f"{what} {path}: not TOML ({error})") from error
    except RecursionError as error:
        raise refuse(f"{what} {path}: nested deeper than TOML is read") from error


def plain(table: dict[str, Any]) -> dict[str, Any]:
    """The table with lists in place of tuples, and without values that are None."""
    return {key: _lists(value) for key, value in table.items() if value is not None}


def _lists(value: Any) -> Any:
    return [_lists(item) for item in value] if isinstance(value, tuple) else value


def toml_value(value: object) -> str:
    """A string, number, boolean or list in TOML."""
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    # Strings, booleans and integers are the same in JSON and TOML; repr gives the shortest float.
    return repr(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def parse(kind: type[Table], table: dict[str, Any], where: str) -> Table:
    """Make an instance of the dataclass `kind`; an error message begins with `where`.

    Raises:
        InputError: an unknown key, a missing one, or a value of another type (E-RECIPE).
    """
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise refuse(f'{where}unknown key "{key}": {nearest(key, known)}')
    hints = _hints_of(typing.cast(Hashable, kind))
    values: dict[str, Any] = {}
    for key, spec in known.items():
        if key in table:
            values[key] = _convert(table[key], hints[key], f"{where}{key}")
        elif hasattr(hints[key], "__dataclass_fields__"):
            values[key] = _convert(
                {}, hints[key], f"{where}{key}"
            )  # all its keys may have defaults
        elif spec.default is MISSING and spec.default_factory is MISSING:
            raise refuse(f"{where}{key} is missing")
    return kind(**values)


@functools.cache
def _hints_of(kind: type[Any]) -> dict[str, Any]:
    """The types of a dataclass's fields; a benchmark reads a thousand recipes of the same ones."""
    return typing.get_type_hints(kind)


_TYPE_WORDS = {
    int: "a whole number",
    float: "a finite number",
    str: "a string",
    bool: "true or false",
    dict: "a table",
}


def _convert(value: Any, hint: Any, key: str) -> Any:
    if hasattr(hint, "__dataclass_fields__"):
        if not isinstance(value, dict):
            raise refuse(f"{key} must be a table: write [{key}] above its keys")
        return parse(hint, value, f"[{key}] ")
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if any(hasattr(option, "__dataclass_fields__") for option in options):  # a table or None
        return _convert(value, options[0], key)
    for option in options:
        found, converted = _fit(value, option)
        if found:
            return converted
    words = " or ".join(_words(option) for option in options if option is not type(None))
    raise refuse(f"{key} = {toml_value(_shown(value))}: must be {words}")


def _shown(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, list)) else str(value)


def _words(hint: Any) -> str:
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        return (
            "a list of lists"
            if typing.get_origin(inner) is tuple
            else f"a list ({_words(inner)} each)"
        )
    return _TYPE_WORDS[typing.get_origin(hint) or hint]


def _fit(value: Any, hint: Any) -> tuple[bool, Any]:
    """Whether `value` has the type `hint`, and the value converted to it."""
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list):
            return False, None
        items = [_fit(item, typing.get_args(hint)[0]) for item in value]
        return all(found for found, _ in items), tuple(item for _, item in items)
    if typing.get_origin(hint) is dict:
        return isinstance(value, dict), value
    if hint is float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        good = is_number and math.isfinite(value)
        return good, float(value) if good else None
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool), value
    return hint in (str, bool) and isinstance(value, hint), value
