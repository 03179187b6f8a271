"""RUN/frontend.safetensors: the front end of a run, if its recipe has one. Needs no PyTorch."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from metabit.errors import CorruptError, FormatError
from metabit.trainer.files import read_arrays, write_arrays
from metabit.trainer.frontend import FrontEnd, Operations
from metabit.trainer.runs.run_folder import Run

SCHEMA = "metabit.frontend"
VERSION = 1
FRONT_END = "frontend.safetensors"

_ARRAYS = tuple(f.name for f in fields(FrontEnd) if f.name != "does")


def write_front_end(path: Path, front_end: FrontEnd) -> None:
    """Write the file.

    Raises:
        StorageError: it cannot be written.
    """
    arrays = {name: np.ascontiguousarray(getattr(front_end, name)) for name in _ARRAYS}
    write_arrays(path, arrays, asdict(front_end.does) | {"schema": SCHEMA, "version": VERSION})


def read_front_end(path: Path) -> FrontEnd:
    """What `write_front_end` wrote.

    Raises:
        StorageError: the file cannot be read.
        FormatError: not a front end, or of a version that this metabit does not know.
        CorruptError: truncated or damaged.
    """
    arrays, content = read_arrays(path)
    if (content.pop("schema", None), content.pop("version", None)) != (SCHEMA, VERSION):
        raise FormatError(f"{path}: does not hold {SCHEMA} version {VERSION}", code="E-SCHEMA")
    try:
        lists = {key: tuple(content[key]) for key in ("statistics", "edges")}
        front_end = FrontEnd(
            Operations(**content | lists), **{name: arrays[name] for name in _ARRAYS}
        )
        problem = front_end.problem()
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptError(f"{path}: not a front end ({error})", code="E-MODEL") from error
    if problem:
        raise CorruptError(f"{path}: {problem}", code="E-MODEL")
    return front_end


def front_end_of_run(run: Run) -> FrontEnd | None:
    """The front end of a finished run, or None; errors as for `read_front_end`."""
    path = run.path / FRONT_END
    return read_front_end(path) if path.exists() else None
