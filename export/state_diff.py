"""What lies between two states of one model, layer by layer or class by class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metabit.errors import InputError
from metabit.export.blob import Blob
from metabit.export.spec import Int8Array
from metabit.export.states import context_image, state_image
from metabit.export.states.head_image import learnt_head
from metabit.export.states.learnt import StateImage


@dataclass(frozen=True)
class LayerChange:
    """How one layer differs.

    Attributes:
        name: of the layer.
        n_weights: of it.
        n_moved: hidden weights whose level differs.
        n_flipped: of these, weights whose sign differs.
        mean_move: mean distance of those that differ, in levels.
    """

    name: str
    n_weights: int
    n_moved: int
    n_flipped: int
    mean_move: float


@dataclass(frozen=True)
class StateChange:
    """How two states of a model differ.

    Attributes:
        layers: of those that learn, the lowest first; empty where a head learns.
        class_counts: samples of each class that a counting head has learnt, before and after;
            empty where layers or a tracking head learn.
    """

    layers: tuple[LayerChange, ...] = ()
    class_counts: tuple[tuple[int, int], ...] = ()


def difference(old: bytes, new: bytes, base: Blob, where: str) -> StateChange:
    """Compare two whole images.

    Args:
        old, new: the images.
        base: the model file that both belong to.
        where: the folder, for messages.

    Raises:
        MismatchError: one belongs to another model file (E-STATE-MODEL).
        InputError: not the same learnt in both: other layers, bits, or head (E-STATE-WHICH).
    """
    made_by = [state_image.choice(image, where) for image in (old, new)]
    if made_by[0] != made_by[1]:
        raise InputError(
            f"{where}: {made_by[0].in_words()} learnt in one, {made_by[1].in_words()} in the "
            "other; what they learnt cannot be compared weight by weight",
            code="E-STATE-WHICH",
        )
    head = made_by[0].head
    if head == "tracking":
        return StateChange()
    if head is not None:
        heads = [learnt_head(image, base.model, base.model_id, where) for image in (old, new)]
        counts = zip(*(head.counts.tolist() for head in heads), strict=True)
        return StateChange(class_counts=tuple((int(a), int(b)) for a, b in counts))
    images = _networks(old, new, base, where)
    names = [layer.name for layer in base.model.layers[-len(images[0].layers) :]]
    return StateChange(
        tuple(
            _layer(name, a.levels, b.levels)
            for name, a, b in zip(names, images[0].layers, images[1].layers, strict=True)
        )
    )


def _networks(old: bytes, new: bytes, base: Blob, where: str) -> list[StateImage]:
    """What is compared: networks, of contexts the context that learns in the newer image."""
    if not state_image.choice(new, where).contexts:
        return [state_image.loads(i, base.model, base.model_id, where) for i in (old, new)]
    all_of = [context_image.loads(i, base.model, base.model_id, where) for i in (old, new)]
    return [image.networks[all_of[1].current] for image in all_of]


def _layer(name: str, old: Int8Array, new: Int8Array) -> LayerChange:
    moves = np.abs(new.astype(np.int64) - old)
    n_moved, flipped = int(np.count_nonzero(moves)), (old >= 0) != (new >= 0)
    mean = float(moves.sum() / n_moved) if n_moved else 0.0
    return LayerChange(name, old.size, n_moved, int(flipped.sum()), mean)
