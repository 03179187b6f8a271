"""The data sets that come with metabit: digits and HAPT (see datasets/README.md). NumPy only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import CorruptError
from metabit.trainer.data.dataset import DataSet, Split

FOLDER = Path(__file__).parents[1] / "datasets"
N_DIGITS_TRAIN = 1297
HAPT_TEST_SUBJECTS = (25, 26, 27, 28, 29, 30)


def path_of(name: str) -> Path:
    """The file of a bundled set."""
    return FOLDER / f"{name}.npz"


def load(name: str) -> DataSet:
    """A bundled set, one of `LOADERS`. Raises CorruptError if its file is damaged."""
    return LOADERS[name](path_of(name))


def _load_npz(path: Path, keys: tuple[str, ...]) -> list[NDArray[Any]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return [arrays[key] for key in keys]
    except Exception as error:  # of zipfile, zlib, NumPy: all mean a damaged installation
        raise CorruptError(
            f"{path}: bundled data set is missing or damaged ({error}); install metabit again",
            code="E-DATA-BUNDLED",
        ) from error


def _load_digits(path: Path) -> DataSet:
    x, y = _load_npz(path, ("x", "y"))
    return DataSet(
        name="digits",
        train=Split(x[:N_DIGITS_TRAIN], y[:N_DIGITS_TRAIN]),
        test=Split(x[N_DIGITS_TRAIN:], y[N_DIGITS_TRAIN:]),
        n_classes=10,
        class_names=tuple("0123456789"),
        dtype="uint8",
        scale=1 / 16,
        zero_point=0,
        citation=(
            "Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits, UCI Machine "
            "Learning Repository, doi 10.24432/C50P49, CC BY 4.0"
        ),
        source=str(path),
    )


def _load_hapt(path: Path) -> DataSet:
    x, y, subject = _load_npz(path, ("x", "y", "subject"))
    whole = Split(x, y - np.uint8(1), subject)
    is_test = np.isin(subject, HAPT_TEST_SUBJECTS)
    return DataSet(
        name="hapt",
        train=whole.take(~is_test),
        test=whole.take(is_test),
        n_classes=12,
        class_names=(
            "walking",
            "walking upstairs",
            "walking downstairs",
            "sitting",
            "standing",
            "lying",
            "stand to sit",
            "sit to stand",
            "sit to lie",
            "lie to sit",
            "stand to lie",
            "lie to stand",
        ),
        dtype="int8",
        scale=1 / 64,  # accelerometer, in g; the gyroscope's unit is 1/32 rad/s
        zero_point=0,
        citation=(
            "Reyes-Ortiz, Oneto, Sama, Parra and Anguita 2016, Transition-Aware Human Activity "
            "Recognition Using Smartphones, doi 10.24432/C54G7M, CC BY 4.0"
        ),
        source=str(path),
        sample_rate=50.0,
    )


LOADERS: dict[str, Callable[[Path], DataSet]] = {"digits": _load_digits, "hapt": _load_hapt}
"""The function that reads each bundled set, by the name of the set."""
