"""DATA of the command line, read for a model: a file, standard input, or a data set by name.

Everything is checked before a model sees it, and an error names file, shape, line or column.
"""

from __future__ import annotations

import gzip
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from metabit.edge_runtime.inputs import check_samples
from metabit.errors import InputError
from metabit.export.spec import InputSpec, Model
from metabit.export.windows import counts_of, samples_of_raw
from metabit.readers.arrays import from_npz, load_array
from metabit.readers.csv_rows import from_csv
from metabit.readers.named_sets import from_set, set_names
from metabit.readers.own_folders import from_folder, is_folder
from metabit.readers.rows import CsvOptions
from metabit.readers.samples import SUFFIXES, Array, ReadSamples, n_limited

STDIN = "-"
AS_USUAL = CsvOptions()


def read_samples(
    data: str,
    model: Model,
    *,
    limit: int | None = None,
    split: str = "test",
    task: int | None = None,
    csv: CsvOptions = AS_USUAL,
) -> ReadSamples:
    """Read DATA for a model.

    Args:
        data: a .npy, .npz, .csv, .tsv or .txt file (text also .gz), ``-`` for csv rows on standard
            input, a folder or zip of recordings or pictures, or the name of a data set.
        model: the model that will see the samples.
        limit: use only the first so many samples.
        split: ``"test"`` or ``"train"``, for a data set by name.
        task: which task of the stream that the model was trained on, from 1, for a data set by
            name; None takes the whole set, or the first task of the set where tasks change the
            samples or their labels.
        csv: how a csv file is to be read.

    Raises:
        InputError: there is no such file or set, or its contents do not suit the model.
        FormatError, CorruptError: not the kind of file its name says, or a damaged one.
    """
    spec = model.input
    if data == STDIN:
        samples = from_csv(sys.stdin, "standard input", model, limit, csv)
    elif data.lower().endswith(SUFFIXES):
        samples = _from_file(Path(data), model, limit, csv)
    elif is_folder(data) and data not in set_names():
        samples = from_folder(data, model, split)
    else:
        samples = from_set(data, model, split, task)
    if limit is not None:
        samples = samples.first(limit)
    x = check_samples(samples.x, spec, samples.where)
    if len(x) == 0:
        raise InputError(f"{samples.where}: no samples", code="E-DATA-EMPTY")
    share = samples.limited_share or _limited_share(samples.x, spec)
    return replace(samples, x=x, limited_share=share)


def _limited_share(x: Array, spec: InputSpec) -> float:
    """Share of real values that the input of the model cannot hold."""
    if not np.issubdtype(x.dtype, np.floating) or x.size == 0:
        return 0.0
    low, high = (-128, 127) if spec.dtype == "int8" else (0, 255)
    return n_limited(x / spec.scale + spec.zero_point, low, high) / x.size


def _from_file(path: Path, model: Model, limit: int | None, csv: CsvOptions) -> ReadSamples:
    if not path.is_file():
        raise InputError(f"{path}: no such file", code="E-DATA-READ")
    try:
        if path.suffix.lower() == ".npy":
            return ReadSamples(load_array(path, limit), None, str(path))
        if path.suffix.lower() == ".npz":
            return _through_front_end(from_npz(path, limit), model)
        opened = gzip.open if path.suffix.lower() == ".gz" else open
        with opened(path, "rt", newline="", encoding="utf-8") as file:
            return from_csv(file, str(path), model, limit, csv)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason})", code="E-DATA-READ") from error


def _through_front_end(samples: ReadSamples, model: Model) -> ReadSamples:
    """Raw windows, (n, n_channels, n_frames), as samples of a model with a front end."""
    front_end = model.front_end
    if front_end is None or samples.x.ndim != 3:
        return samples
    frames = samples.x.transpose(0, 2, 1).reshape(-1, samples.x.shape[1])
    counts = counts_of(frames, front_end, samples.where)
    windows = counts.reshape(len(samples.x), -1, samples.x.shape[1]).transpose(0, 2, 1)
    x = samples_of_raw(windows, front_end, samples.where)
    return replace(samples, x=x, recordings=tuple(window.T for window in windows))
