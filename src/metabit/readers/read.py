"""DATA of the command line, read for a model: a file, standard input, or a data set by name.

Everything is checked before a model sees it, and an error names file, shape, line or column.
"""

from __future__ import annotations

import sys
from pathlib import Path

from metabit.edge_runtime.inputs import check_samples
from metabit.errors import InputError
from metabit.export.spec import InputSpec, Model
from metabit.readers.arrays import from_npz, load_array
from metabit.readers.csv_rows import from_csv
from metabit.readers.named_sets import from_set
from metabit.readers.samples import SUFFIXES, ReadSamples

STDIN = "-"


def read_samples(
    data: str,
    model: Model,
    *,
    limit: int | None = None,
    split: str = "test",
    task: int | None = None,
) -> ReadSamples:
    """Read DATA for a model.

    Args:
        data: a .npy, .npz or .csv file, ``-`` for csv rows on standard input, or the name of a
            data set.
        model: the model that will see the samples.
        limit: use only the first so many samples.
        split: ``"test"`` or ``"train"``, for a data set by name.
        task: which task of the stream that the model was trained on, from 1, for a data set by
            name; None takes the whole set, or the first task of the set where tasks change the
            samples or their labels.

    Raises:
        InputError: there is no such file or set, or its contents do not suit the model.
        FormatError, CorruptError: not the kind of file its name says, or a damaged one.
    """
    spec = model.input
    if data == STDIN:
        samples = from_csv(sys.stdin, "standard input", spec, limit)
    elif Path(data).suffix.lower() in SUFFIXES:
        samples = _from_file(Path(data), spec, limit)
    else:
        samples = from_set(data, model, split, task)
    if limit is not None:
        samples = samples.first(limit)
    x = check_samples(samples.x, spec, samples.where)
    if len(x) == 0:
        raise InputError(f"{samples.where}: no samples", code="E-DATA-EMPTY")
    return ReadSamples(x, samples.y, samples.where)


def _from_file(path: Path, spec: InputSpec, limit: int | None) -> ReadSamples:
    if not path.is_file():
        raise InputError(f"{path}: no such file", code="E-DATA-READ")
    try:
        if path.suffix.lower() == ".csv":
            with path.open(newline="", encoding="utf-8") as file:
                return from_csv(file, str(path), spec, limit)
        if path.suffix.lower() == ".npy":
            return ReadSamples(load_array(path), None, str(path))
        return from_npz(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror})", code="E-DATA-READ"
        ) from error
