"""Gates made of streams that drift: a table of features in the order of time, the class last.

The first 200 rows are not learnt: they give mean and deviation, and a network its normalisation.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.gates.problem import Goal, HeldOut, Labels, Phase, Problem, Samples, pieces
from metabit.errors import InputError
from metabit.export.spec import InputSpec

N_START = 200
#: One deviation is 32 steps of an 8-bit input, so features are clipped at nearly four.
STEPS_PER_DEVIATION, MOST_STEPS = 32, 127
INSECTS = "insects-gradual.csv.gz"

Floats = NDArray[np.float64]


def as_stream(seed: int, values: Floats, y: Labels, *, held_out: int = 0) -> Problem:
    """A gate of rows in the order of time.

    Args:
        seed: of the learners; the rows stay as they are.
        values: shape (n, n_features).
        y: labels from 0.
        held_out: every so many rows one is kept out of the stream, to ask about a time that is
            past; 0 to learn every row, where only what is predicted first counts.
    """
    mean, deviation = values[:N_START].mean(0), np.maximum(values[:N_START].std(0), 1e-9)
    steps = np.round(STEPS_PER_DEVIATION * (values - mean) / deviation)
    x: Samples = np.clip(steps, -MOST_STEPS, MOST_STEPS).astype(np.int8)
    spec = InputSpec("int8", (x.shape[1],), 1 / STEPS_PER_DEVIATION, 0)
    rows = np.arange(N_START, len(y))
    kept = rows % held_out != 0 if held_out else np.ones(len(rows), dtype=bool)
    phases, parts = [], []
    for index, part in enumerate(pieces(len(rows), 5)):
        name, here = f"{index + 1} of 5", rows[part]
        learnt, asked = here[kept[part]], here[~kept[part]]
        phases.append(Phase(name, x[learnt], y[learnt], (name,) if held_out else ()))
        if held_out:
            parts.append(HeldOut(name, x[asked], y[asked]))
    goal: Goal = "remember" if held_out else "track"
    return Problem(
        "", seed, spec, int(y.max()) + 1, x[:N_START], None, tuple(phases), tuple(parts),
        goal=goal,
    )  # fmt: skip


def read(path: Path) -> tuple[Floats, Labels]:
    """A CSV file, plain or gzip, without a header: features, then the class in the last column.

    Raises:
        InputError: it cannot be read, or a feature is not a number.
    """
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            cells = np.loadtxt(file, delimiter=",", dtype=str, ndmin=2)
        values = cells[:, :-1].astype(np.float64)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: not a table of numbers with the class in the last column ({error})",
            code="E-DATA-FORMAT",
        ) from error
    return values, np.unique(cells[:, -1], return_inverse=True)[1].astype(np.int64)


def insects_table() -> tuple[Floats, Labels]:
    """The gradual INSECTS stream: wing beats by an optical sensor while the temperature changes.

    Returns:
        features, shape (24,150, 33), and classes.

    Raises:
        InputError: METABIT_DATA does not name a folder that holds its file.
    """
    folders = [Path(name) for name in (os.environ.get("METABIT_DATA"),) if name]
    places = [folder / below / INSECTS for folder in folders for below in ("", "own")]
    found = [path for path in places if path.is_file()]
    if not found:
        raise InputError(
            f"{INSECTS} is not on this machine: set METABIT_DATA to the folder that holds it "
            "(Souza et al. 2020, USP data stream repository)",
            code="E-DATA-MISSING",
        )
    return read(found[0])


def insects(seed: int, divisor: int, *, held_out: int = 0) -> Problem:
    """That stream as a gate; errors as of `insects_table`."""
    values, y = insects_table()
    rows = len(y) // divisor
    return as_stream(seed, values[:rows], y[:rows], held_out=held_out)
