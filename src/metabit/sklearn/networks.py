"""The networks inside a classifier: trained by `fit`, or fresh where `partial_fit` comes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.plan import plan
from metabit.edge_runtime.sizes import parse_bytes
from metabit.export.container import dumps
from metabit.export.from_torch import from_model
from metabit.export.golden import with_golden
from metabit.export.heads.home import (
    RAM_DEFAULT,
    HeadChoice,
    least_bytes,
    obstacle,
    with_chosen_head,
    with_empty_head,
)
from metabit.export.spec import Model
from metabit.export.untrained import untrained
from metabit.sklearn.features import RealFeatures
from metabit.trainer.arrays import Course, train_arrays

_N_GOLDEN = 8


@dataclass(frozen=True)
class Wanted:
    """What a network is made for.

    Attributes:
        features: how rows become samples.
        n_classes: classes that are known by name.
        spare_classes: classes that may come later.
        ram: budget for the arena of a device; None for no limit.
    """

    features: RealFeatures
    n_classes: int
    spare_classes: int
    ram: str | int | None


def trained(
    x: NDArray[Any], y: NDArray[np.int64], wanted: Wanted, course: Course, *, novelty: bool = True
) -> Model:
    """A network that has learnt these samples, with a counting head that knows them and answers.

    Args:
        x: samples, shape (n, n_inputs), as `wanted.features` makes them.
        y: their labels from 0, shape (n,).
        wanted: what the network is for.
        course: how it is trained.
        novelty: whether the head is to say what it does not know, which takes longer than the rest.
    """
    spec = wanted.features.spec
    net = train_arrays(x, y, wanted.n_classes, spec.zero_point, course)
    packed = from_model(net, spec, m=max(course.m, 1e-3))
    model = with_golden(wanted.features.put_before(packed), x[:_N_GOLDEN])
    choice = _head_that_fits(model, wanted)
    if choice is None:
        return model
    model = with_chosen_head(model, x, y, replace(choice, novelty=novelty))
    assert model.head is not None
    return replace(model, head=replace(model.head, answers=True))


def fresh(x: NDArray[Any], wanted: Wanted, hidden: Sequence[int], seed: int) -> Model:
    """A network of random bits whose head knows nothing yet; arguments as for `trained`."""
    widths = [*hidden, wanted.n_classes]
    model = wanted.features.put_before(untrained(wanted.features.spec, widths, x, seed=seed))
    choice = _head_that_fits(model, wanted)
    if choice is None:
        return model
    ram_bytes = RAM_DEFAULT if choice.ram_bytes is None else choice.ram_bytes
    return with_empty_head(model, x, spare_classes=choice.spare_classes, ram_bytes=ram_bytes)


def _head_that_fits(model: Model, wanted: Wanted) -> HeadChoice | None:
    """The largest head that `ram` leaves room for, up to the usual size; None where none fits."""
    choice = HeadChoice(wanted.spare_classes)
    if obstacle(model, choice) is not None:
        return None
    if wanted.ram is None:
        return choice
    left = parse_bytes(wanted.ram) - plan(dumps(model), learn="none").arena_bytes
    if left < least_bytes(model, wanted.spare_classes):
        return None
    return HeadChoice(wanted.spare_classes, min(left, RAM_DEFAULT))
