"""The learnt state as an image of bytes: what an engine saves (docs/FORMAT.md, "State image")."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metabit.errors import CorruptError, FormatError, MismatchError
from metabit.export import layout
from metabit.export.bits import level_row_bytes, pack_levels, unpack_levels
from metabit.export.spec import Float32Array, Int8Array, Model

MAGIC = b"\x89MBST\r\n\x1a"
VERSION = 1

_HEADER = struct.Struct("<8sIIIIII32s")  # magic, version, bytes, model, learn layers, bits, bank, 0
_COUNTERS = struct.Struct("<4III")  # random generator, steps, 0
_CRC = struct.Struct("<I")
_CHOICE = 20  # offset of learn layers, bits, bank, head and units
HEADS = (None, "counting", "tracking", "counting-small")


@dataclass(frozen=True)
class LayerImage:
    """What one layer has learnt.

    Attributes:
        rms: running mean square of the gradient.
        mean, var, mean_error, mean_product: running values, shape (n_out,), float32.
        levels: hidden weights, shape (n_out, n_in), int8.
    """

    rms: float
    mean: Float32Array
    var: Float32Array
    mean_error: Float32Array
    mean_product: Float32Array
    levels: Int8Array


@dataclass(frozen=True)
class StateImage:
    """Everything an engine has learnt.

    Attributes:
        model_id: checksum in the header of the model file it belongs to.
        bits: bits per hidden weight.
        bank: the normalisation bank that learnt.
        rng: state of the random generator, four 32-bit words.
        n_steps: samples learnt since export.
        layers: the layers that learnt, the output layer last.
    """

    model_id: int
    bits: int
    bank: int
    rng: tuple[int, int, int, int]
    n_steps: int
    layers: tuple[LayerImage, ...]


def model_id(data: bytes) -> int:
    """The checksum that names a model file: the last four bytes of its header."""
    (value,) = _CRC.unpack_from(data, layout.HEADER.size - 4)
    return int(value)


def dumps(image: StateImage) -> bytes:
    """The bytes of a state image."""
    learnt = _COUNTERS.pack(*image.rng, image.n_steps, 0)
    learnt += np.array([layer.rms for layer in image.layers], dtype="<f4").tobytes()
    for layer in image.layers:
        for column in (layer.mean, layer.var, layer.mean_error, layer.mean_product):
            learnt += column.astype("<f4").tobytes()
    learnt += b"".join(pack_levels(la.levels, image.bits).tobytes() for la in image.layers)
    header = _HEADER.pack(
        MAGIC, VERSION, _HEADER.size + len(learnt) + _CRC.size, image.model_id,
        len(image.layers), image.bits, image.bank, b"",
    )  # fmt: skip
    return header + learnt + _CRC.pack(zlib.crc32(header + learnt))


@dataclass(frozen=True)
class Choice:
    """What learnt, as the header of an image says.

    Attributes:
        learn_layers: layers that learnt, counted from the output; 0 where a head did.
        bits: bits per hidden weight; 0 where a head learnt.
        bank: the normalisation bank.
        head: the kind of head that learnt, None where layers did.
        units: hidden units of a tracking head.
    """

    learn_layers: int
    bits: int
    bank: int
    head: str | None
    units: int = 0


def choice(data: bytes, where: str = "state image") -> Choice:
    """What learnt in an image of any model.

    Raises:
        FormatError: not a state image, or of a version or a kind of head that is unknown.
        CorruptError: truncated or damaged.
    """
    _check_envelope(data, where)
    learn_layers, bits, bank, head, units = struct.unpack_from("<5I", data, _CHOICE)
    if head >= len(HEADS):
        raise FormatError(
            f"{where}: head kind {head} is unknown; update metabit", code="E-STATE-VERSION"
        )
    return Choice(learn_layers, bits, bank, HEADS[head], units)


def _check_envelope(data: bytes, where: str) -> None:
    """Magic, version, length and checksum."""
    if len(data) < _HEADER.size + _CRC.size or data[: len(MAGIC)] != MAGIC:
        raise FormatError(f"{where}: not a state image", code="E-STATE-MAGIC")
    _, version, n_bytes, *_ = _HEADER.unpack_from(data)
    if version != VERSION:
        raise FormatError(f"{where}: version {version} is unknown", code="E-STATE-VERSION")
    if n_bytes != len(data) or zlib.crc32(data[: -_CRC.size]) != _CRC.unpack(data[-4:])[0]:
        raise CorruptError(f"{where}: truncated or damaged (checksum)", code="E-STATE-CRC")


def loads(data: bytes, model: Model, model_name: int, where: str = "state image") -> StateImage:
    """Parse a state image of this model.

    Args:
        data: the image.
        model: the model it belongs to, for the shapes.
        model_name: `model_id` of that model's file.
        where: name of the image, for messages.

    Raises:
        FormatError: not a state image.
        CorruptError: truncated or damaged.
        MismatchError: it belongs to another model.
    """
    _check_envelope(data, where)
    _, _, _, name, n_learn, bits, bank, zero = _HEADER.unpack_from(data)
    if name != model_name:
        raise MismatchError(f"{where}: belongs to another model file", code="E-STATE-MODEL")
    layers = model.layers[len(model.layers) - n_learn :] if n_learn <= len(model.layers) else ()
    expected = _expected_bytes([(la.n_out, la.n_in) for la in layers], bits)
    if not layers or any(zero) or bits not in (4, 8) or expected != len(data):
        raise CorruptError(f"{where}: its fields contradict each other", code="E-STATE-FIELDS")
    return _parse(data, [(la.n_out, la.n_in) for la in layers], name, bits, bank)


def _expected_bytes(shapes: Sequence[tuple[int, int]], bits: int) -> int:
    values = sum(4 + 16 * n_out + n_out * level_row_bytes(n_in, bits) for n_out, n_in in shapes)
    return _HEADER.size + _COUNTERS.size + values + _CRC.size


def _parse(
    data: bytes, shapes: Sequence[tuple[int, int]], name: int, bits: int, bank: int
) -> StateImage:
    *rng, n_steps, _ = _COUNTERS.unpack_from(data, _HEADER.size)
    at = _HEADER.size + _COUNTERS.size
    rms = np.frombuffer(data, "<f4", len(shapes), at)
    at += 4 * len(shapes)
    columns = []
    for n_out, _n_in in shapes:
        columns.append(np.frombuffer(data, "<f4", 4 * n_out, at).reshape(4, n_out).copy())
        at += 16 * n_out
    layers = []
    for index, (n_out, n_in) in enumerate(shapes):
        row_bytes = level_row_bytes(n_in, bits)
        packed = np.frombuffer(data, np.uint8, n_out * row_bytes, at).reshape(n_out, row_bytes)
        at += packed.size
        levels = unpack_levels(packed, n_in, bits)
        mean, var, mean_error, mean_product = columns[index]
        layers.append(LayerImage(float(rms[index]), mean, var, mean_error, mean_product, levels))
    return StateImage(name, bits, bank, (rng[0], rng[1], rng[2], rng[3]), n_steps, tuple(layers))
