"""Streams that others have published: measured where their files are at hand, never kept here."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.drifting.stream import N_ROWS, Stream
from metabit.errors import InputError

#: Where `unpack.py` puts them: features, and the class in the last column.
FOLDER = Path(__file__).parents[2] / "build" / "streams"


def published(name: str) -> Stream:
    """The first rows of a stream.

    Raises:
        InputError: its file is not there.
    """
    path = FOLDER / f"{name}.csv"
    if not path.exists():
        raise InputError(
            f"{path} is not on this machine: `make drifting-rivals` brings it",
            code="E-DATA-MISSING",
        )
    cells = np.loadtxt(path, delimiter=",", skiprows=1, max_rows=N_ROWS, ndmin=2)
    return Stream(cells[:, :-1], cells[:, -1].astype(np.int64))
