"""What the network of a run reads, kept in the run folder, so that an export needs no data set.

RUN/input.safetensors has the type, scale and zero point of the samples, how they became bits if a
thermometer encoded them, the names of the classes, and a few test samples, from which an export
makes golden scores. Needs no PyTorch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import CorruptError, FormatError, InputError
from metabit.trainer.data.dataset import DataSet, Encoding
from metabit.trainer.files import read_arrays, write_arrays
from metabit.trainer.runs.run_folder import Run
from metabit.trainer.streams import build

SCHEMA = "metabit.input"
VERSION = 1
INPUT = "input.safetensors"

N_SAMPLES = 16
"""Number of test samples that a run keeps."""


@dataclass(frozen=True, eq=False)
class RunInput:
    """The input of a trained network.

    Attributes:
        samples: the first test samples as the network read them, uint8 or int8, shape
            (n, *sample shape).
        scale, zero_point: a stored integer q stands for scale * (q - zero_point).
        class_names: names of the classes, in label order.
        citation: who made the data set.
        encoding: how values became bits, if a thermometer has encoded them.
        channel_names: names of the channels of raw windows, where they are known.
    """

    samples: NDArray[Any]
    scale: float
    zero_point: int
    class_names: tuple[str, ...]
    citation: str
    encoding: Encoding | None
    channel_names: tuple[str, ...] = ()


def input_of(dataset: DataSet, n_samples: int = N_SAMPLES) -> RunInput:
    """The input of a network that is trained on this data set, with up to `n_samples` samples."""
    return RunInput(
        samples=np.ascontiguousarray(dataset.test.x[:n_samples]),
        scale=dataset.scale,
        zero_point=dataset.zero_point,
        class_names=dataset.class_names,
        citation=dataset.citation,
        encoding=dataset.encoding,
        channel_names=dataset.channel_names,
    )


def write_input(path: Path, found: RunInput) -> None:
    """Write RUN/input.safetensors.

    Raises:
        StorageError: the file cannot be written.
    """
    content = asdict(found) | {"schema": SCHEMA, "version": VERSION}
    samples = content.pop("samples")
    write_arrays(path, {"samples": samples}, content)


def read_input(path: Path) -> RunInput:
    """What `write_input` wrote.

    Raises:
        StorageError: the file cannot be read.
        FormatError: not the input of a run, or of a version that this metabit does not know.
        CorruptError: truncated or damaged.
    """
    arrays, content = read_arrays(path)
    if (content.get("schema"), content.get("version")) != (SCHEMA, VERSION):
        raise FormatError(f"{path}: does not hold {SCHEMA} version {VERSION}", code="E-SCHEMA")
    try:
        told = content["encoding"]
        if told is not None:
            told = Encoding(**told | {"thresholds": tuple(told["thresholds"])})
        return RunInput(
            samples=arrays["samples"],
            scale=float(content["scale"]),
            zero_point=int(content["zero_point"]),
            class_names=tuple(content["class_names"]),
            citation=str(content["citation"]),
            encoding=told,
            channel_names=tuple(content.get("channel_names", ())),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptError(f"{path}: not the input of a run ({error})", code="E-MODEL") from error


def input_of_run(run: Run, n_samples: int) -> RunInput:
    """The input of a finished run, with at least `n_samples` test samples if there are so many.

    A run keeps a few samples. Where more are wanted, or where an older metabit trained the run and
    kept none, the data set is read again.

    Raises:
        InputError: the data set is needed and is not on this machine.
        StorageError, FormatError, CorruptError: a file cannot be read, or is damaged.
    """
    path = run.path / INPUT
    kept = read_input(path) if path.exists() else None
    if kept is not None and len(kept.samples) >= n_samples:
        return kept
    try:
        dataset, _ = build(run.recipe.data, run.recipe.frontend)
    except InputError as error:
        has = f"keeps {len(kept.samples)} test samples" if kept else f"has no {INPUT}"
        raise InputError(
            f"{run.path}: the run {has}, and {n_samples} samples are wanted, so its data set is "
            f"needed: {error}",
            code=error.code,
        ) from error
    return input_of(dataset, n_samples)
