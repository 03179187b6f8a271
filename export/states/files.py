"""State files as bytes: a file that somebody named, or a file in the folder of an engine."""

from __future__ import annotations

import errno
from pathlib import Path

from metabit.errors import FormatError, InputError, StorageError
from metabit.plain_file import plain_bytes


def state_bytes(path: Path) -> bytes:
    """The bytes of a file that somebody named as a state.

    Raises:
        InputError: it cannot be read, is no plain file, or is too large (E-READ).
    """
    try:
        return plain_bytes(path)
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}; `metabit learn` with --state keeps states",
            code="E-READ",
        ) from error


def kept_bytes(path: Path) -> bytes:
    """The bytes of a file in a state folder, as the C core reads it.

    Raises:
        FormatError: what has the name of a state is none: a link, a folder, a pipe or a device, or
            too large. An older state counts then.
        StorageError: it cannot be read (E-STORAGE).
    """
    try:
        if path.is_symlink():
            raise FormatError(f"{path}: no state file but a link", code="E-STATE-MAGIC")
        return plain_bytes(path)
    except OSError as error:
        if error.errno in (errno.EISDIR, errno.EINVAL, errno.EFBIG):
            raise FormatError(
                f"{path}: no state file: {error.strerror}", code="E-STATE-MAGIC"
            ) from error
        raise StorageError(f"{path}: {error.strerror}", code="E-STORAGE") from error


def no_states(folder: Path, model: str = "FILE") -> StorageError:
    """The error for a folder that states are asked of where none can be.

    Args:
        folder: that was named.
        model: file that could learn there, for the hint.
    """
    if folder.exists() and not folder.is_dir():
        why = f"a file; name the folder that it lies in, {folder.parent}, or another folder"
    else:
        there = "no state is there" if folder.is_dir() else "no such folder"
        why = f"{there}; `metabit learn {model} DATA --state {folder}` makes one"
    return StorageError(f"{folder}: {why}", code="E-STATE-NONE")
