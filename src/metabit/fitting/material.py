"""The samples: read, checked, and divided into folds, on which networks are chosen.

The test samples are put aside here. Nothing is chosen with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.data.own import folders
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.streams.build import raw_set

LEAST_SAMPLES = 20
"""Training samples without which nothing can be chosen."""
MOST_FOLDS = 3


@dataclass(frozen=True, eq=False)
class Material:
    """Samples and folds.

    Attributes:
        dataset: the raw set, before any front end.
        folds: masks of the training samples that are held out in each fold, shape
            (n_folds, n_train).
        held_out: what a fold holds out: "group", "time" or "random".
    """

    dataset: DataSet
    folds: NDArray[np.bool_]
    held_out: str


def read(recipe: DataRecipe, seed: int) -> Material:
    """The samples that [data] of a recipe names.

    Args:
        recipe: the table.
        seed: of the folds.

    Raises:
        InputError: they cannot be read, or nothing can be chosen with them (E-FIT-DATA).
    """
    return divided(raw_set(recipe), recipe, seed)


def divided(dataset: DataSet, recipe: DataRecipe, seed: int) -> Material:
    """Samples that were read, with folds; arguments and errors as of `read`."""
    train = dataset.train
    labels, counts = np.unique(train.y, return_counts=True)
    if len(labels) < 2:
        only = dataset.class_names[int(labels[0])]
        what = f'one class only ("{only}"): there is nothing to tell apart'
        own = recipe.own
        if own is not None and own.pattern is None and folders.is_folder(Path(own.path)):
            what += f"; {folders.SAY_THE_PATTERN}"
        raise _refuse(dataset, what)
    if len(train) < LEAST_SAMPLES or counts.min() < 2:
        rare = dataset.class_names[int(labels[counts.argmin()])]
        raise _refuse(
            dataset,
            f'{len(train)} training samples, {counts.min()} of class "{rare}": at least '
            f"{LEAST_SAMPLES}, and 2 of every class, are needed",
        )
    kind = _kind(recipe, dataset)
    return Material(dataset, _folds(dataset, kind, seed), kind)


def _refuse(dataset: DataSet, what: str) -> InputError:
    return InputError(f"{dataset.source}: {what}", code="E-FIT-DATA")


def _kind(recipe: DataRecipe, dataset: DataSet) -> str:
    """What folds hold out, which is what the test samples were held out by."""
    own = recipe.own
    if dataset.train.subject is not None:
        return "group"
    if own is None:
        return "random"
    windowed = own.window is not None
    return own.split or ("time" if windowed or own.time is not None else "random")


def _folds(dataset: DataSet, kind: str, seed: int) -> NDArray[np.bool_]:
    """Masks of what is held out, each with every class on the other side."""
    train = dataset.train
    generator = np.random.default_rng([seed, 1])
    if kind == "group":
        assert train.subject is not None
        if len(np.unique(train.subject)) < 2:
            raise _refuse(
                dataset,
                "one group only is left to train on: to choose a network, others are needed to "
                "test it with; give more groups, or leave --group out",
            )
        masks = _of_groups(train.subject, generator)
    elif kind == "time":
        masks = [np.arange(len(train)) >= len(train) * 3 // 4]
    else:
        masks = _of_rows(train, generator)
    good = [mask for mask in masks if set(train.y[mask]) <= set(train.y[~mask])]
    if not good:
        raise _refuse(dataset, f"no part of the {kind} split has all classes on its other side")
    return np.array(good)


def _of_groups(
    subject: NDArray[np.integer], generator: np.random.Generator
) -> list[NDArray[np.bool_]]:
    """Whole groups, about a quarter of them and at least one in each fold."""
    groups = generator.permutation(np.unique(subject))
    n_parts = min(len(groups), max(MOST_FOLDS, 4))
    parts = np.array_split(groups, n_parts)
    return [np.isin(subject, part) for part in parts[:MOST_FOLDS]]


def _of_rows(train: Split, generator: np.random.Generator) -> list[NDArray[np.bool_]]:
    """A quarter of the rows of every class in each fold."""
    part = np.zeros(len(train), dtype=np.int64)
    for label in np.unique(train.y):
        members = generator.permutation(np.flatnonzero(train.y == label))
        part[members] = np.arange(len(members)) % 4
    return [part == number for number in range(MOST_FOLDS)]
