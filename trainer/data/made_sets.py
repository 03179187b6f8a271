"""Sets of grey pictures of 28 x 28 pixels that are made of other data on this machine.

`metabit data make NAME SOURCE` makes one, once, because reading tens of thousands of pictures takes
minutes. They have the shape of MNIST, so that a stream of sets can go from one to another.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import CorruptError, InputError
from metabit.files import make_folder, write_whole
from metabit.trainer.data import cifar, idx_sets
from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.data.idx_sets import IMAGE_SHAPE, fetch_folder
from metabit.trainer.data.own import folders
from metabit.trainer.data.spectrogram import spectrogram

_SIDE = IMAGE_SHAPE[0]
_KEYS = ("train_x", "train_y", "test_x", "test_y")

Pictures = tuple[NDArray[np.uint8], list[str], NDArray[np.bool_]]
"""Pixels, shape (n, 28, 28), the name of the class of each, and whether it is a test sample."""


@dataclass(frozen=True)
class MadeSet:
    """How a set is made.

    Attributes:
        read: makes the pictures of SOURCE.
        of: what SOURCE is, for people.
        class_names: the classes in label order, as SOURCE names them.
        citation: who made the data.
    """

    read: Callable[[Path], Pictures]
    of: str
    class_names: tuple[str, ...]
    citation: str


def _grey_pictures(source: Path) -> Pictures:
    """The middle of colour pictures in grey; folders train and test are the split."""
    pixels, labels, held = [], [], []
    for found in folders.files_in(source, "{split}/{label}/{}"):
        shades = folders.picture(found).astype(np.int64)
        if shades.ndim == 3:
            shades = (299 * shades[0] + 587 * shades[1] + 114 * shades[2] + 500) // 1000
        rows, columns = shades.shape
        if min(rows, columns) < _SIDE:
            raise InputError(
                f"{source}: {found.name} has {rows} x {columns} pixels; at least "
                f"{_SIDE} x {_SIDE} are needed",
                code="E-DATA-SHAPE",
            )
        top, left = (rows - _SIDE) // 2, (columns - _SIDE) // 2
        pixels.append(shades[top : top + _SIDE, left : left + _SIDE].astype(np.uint8))
        labels.append(found.label)
        held.append(found.split.lower() in folders.HELD_OUT)
    return np.stack(pixels), labels, np.array(held)


def _spectrograms(source: Path) -> Pictures:
    """Recordings DIGIT_SPEAKER_NUMBER.wav as pictures; numbers 0 to 4 are test samples."""
    pixels, labels, held = [], [], []
    for found in folders.files_in(source, "{label}_{}_{group}"):
        values, rate = folders.sound(found)
        pixels.append(spectrogram(values[:, 0], float(rate), _SIDE))
        labels.append(found.label)
        held.append(found.group in ("0", "1", "2", "3", "4"))
    return np.stack(pixels), labels, np.array(held)


SETS = {
    "cifar-10-grey": MadeSet(
        _grey_pictures,
        "a folder or zip of the pictures of CIFAR-10, train/CLASS/*.jpg and test/CLASS/*.jpg",
        cifar.CLASS_NAMES,
        "Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
    ),
    "spoken-digits": MadeSet(
        _spectrograms,
        "the folder or zip of the Free Spoken Digit Dataset, recordings/DIGIT_SPEAKER_NUMBER.wav",
        tuple("0123456789"),
        "Jackson et al. 2018, Free Spoken Digit Dataset, doi 10.5281/zenodo.1342401, CC BY-SA 4.0",
    ),
}
"""Known sets by name."""


def search_path(name: str) -> tuple[Path, ...]:
    """Files in which a set is looked for, in this order."""
    return tuple(folder / f"{name}.npz" for folder in idx_sets.search_path(name))


def find(name: str) -> Path | None:
    """The file of a set, or None."""
    return next((path for path in search_path(name) if path.is_file()), None)


def make(name: str, source: Path) -> Path:
    """Make a set and keep it where `metabit data fetch` keeps others; returns its file.

    Raises:
        InputError: SOURCE is not there or not what `MadeSet.of` says (E-DATA-READ,
            E-DATA-PATTERN, E-DATA-EMPTY, E-DATA-SHAPE, E-LABEL).
        FormatError, CorruptError, StorageError: a file of it is damaged, or cannot be written.
    """
    wanted = SETS[name]
    if not source.exists():
        raise InputError(f"{source}: no such file or folder", code="E-DATA-READ")
    pixels, names, held = wanted.read(source)
    unknown = sorted(set(names) - set(wanted.class_names))
    if unknown:
        raise InputError(
            f"{source}: has the class {unknown[0]}; {name} is made of {wanted.of}", code="E-LABEL"
        )
    if held.all() or not held.any():
        raise InputError(
            f"{source}: has no {'training' if held.all() else 'test'} samples; {name} is made of "
            f"{wanted.of}",
            code="E-DATA-EMPTY",
        )
    labels = np.array([wanted.class_names.index(each) for each in names], dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, train_x=pixels[~held], train_y=labels[~held], test_x=pixels[held],
        test_y=labels[held],
    )  # fmt: skip
    folder = fetch_folder() / name
    make_folder(folder)
    path = folder / f"{name}.npz"
    write_whole(path, buffer.getvalue())
    return path


def load(name: str, path: Path) -> DataSet:
    """Read a set that `make` has made.

    Raises:
        CorruptError: the file is damaged.
    """
    wanted = SETS[name]
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            train_x, train_y, test_x, test_y = (arrays[key] for key in _KEYS)
        train, test = (_checked(x, y) for x, y in ((train_x, train_y), (test_x, test_y)))
    except Exception as error:  # of zipfile, zlib, NumPy: all mean a damaged file
        raise CorruptError(
            f"{path}: damaged ({error}); `metabit data make {name} SOURCE` makes it again",
            code="E-DATA-FORMAT",
        ) from error
    return DataSet(
        name=name,
        train=train,
        test=test,
        n_classes=len(wanted.class_names),
        class_names=wanted.class_names,
        dtype="uint8",
        scale=1 / 255,
        zero_point=0,
        citation=wanted.citation,
        source=str(path),
    )


def _checked(x: NDArray[Any], y: NDArray[Any]) -> Split:
    if x.shape != (len(y), *IMAGE_SHAPE) or x.dtype != np.uint8 or y.dtype != np.uint8:
        raise ValueError(f"pictures of shape {x.shape} and {len(y)} labels")
    return Split(x, y)
