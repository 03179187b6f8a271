"""The learnt state as an image of bytes: what an engine saves (docs/FORMAT.md, "State image")."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import CorruptError, FormatError, MismatchError
from metabit.export import layout
from metabit.export.bits import level_row_bytes, pack_levels, unpack_levels
from metabit.export.spec import ConvLayer, Float32Array, Int8Array, Int64Array, Model

MAGIC = b"\x89MBST\r\n\x1a"
VERSION = 2
#: Images of this version lack what lies between counters and values; it starts anew.
FIRST_VERSION = 1
#: Recall of a class of which no sample has come.
NEVER_SEEN = 65535
#: Bits of shares in a record, after the point.
RECORD_BITS = 24
#: Bits of means of inputs, after the point.
MEAN_BITS = 16

#: magic, version, bytes, model, learn layers, bits, bank, 0 (head and its units), replay, 0
_HEADER = struct.Struct("<8sIIIIII8sI20s")
_COUNTERS = struct.Struct("<4III")  # random generator, samples, samples learnt
_RECORD = struct.Struct("<6I")  # fields of Record, in order
_CRC = _COUNT = struct.Struct("<I")
_CHOICE = 20  # offset of learn layers, bits, bank, head, units and replay
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
class Record:
    """How well samples were predicted before they were learnt, and a test for drift.

    Attributes:
        n_judged: samples that came with their label.
        right: share of right answers of the last 512 or so, in 2**-24.
        n_since: samples since the test started.
        wrong: share of wrong answers since then, of the last 1,024 or so, in 2**-24.
        excess: sum of the test, in 2**-24.
        n_drifts: how often it has found a rise of errors.
        recalls: share of right answers by class, shape (n_classes,), in 1/65535, or NEVER_SEEN.
    """

    n_judged: int
    right: int
    n_since: int
    wrong: int
    excess: int
    n_drifts: int
    recalls: Int64Array

    @classmethod
    def empty(cls, n_classes: int) -> Record:
        """That of no sample."""
        return cls(0, 0, 0, 0, 0, 0, np.full(n_classes, NEVER_SEEN, dtype=np.int64))


@dataclass(frozen=True)
class KeptSamples:
    """Samples kept to be learnt again.

    Attributes:
        n_kept: how many there are; they lie in the first slots.
        labels: shape (n_slots,), uint8.
        entries: what the lowest layer that learns saw of each, as packed bits, shape (n_slots,
            n_bytes), uint8.
    """

    n_kept: int
    labels: NDArray[np.uint8]
    entries: NDArray[np.uint8]


@dataclass(frozen=True)
class StateImage:
    """Everything an engine has learnt.

    Attributes:
        model_id: checksum in the header of the model file it belongs to.
        bits: bits per hidden weight.
        bank: the normalisation bank that learnt.
        rng: state of the random generator, four 32-bit words.
        n_steps: samples that came since export.
        n_learnt: of these, samples that were learnt.
        record: how well they were predicted.
        worth: in 1/65535, shape (n_outputs + 2,): share of each label in the last samples, what
            samples passed over have left of their turns, share of samples worth learning.
        means: of the inputs, in 1/65536, shape (n_inputs,); None where the first layer does not
            learn, or is a convolution.
        layers: the layers that learnt, the output layer last.
        ring: samples kept for replay, if any.
    """

    model_id: int
    bits: int
    bank: int
    rng: tuple[int, int, int, int]
    n_steps: int
    n_learnt: int
    record: Record
    worth: Int64Array
    means: Int64Array | None
    layers: tuple[LayerImage, ...]
    ring: KeptSamples | None = None


def model_id(data: bytes) -> int:
    """The checksum that names a model file: the last four bytes of its header."""
    (value,) = _CRC.unpack_from(data, layout.HEADER.size - 4)
    return int(value)


#: Fields of the header that name what a state was made with: what it says -> offset.
_MADE_WITH = {
    "model file {:08x}": 16, "{} layer(s) that learn": 20, "{} bits per hidden weight": 24,
    "bank {}": 28, "head {}": 32, "{} units of its head": 36,
    "{} samples kept for replay": 40,
    "version {} of the format": 8, "{:,} bytes": 12,
}  # fmt: skip


def is_whole(image: bytes) -> bool:
    """Whether the checksum of an image holds."""
    end = len(image) - _CRC.size
    return end >= _HEADER.size and image[end:] == _CRC.pack(zlib.crc32(image[:end]))


def differences(image: bytes, here: bytes) -> str:
    """What a state image was made with, and what an engine here has, where they differ.

    Args:
        image: whole.
        here: the image of that engine.
    """
    found = []
    for said, at in _MADE_WITH.items():
        (theirs,), (ours,) = (struct.unpack_from("<I", one, at) for one in (image, here))
        if theirs != ours:
            found.append(f"it was made with {said.format(theirs)}, here: {said.format(ours)}")
    # The length follows from the others.
    return "; ".join(found[:-1] if len(found) > 1 and "bytes" in found[-1] else found)


def dumps(image: StateImage) -> bytes:
    """The bytes of a state image."""
    record = image.record
    learnt = _COUNTERS.pack(*image.rng, image.n_steps, image.n_learnt)
    learnt += _RECORD.pack(
        record.n_judged, record.right, record.n_since, record.wrong, record.excess, record.n_drifts
    )
    learnt += _padded(record.recalls.astype("<u2").tobytes())
    learnt += _padded(image.worth.astype("<u2").tobytes())
    learnt += b"" if image.means is None else image.means.astype("<i4").tobytes()
    learnt += np.array([layer.rms for layer in image.layers], dtype="<f4").tobytes()
    for layer in image.layers:
        for column in (layer.mean, layer.var, layer.mean_error, layer.mean_product):
            learnt += column.astype("<f4").tobytes()
    learnt += b"".join(pack_levels(la.levels, image.bits).tobytes() for la in image.layers)
    ring, n_slots = image.ring, 0
    if ring is not None:
        learnt = _padded(learnt) + _COUNT.pack(ring.n_kept) + _padded(ring.labels.tobytes())
        learnt += ring.entries.tobytes()
        n_slots = len(ring.labels)
    header = _HEADER.pack(
        MAGIC, VERSION, _HEADER.size + len(learnt) + _CRC.size, image.model_id,
        len(image.layers), image.bits, image.bank, b"", n_slots, b"",
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
        replay: samples that it kept at most, to be learnt again.
    """

    learn_layers: int
    bits: int
    bank: int
    head: str | None
    units: int = 0
    replay: int = 0

    @property
    def learn(self) -> str | int:
        """What learns in an engine that takes the state, as `Engine` names it."""
        return self.head or self.learn_layers

    def in_words(self) -> str:
        """What learnt, for people."""
        if self.head is not None:
            units = f" with {self.units} hidden units" if self.units else ""
            return f"a {self.head.replace('-', ', ')} head{units}"
        layers = "layer" if self.learn_layers == 1 else "layers"
        return f"{self.learn_layers} {layers} of {self.bits} bits"


def choice(data: bytes, where: str = "state image") -> Choice:
    """What learnt in an image of any model.

    Raises:
        FormatError: not a state image, or of a version or a kind of head that is unknown.
        CorruptError: truncated or damaged.
    """
    _check_envelope(data, where)
    learn_layers, bits, bank, head, units, replay = struct.unpack_from("<6I", data, _CHOICE)
    if head >= len(HEADS):
        raise FormatError(
            f"{where}: head kind {head} is unknown; update metabit", code="E-STATE-VERSION"
        )
    return Choice(learn_layers, bits, bank, HEADS[head], units, replay)


def _check_envelope(data: bytes, where: str) -> None:
    """Magic, version, length and checksum."""
    if len(data) < _HEADER.size + _CRC.size or data[: len(MAGIC)] != MAGIC:
        raise FormatError(f"{where}: not a state image", code="E-STATE-MAGIC")
    _, version, n_bytes, *_ = _HEADER.unpack_from(data)
    if version not in (FIRST_VERSION, VERSION):
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
    _, version, _, name, n_learn, bits, bank, zero, n_slots, more = _HEADER.unpack_from(data)
    if name != model_name:
        raise MismatchError(f"{where}: belongs to another model file", code="E-STATE-MODEL")
    layers = model.layers[len(model.layers) - n_learn :] if n_learn <= len(model.layers) else ()
    shapes = [(layer.n_out, layer.n_in) for layer in layers]
    n_means = _n_means(model, len(layers))
    expected = _expected_bytes(shapes, bits)
    if version == VERSION:
        expected += _beside_bytes(model.n_outputs, n_means)
    seen_bytes = _seen_bytes(model, len(layers))
    if n_slots:
        slots = 4 * math.ceil(n_slots / 4) + n_slots * seen_bytes
        expected = len(_padded(bytes(expected - 4))) + 4 + slots + 4
    if not layers or any(zero + more) or bits not in (4, 8) or expected != len(data):
        raise CorruptError(f"{where}: its fields contradict each other", code="E-STATE-FIELDS")
    reader = _Reader(data)
    image = _parse(reader, version, shapes, n_means, (name, bits, bank))
    return replace(image, ring=reader.ring(n_slots, seen_bytes)) if n_slots else image


def start_worth(n_outputs: int) -> Int64Array:
    """`StateImage.worth` before the first sample."""
    return np.array([65535 // n_outputs] * n_outputs + [0, 65535], dtype=np.int64)


def _padded(part: bytes) -> bytes:
    return part + bytes(-len(part) % 4)


def _n_means(model: Model, n_learn: int) -> int:
    """Inputs whose means are kept: where the first layer is dense and learns."""
    learns = n_learn == len(model.layers)
    return model.input.n_inputs if learns and not isinstance(model.layers[0], ConvLayer) else 0


def _seen_bytes(model: Model, n_learn: int) -> int:
    """Bytes of the bits that the lowest layer that learns reads; 0 where it reads samples."""
    if n_learn == len(model.layers):
        return 0
    return 4 * math.ceil(math.prod(model.layers[-n_learn - 1].out_shape) / 32)


def _expected_bytes(shapes: Sequence[tuple[int, int]], bits: int) -> int:
    values = sum(4 + 16 * n_out + n_out * level_row_bytes(n_in, bits) for n_out, n_in in shapes)
    return _HEADER.size + _COUNTERS.size + values + _CRC.size


def _beside_bytes(n_outputs: int, n_means: int) -> int:
    """Record, shares of labels and means, which the first version does not have."""
    recalls, worth = _padded(bytes(2 * n_outputs)), _padded(bytes(2 * n_outputs + 4))
    return _RECORD.size + len(recalls) + len(worth) + 4 * n_means


class _Reader:
    """Goes through an image from its counters on."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, _HEADER.size

    def numbers(self, layout: struct.Struct) -> tuple[int, ...]:
        """Numbers that follow."""
        self.at += layout.size
        return layout.unpack_from(self.data, self.at - layout.size)

    def array(self, dtype: str, n: int) -> NDArray[Any]:
        """An array of n numbers that follows, and what fills it up to four bytes."""
        values = np.frombuffer(self.data, dtype, n, self.at)
        self.at += len(_padded(values.tobytes()))
        return values.copy()

    def rows(self, n_out: int, n_in: int, bits: int) -> Int8Array:
        """Hidden weights that follow, shape (n_out, n_in)."""
        row_bytes = level_row_bytes(n_in, bits)
        packed = np.frombuffer(self.data, np.uint8, n_out * row_bytes, self.at)
        self.at += packed.size
        return unpack_levels(packed.reshape(n_out, row_bytes), n_in, bits)

    def ring(self, n_slots: int, n_bytes: int) -> KeptSamples:
        """Samples kept for replay that follow, and what fills up hidden weights before them."""
        self.at += -self.at % 4
        (n_kept,) = self.numbers(_COUNT)
        labels = self.array("u1", n_slots)
        return KeptSamples(
            n_kept, labels, self.array("u1", n_slots * n_bytes).reshape(n_slots, n_bytes)
        )


def _parse(
    reader: _Reader,
    version: int,
    shapes: Sequence[tuple[int, int]],
    n_means: int,
    ids: tuple[int, int, int],
) -> StateImage:
    *rng, n_steps, n_learnt = reader.numbers(_COUNTERS)
    n_outputs = shapes[-1][0]
    if version == FIRST_VERSION:
        record, worth, n_learnt = Record.empty(n_outputs), start_worth(n_outputs), 0
        means = np.zeros(n_means, dtype=np.int64)
    else:
        judged, right, since, wrong, excess, drifts = reader.numbers(_RECORD)
        recalls = reader.array("<u2", n_outputs).astype(np.int64)
        record = Record(judged, right, since, wrong, excess, drifts, recalls)
        worth = reader.array("<u2", n_outputs + 2).astype(np.int64)
        means = reader.array("<i4", n_means).astype(np.int64)
    rms = reader.array("<f4", len(shapes))
    running = [reader.array("<f4", 4 * n_out).reshape(4, n_out) for n_out, _ in shapes]
    name, bits, bank = ids
    levels = [reader.rows(n_out, n_in, bits) for n_out, n_in in shapes]
    layers = tuple(
        LayerImage(float(q), values[0], values[1], values[2], values[3], rows)
        for q, values, rows in zip(rms, running, levels, strict=True)
    )
    return StateImage(
        name, bits, bank, (rng[0], rng[1], rng[2], rng[3]), n_steps, n_learnt, record, worth,
        means if n_means else None, layers,
    )  # fmt: skip
