"""Samples as a network reads them, in a file for the workers."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metabit.files import write_whole
from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.runs.run_front_end import read_front_end, write_front_end


@dataclass(frozen=True, eq=False)
class Features:
    """Training samples after one front end, and the folds to choose with.

    Attributes:
        dataset: its training split are all training samples; its test split is empty.
        folds: masks of what is held out in each fold, shape (n_folds, n).
    """

    dataset: DataSet
    folds: NDArray[np.bool_]

    def of_fold(self, fold: int, most: int | None, seed: int) -> DataSet:
        """The set with a fold in place of the test samples.

        Args:
            fold: number of the fold.
            most: so many samples to train with, and so many to test with, at most, drawn; None
                for all.
            seed: of the draws.
        """
        held, train = self.folds[fold], self.dataset.train
        generator = np.random.default_rng(seed)
        inside, outside = (_some(np.flatnonzero(mask), most, generator) for mask in (~held, held))
        return replace(self.dataset, train=train.take(inside), test=train.take(outside))


def _some(
    places: NDArray[np.int64], most: int | None, generator: np.random.Generator
) -> NDArray[np.int64]:
    if most is None or len(places) <= most:
        return places
    return np.sort(generator.choice(places, most, replace=False))


def write_features(path: Path, features: Features) -> None:
    """Write a file of features, and beside it their front end. Raises StorageError."""
    dataset = features.dataset
    if dataset.front_end is not None:  # first: where the samples are, it is too
        write_front_end(_front_end_file(path), dataset.front_end)
    buffer = io.BytesIO()
    np.savez(
        buffer, x=dataset.train.x, y=dataset.train.y, folds=features.folds,
        scale=np.float64(dataset.scale), zero_point=np.int64(dataset.zero_point),
        n_classes=np.int64(dataset.n_classes),
    )  # fmt: skip
    write_whole(path, buffer.getvalue())


def read_features(path: Path) -> Features:
    """What `write_features` wrote."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        x, y, folds = arrays["x"], arrays["y"], arrays["folds"]
        n_classes = int(arrays["n_classes"])
        dataset = DataSet(
            name=path.stem, train=Split(x, y), test=Split(x[:0], y[:0]), n_classes=n_classes,
            class_names=tuple(map(str, range(n_classes))), dtype=str(x.dtype),
            scale=float(arrays["scale"]), zero_point=int(arrays["zero_point"]), citation="",
            source=str(path),
        )  # fmt: skip
    if _front_end_file(path).exists():
        dataset = replace(dataset, front_end=read_front_end(_front_end_file(path)))
    return Features(dataset, folds)


def _front_end_file(path: Path) -> Path:
    return path.with_suffix(".safetensors")
