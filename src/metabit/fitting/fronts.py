"""Front ends that are tried: what is usual for motion, for sound, and for rows of a table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.fitting.material import Material
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.data.windows import frames_and_channels, with_front_end
from metabit.trainer.recipe.frontend import FrontEndRecipe
from metabit.trainer.streams.build import RAW

SOUND_HZ = 4000
"""From so many frames per second on, a recording is taken for sound."""
MOST_RAW = 1024
"""Values of a window that are also tried as they are."""
LOOKED_AT = 1500
"""Training samples that front ends are compared with."""
KEPT = 3
"""Front ends that networks are tried with; a linear classifier chooses them."""

Fronts = dict[str, FrontEndRecipe | None]


def proposals(dataset: DataSet) -> Fronts:
    """Front ends by name; None for samples that a network reads as they are."""
    if dataset.dtype == "uint8" or len(dataset.input_shape) != 2:
        return {"as it is": None}
    n_frames, n_channels = frames_and_channels(dataset)
    if n_frames == 1:
        return {"values": RAW, "values and logarithms": replace(RAW, log="also")}
    rate = dataset.sample_rate
    wanted = _of_sound(n_frames) if rate and rate >= SOUND_HZ else _of_motion(n_frames)
    if n_frames * n_channels <= MOST_RAW:
        wanted["values"] = RAW
    return {
        name: front
        for name, front in wanted.items()
        if _is_possible(front, n_frames, n_channels, rate)
    }


def _of_motion(n_frames: int) -> dict[str, FrontEndRecipe]:
    found = {
        "statistics": FrontEndRecipe(bands=0),
        "statistics and 8 bands": FrontEndRecipe(bands=8),
        "statistics and 16 bands": FrontEndRecipe(bands=16),
        "statistics and 16 linear bands": FrontEndRecipe(bands=16, spacing="linear"),
    }
    for n in (2, 4):
        length, hop = segments(n_frames, n)
        found[f"{n} parts of statistics and 8 bands"] = FrontEndRecipe(
            length=length, hop=hop, bands=8, log="only"
        )
    return found


def _of_sound(n_frames: int) -> dict[str, FrontEndRecipe]:
    found = {}
    for bands, n in ((16, 8), (20, 12), (24, 16)):
        length, hop = segments(n_frames, n)
        for spacing in ("mel", "linear"):
            found[f"{n} parts of {bands} {spacing} bands"] = FrontEndRecipe(
                length=length, hop=hop, statistics=(), bands=bands, spacing=spacing, log="only"
            )
    return found


def segments(n_frames: int, n: int, longest: int = 1024) -> tuple[int, int]:
    """Length and hop of `n` windows that fill so many frames; a spectrum limits their length."""
    hop = max(n_frames // n, -(-(n_frames - longest) // (n - 1)))
    return n_frames - hop * (n - 1), hop


def _is_possible(front: FrontEndRecipe, n_frames: int, n_channels: int, rate: float | None) -> bool:
    try:
        front.operations(n_frames, n_channels, rate)
    except InputError:
        return False
    return True


def seen_by_network(dataset: DataSet, front: FrontEndRecipe | None) -> DataSet:
    """The set as a network sees it."""
    if front is None:
        return dataset
    return with_front_end(
        dataset, front.operations(*frames_and_channels(dataset), dataset.sample_rate)
    )


def linear_accuracy(x: NDArray[np.int8], y: NDArray[np.integer], held: NDArray[np.bool_]) -> float:
    """Accuracy of a linear discriminant on held-out samples: a quick look at a front end.

    Args:
        x: shape (n, n_inputs).
        y: labels, shape (n,).
        held: which samples are held out, shape (n,).
    """
    known, truth = x[~held].astype(np.float64), y[~held]
    classes = np.unique(truth)
    means = np.stack([known[truth == label].mean(axis=0) for label in classes])
    spread = known - means[np.searchsorted(classes, truth)]
    matrix = spread.T @ spread / len(known)
    matrix += 0.05 * max(float(matrix.diagonal().mean()), 1e-6) * np.eye(len(matrix))
    weights = np.linalg.solve(matrix, means.T)
    share = np.array([(truth == label).mean() for label in classes])
    scores = x[held] @ weights - 0.5 * (means.T * weights).sum(axis=0) + np.log(share)
    return float((classes[scores.argmax(axis=1)] == y[held]).mean())


def looked_at(material: Material, wanted: Fronts, seed: int) -> dict[str, float]:
    """Linear accuracy of every front end, on a part of the training samples.

    Args:
        material: the samples.
        wanted: front ends by name.
        seed: of the part.
    """
    dataset, held = material.dataset, material.folds[0]
    n = len(dataset.train)
    some = np.sort(np.random.default_rng(seed).permutation(n)[:LOOKED_AT])
    few = replace(dataset, train=dataset.train.take(some), test=dataset.train.take(some[:1]))
    found = {}
    for name, front in wanted.items():
        seen = seen_by_network(few, front).train
        found[name] = linear_accuracy(seen.x.reshape(len(seen), -1), seen.y, held[some])
    return found


def best_fronts(looked_at: dict[str, float]) -> list[str]:
    """The names of the best few front ends by their linear accuracy, the best first."""
    return sorted(looked_at, key=lambda name: (-looked_at[name], name))[:KEPT]
