"""Every error metabit raises on purpose.

A message says what is wrong, where, and what to do. `code` is stable and listed in docs/ERRORS.md;
`exit_code` is what the command line returns.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def reason(error: BaseException) -> str:
    """What an error says, for people: of one of the system, without its number and the path."""
    return str(getattr(error, "strerror", None) or error)


class MetabitError(RuntimeError):
    """Base of all errors raised by metabit.

    Args:
        message: what is wrong, where, and what to do about it.
        code: stable identifier, such as ``E-BUDGET``.
    """

    exit_code = 1

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class InputError(MetabitError):
    """An argument, a recipe or data that cannot be used as given."""

    exit_code = 2


class BudgetError(MetabitError):
    """More memory is needed than the budget allows."""

    exit_code = 3


class FormatError(MetabitError):
    """A file that is not what it should be, or is of an unknown version."""

    exit_code = 4


class CorruptError(MetabitError):
    """A file whose checksums or bounds do not hold."""

    exit_code = 4


class StorageError(MetabitError):
    """Reading or writing storage failed."""

    exit_code = 1


class MismatchError(MetabitError):
    """Two things that should give the same result do not."""

    exit_code = 5


def nearest(word: str, choices: Iterable[str]) -> str:
    """A hint that names the closest of `choices` to `word`, or lists them all."""
    known = sorted(choices)
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    return f"known: {', '.join(known)}"
