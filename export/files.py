"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from metabit.errors import InputError


def write_whole(path: str | Path, data: bytes) -> int:
    """Write a file so that its name never stands for half of it; returns its size in bytes.

    Raises:
        InputError: it cannot be written (E-WRITE).
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(
            f"cannot write {target}: {error.strerror}; choose a folder that exists and is writable",
            code="E-WRITE",
        ) from error
    return len(data)
