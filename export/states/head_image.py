"""What a head has learnt, from the state image of an engine (docs/FORMAT.md)."""

from __future__ import annotations

import math
import struct
from dataclasses import replace

import numpy as np

from metabit.errors import InputError, MismatchError
from metabit.export.head_spec import CountingHead, TrackingHead
from metabit.export.sections.head import signed_24
from metabit.export.sections.tracker import (
    KEPT,
    MAX_UNITS,
    TRACKED_INPUTS,
    bounds,
    sizes,
    what_is_tracked,
)
from metabit.export.shapes import shape_of
from metabit.export.spec import Model
from metabit.export.states import state_image

_WORD = struct.Struct("<I")
_VERSION_AT = 8
_FIRST_LEARNT_AT, _RECALLS_AT = 88, 112
# generator of the rounding, samples in the products, scale, samples until weights are solved for,
# samples that stood still, zero
_COUNTERS = struct.Struct("<IIfIII")


def samples_to_solve(data: bytes, n_classes: int) -> int:
    """Samples after which a counting head of so many classes, whose image this is, solves for its
    weights."""
    return int(_COUNTERS.unpack_from(data, _start(data, n_classes))[3])


def learnt_head(
    data: bytes, model: Model, model_name: int, where: str = "state image"
) -> CountingHead:
    """The head of a model as an engine has changed it; it answers in place of the last layer.

    Args:
        data: the image.
        model: the model it belongs to.
        model_name: `state_image.model_id` of that model's file.
        where: name of the image, for messages.

    Raises:
        FormatError, CorruptError: not a state image, or a damaged one.
        InputError: something else than a counting head has learnt (E-HEAD).
        MismatchError: it belongs to another model.
    """
    kind = state_image.choice(data, where).head
    if kind not in ("counting", "counting-small"):
        raise InputError(f"{where}: no counting head has learnt here", code="E-HEAD")
    head = model.head
    if head is None:
        raise MismatchError(f"{where}: belongs to another model file", code="E-STATE-MODEL")
    n, k = head.n_features, head.n_classes
    _, reader = state_image.begin(data, model, model_name, where)
    _, samples, scale, to_solve, _, zero = reader.numbers(_COUNTERS)
    sane = math.isfinite(scale) and 2.0**-40 <= scale <= 1 and math.frexp(scale)[0] == 0.5
    if zero or not to_solve or not sane:
        raise reader.corrupt(f"a counter of its head is out of range, or its scale, {scale}")
    counts, fed = reader.array("<u2", 2 * k).reshape(2, k).astype(np.uint16)
    means = reader.array("<i2", k * n).reshape(k, n).astype(np.int16)
    weights = reader.array("<i2", k * n).reshape(k, n).astype(np.int16)
    products = head.products, head.n_products
    if kind == "counting":  # a small one keeps the products of home
        packed = reader.array("u1", 3 * (n * (n + 1) // 2)).reshape(-1, 3).astype(np.int32)
        products = signed_24(packed), samples
    reader.array("i1", n)  # features of the last sample
    reader.finish()
    return replace(
        head, counts=counts, fed=fed, means=means, weights=weights, products=products[0],
        n_products=products[1], scale=scale, answers=True,
    )  # fmt: skip


def learnt_tracker(
    data: bytes, model: Model, model_name: int, where: str = "state image"
) -> TrackingHead:
    """The tracking head of a model as an engine has changed it; it answers in place of the last
    layer. Samples kept for replay are not in it.

    Args, errors: as for `learnt_head`.
    """
    choice = state_image.choice(data, where)
    if choice.head != "tracking":
        raise InputError(f"{where}: no tracking head has learnt here", code="E-HEAD")
    _, reader = state_image.begin(data, model, model_name, where)
    k, h = model.n_classes, choice.units
    shapes = [shape_of(layer) for layer in model.layers]
    if h != _units(model, h):
        raise reader.corrupt(f"{h} hidden units, which its head does not have here")
    *_, d = what_is_tracked(model.n_inputs, shapes, k)
    n_floats, n_weights = sizes(d, k, h)
    dither, n_measured = reader.numbers(KEPT)
    values = reader.within("<f4", n_floats, *bounds(d, k), "a value of its tracking head")
    weights = reader.array("<i2", n_weights).astype(np.int16)
    if choice.replay:
        reader.ring(choice.replay, d + k, k)
    reader.finish()
    return TrackingHead(h, k, dither, n_measured, values, weights)


def _units(model: Model, asked: int) -> int:
    """Hidden units that a tracking head has where so many are asked for."""
    if model.tracker is not None:
        return model.tracker.n_units
    return 0 if model.n_inputs > TRACKED_INPUTS else min(asked, MAX_UNITS)


def _start(data: bytes, n_classes: int) -> int:
    """Where the image says what the head keeps: after the recalls, which version 1 has not."""
    (version,) = _WORD.unpack_from(data, _VERSION_AT)
    if version == state_image.FIRST_VERSION:
        return _FIRST_LEARNT_AT
    return _RECALLS_AT + (2 * n_classes + 3) // 4 * 4
