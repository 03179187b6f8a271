"""How a command ends: one JSON line for programs, one line for people when it failed.

Needs the standard library only, so that even a broken installation is said in one line.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from pathlib import Path
from typing import Any

from metabit.errors import MetabitError

Answer = dict[str, Any]


def write_json(verb: str, fields: Answer) -> None:
    """The JSON answer of a verb on standard output."""
    answer = {"schema": f"metabit/{verb}/1", **fields}
    print(json.dumps(answer, default=plain, allow_nan=False), flush=True)


def harmless(text: str) -> str:
    """Text of a file of somebody else as a terminal may show it: characters that would move its
    cursor, change its colours or turn the direction of writing become "?"."""
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs") else "?" for c in text
    )


def one_line(text: str) -> str:
    """As `harmless`, for what is one line: the name of a file may hold line ends, and what follows
    one must not pass for a line of metabit's."""
    return harmless(text).replace("\n", "?")


def indented(text: str) -> str:
    """As `harmless`, for a message that may have several lines: those after the first begin with
    blanks, so that none of them passes for a message of its own."""
    return harmless(text).replace("\n", "\n  ")


def say_failure(verb: str, error: MetabitError, *, as_json: bool, partial: Answer) -> int:
    """Say what went wrong, for people and with --json for programs; returns the exit code.

    Args:
        verb: name of the verb, for the JSON answer.
        error: what went wrong.
        as_json: whether to write the JSON answer too.
        partial: fields that the answer has even when the verb fails.
    """
    label, text = f"error[{error.code}]:", indented(str(error))
    if sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        label, text = f"\x1b[1;31m{label}\x1b[0m", f"\x1b[31m{text}\x1b[0m"
    print(label, text, file=sys.stderr)
    if as_json:
        details = {"code": error.code, "message": str(error)}
        write_json(verb, {"ok": False, "error": details, **partial})
    return error.exit_code


def plain(value: object) -> object:
    """What json does not know: NumPy's numbers and arrays, and paths."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
