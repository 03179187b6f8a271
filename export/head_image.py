"""What a head has learnt, from the state image of an engine (docs/FORMAT.md)."""

from __future__ import annotations

import math
import struct
from dataclasses import replace

import numpy as np

from metabit.errors import CorruptError, InputError, MismatchError
from metabit.export import state_image
from metabit.export.head_section import signed_24
from metabit.export.head_spec import CountingHead, TrackingHead
from metabit.export.shapes import shape_of
from metabit.export.spec import Model
from metabit.export.tracker_section import KEPT, sizes, what_is_tracked

_WORD = struct.Struct("<I")
_VERSION_AT, _MODEL_NAME_AT, _CRC_BYTES = 8, 16, 4
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
    (name,) = _WORD.unpack_from(data, _MODEL_NAME_AT)
    head = model.head
    if name != model_name or head is None:
        raise MismatchError(f"{where}: belongs to another model file", code="E-STATE-MODEL")
    n, k = head.n_features, head.n_classes
    counts_bytes, table_bytes = 4 * k, 2 * k * n
    n_products = n * (n + 1) // 2 if kind == "counting" else 0
    learnt_bytes = _COUNTERS.size + counts_bytes + 2 * table_bytes + 3 * n_products + n
    start = _start(data, k)
    if len(data) != start + learnt_bytes + _CRC_BYTES:
        raise CorruptError(f"{where}: its fields contradict each other", code="E-STATE-FIELDS")
    _, samples, scale, to_solve, _, zero = _COUNTERS.unpack_from(data, start)
    sane = math.isfinite(scale) and 2.0**-40 <= scale <= 1 and math.frexp(scale)[0] == 0.5
    if zero or not to_solve or not sane:
        raise CorruptError(
            f"{where}: a counter of its head is out of range, or its scale, {scale}",
            code="E-STATE-FIELDS",
        )
    at = start + _COUNTERS.size
    counts, fed = np.frombuffer(data, "<u2", 2 * k, at).reshape(2, k).astype(np.uint16)
    at += counts_bytes
    means = np.frombuffer(data, "<i2", k * n, at).reshape(k, n).astype(np.int16)
    at += table_bytes
    weights = np.frombuffer(data, "<i2", k * n, at).reshape(k, n).astype(np.int16)
    at += table_bytes
    learnt = replace(
        head, counts=counts, fed=fed, means=means, weights=weights, scale=scale, answers=True
    )
    if kind == "counting-small":  # which keeps the products of home
        return learnt
    packed = np.frombuffer(data, np.uint8, 3 * n_products, at).reshape(-1, 3).astype(np.int32)
    return replace(learnt, products=signed_24(packed), n_products=samples)


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
    (name,) = _WORD.unpack_from(data, _MODEL_NAME_AT)
    if name != model_name:
        raise MismatchError(f"{where}: belongs to another model file", code="E-STATE-MODEL")
    k, h = model.n_classes, choice.units
    *_, d = what_is_tracked(model.n_inputs, [shape_of(layer) for layer in model.layers], k)
    n_floats, n_weights = sizes(d, k, h)
    at = _start(data, k)
    if len(data) < at + KEPT.size + 4 * n_floats + 2 * n_weights + _CRC_BYTES:
        raise CorruptError(f"{where}: its fields contradict each other", code="E-STATE-FIELDS")
    dither, n_measured = KEPT.unpack_from(data, at)
    at += KEPT.size
    values = np.frombuffer(data, "<f4", n_floats, at).astype(np.float32)
    weights = np.frombuffer(data, "<i2", n_weights, at + 4 * n_floats).astype(np.int16)
    return TrackingHead(h, k, dither, n_measured, values, weights)


def _start(data: bytes, n_classes: int) -> int:
    """Where the image says what the head keeps: after the recalls, which version 1 has not."""
    (version,) = _WORD.unpack_from(data, _VERSION_AT)
    if version == state_image.FIRST_VERSION:
        return _FIRST_LEARNT_AT
    return _RECALLS_AT + (2 * n_classes + 3) // 4 * 4
