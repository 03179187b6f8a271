"""The learnt state as an image of bytes: what an engine saves (docs/FORMAT.md, "State image")."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass

import numpy as np

from metabit.errors import CorruptError, FormatError, MismatchError
from metabit.export import layout
from metabit.export.bits import pack_levels
from metabit.export.head_spec import MAX_CLASSES
from metabit.export.spec import ConvLayer, Float32Array, Int64Array, Model
from metabit.export.states.learnt import KeptSamples, LayerImage, Record, StateImage
from metabit.export.states.reader import StateReader

MAGIC = b"\x89MBST\r\n\x1a"
VERSION = 2
#: Images of this version lack what lies between counters and values; it starts anew.
FIRST_VERSION = 1
#: Bits of shares in a record, after the point.
RECORD_BITS = 24
#: Bits of means of inputs, after the point.
MEAN_BITS = 16
#: Limits of the core, within which all arithmetic is finite.
_DRIFT_LIMIT, _MOST_VALUE, _MOST_REPLAY = 50 << RECORD_BITS, 2.0**50, 65_535

#: magic, version, bytes, model, learn layers, bits, bank, 0 (head and its units), replay,
#: contexts and bytes of the block of each, 0
_HEADER = struct.Struct("<8sIIIIII8sIII12s")
HEADER_BYTES = _HEADER.size
_COUNTERS = struct.Struct("<4III")  # random generator, samples, samples learnt
_RECORD = struct.Struct("<6I")  # fields of Record, in order
_CRC = _COUNT = struct.Struct("<I")
_CHOICE = 20  # offset of learn layers, bits, bank, head, units, replay and contexts
#: Networks that there is room for in an engine, at most.
MAX_CONTEXTS = 5
HEADS = (None, "counting", "tracking", "counting-small")


def model_id(data: bytes) -> int:
    """The checksum that names a model file: the last four bytes of its header."""
    (value,) = _CRC.unpack_from(data, layout.HEADER.size - 4)
    return int(value)


#: Fields of the header that name what a state was made with: what it says -> offset.
_MADE_WITH = {
    "model file {:08x}": 16, "{} layer(s) that learn": 20, "{} bits per hidden weight": 24,
    "bank {}": 28, "head {}": 32, "{} units of its head": 36,
    "{} samples kept for replay": 40, "{} contexts": 44,
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
    """The bytes of a state image of one network."""
    return seal(image, learnt_block(image))


def seal(image: StateImage, learnt: bytes, contexts: int = 0) -> bytes:
    """What is learnt between the header, which says how this network learns, and a checksum."""
    n_slots = 0 if image.ring is None else len(image.ring.labels)
    block_bytes = len(padded(learnt_block(image))) if contexts else 0
    header = _HEADER.pack(
        MAGIC, VERSION, _HEADER.size + len(learnt) + _CRC.size, image.model_id,
        len(image.layers), image.bits, image.bank, b"", n_slots, contexts, block_bytes, b"",
    )  # fmt: skip
    return header + learnt + _CRC.pack(zlib.crc32(header + learnt))


def learnt_block(image: StateImage) -> bytes:
    """What one network has learnt, as it lies in the arena."""
    record = image.record
    learnt = _COUNTERS.pack(*image.rng, image.n_steps, image.n_learnt)
    learnt += _RECORD.pack(
        record.n_judged, record.right, record.n_since, record.wrong, record.excess, record.n_drifts
    )
    learnt += padded(record.recalls.astype("<u2").tobytes())
    learnt += padded(image.worth.astype("<u2").tobytes())
    learnt += b"" if image.means is None else image.means.astype("<i4").tobytes()
    learnt += np.array([layer.rms for layer in image.layers], dtype="<f4").tobytes()
    for layer in image.layers:
        for column in (layer.mean, layer.var, layer.mean_error, layer.mean_product):
            learnt += column.astype("<f4").tobytes()
    learnt += b"".join(pack_levels(la.levels, image.bits).tobytes() for la in image.layers)
    ring = image.ring
    if ring is not None:
        learnt = padded(learnt) + _COUNT.pack(ring.n_kept) + padded(ring.labels.tobytes())
        learnt += ring.entries.tobytes()
    return learnt


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
        contexts: networks that there was room for; 0 for one.
        block_bytes: of what each of them has learnt; 0 for one network.
    """

    learn_layers: int
    bits: int
    bank: int
    head: str | None
    units: int = 0
    replay: int = 0
    contexts: int = 0
    block_bytes: int = 0

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
        contexts = f" in up to {self.contexts} contexts" if self.contexts else ""
        return f"{self.learn_layers} {layers} of {self.bits} bits{contexts}"


def choice(data: bytes, where: str = "state image") -> Choice:
    """What learnt in an image of any model.

    Raises:
        FormatError: not a state image, or of a version or a kind of head that is unknown.
        CorruptError: truncated or damaged.
    """
    _check_envelope(data, where)
    numbers = struct.unpack_from("<8I", data, _CHOICE)
    learn_layers, bits, bank, head, *more = numbers
    if head >= len(HEADS):
        raise FormatError(
            f"{where}: head kind {head} is unknown; update metabit", code="E-STATE-VERSION"
        )
    return Choice(learn_layers, bits, bank, HEADS[head], *more)


def _check_envelope(data: bytes, where: str) -> None:
    """Magic, length, checksum and version: a damaged version is damage, and no newer format."""
    if data[: len(MAGIC)] != MAGIC:
        raise FormatError(f"{where}: not a state image", code="E-STATE-MAGIC")
    if not is_whole(data) or _HEADER.unpack_from(data)[2] != len(data):
        raise CorruptError(f"{where}: truncated or damaged (checksum)", code="E-STATE-CRC")
    version = _HEADER.unpack_from(data)[1]
    if version not in (FIRST_VERSION, VERSION):
        raise FormatError(f"{where}: version {version} is unknown", code="E-STATE-VERSION")


@dataclass(frozen=True)
class Start:
    """What an image says before the values of layers or of a head.

    Attributes:
        choice: what learnt.
        version: of the format.
        rng, n_steps, n_learnt, record: as in `StateImage`.
    """

    choice: Choice
    version: int
    rng: tuple[int, int, int, int]
    n_steps: int
    n_learnt: int
    record: Record


def begin(data: bytes, model: Model, model_name: int, where: str) -> tuple[Start, StateReader]:
    """Read an image of this model up to its values, and check that an engine of it has written it.

    Args, errors: as for `loads`.
    """
    made_by = choice(data, where)
    _, version, _, name, *_, more = _HEADER.unpack_from(data)
    if name != model_name:
        raise MismatchError(f"{where}: belongs to another model file", code="E-STATE-MODEL")
    reader = StateReader(data, _HEADER.size, where)
    if any(more) or not _can_have_learnt(made_by, model):
        raise reader.corrupt("its header says what no engine of this model can have learnt")
    n_classes = model.n_outputs if made_by.head is None else model.n_classes
    return read_start(made_by, version, n_classes, reader), reader


def read_start(made_by: Choice, version: int, n_classes: int, reader: StateReader) -> Start:
    """Read what a learnt block says before its values.

    Raises:
        CorruptError: a value is out of range.
    """
    *rng, n_steps, n_learnt = reader.numbers(_COUNTERS)
    if not any(rng):
        raise reader.corrupt("its random generator stands still")
    record = Record.empty(n_classes)
    if version == FIRST_VERSION:
        n_learnt = 0
    else:
        judged, right, since, wrong, excess, drifts = reader.numbers(_RECORD)
        if max(right, wrong) > 1 << RECORD_BITS or excess > _DRIFT_LIMIT:
            raise reader.corrupt("its record of answers is out of range")
        recalls = reader.padded("<u2", n_classes).astype(np.int64)
        record = Record(judged, right, since, wrong, excess, drifts, recalls)
    words = (rng[0], rng[1], rng[2], rng[3])
    return Start(made_by, version, words, n_steps, n_learnt, record)


def _can_have_learnt(made_by: Choice, model: Model) -> bool:
    """Whether an engine of a model opens with a choice."""
    n_layers, layers = len(model.layers), made_by.learn_layers
    if made_by.head is None:
        learns = 1 <= layers <= n_layers and made_by.bits in (4, 8) and made_by.units == 0
        replays = layers < n_layers
    else:
        replays = made_by.head == "tracking"
        learns = layers == made_by.bits == 0 and (replays or made_by.units == 0)
    in_one = made_by.contexts == made_by.block_bytes == 0 or (
        layers == n_layers and made_by.replay == 0 and 2 <= made_by.contexts <= MAX_CONTEXTS
    )
    few = made_by.replay == 0 or (replays and made_by.replay <= _MOST_REPLAY)
    labels_fit = made_by.replay == 0 or model.n_classes <= MAX_CLASSES
    return learns and in_one and few and labels_fit and made_by.bank < model.n_banks


def loads(data: bytes, model: Model, model_name: int, where: str = "state image") -> StateImage:
    """Parse a state image of layers of this model.

    Args:
        data: the image.
        model: the model it belongs to, for the shapes.
        model_name: `model_id` of that model's file.
        where: name of the image, for messages.

    Raises:
        FormatError: not a state image.
        CorruptError: truncated or damaged, or a value is out of the range that the core keeps to.
        MismatchError: it belongs to another model.
    """
    start, reader = begin(data, model, model_name, where)
    made_by = start.choice
    if made_by.head is not None or made_by.contexts:
        raise reader.corrupt("a head has learnt, and no layers, or several networks have")
    image = read_values(start, model, model_name, reader)
    reader.finish()
    return image


def read_values(start: Start, model: Model, model_name: int, reader: StateReader) -> StateImage:
    """Read the values of a learnt block of layers."""
    made_by = start.choice
    layers = model.layers[len(model.layers) - made_by.learn_layers :]
    n_means, worth = _n_means(model, len(layers)), start_worth(model.n_outputs)
    means = np.zeros(n_means, dtype=np.int64)
    if start.version != FIRST_VERSION:
        worth = reader.padded("<u2", model.n_outputs + 2).astype(np.int64)
        most = 255 << MEAN_BITS
        means = reader.within("<i4", n_means, -most, most, "the mean of an input").astype(np.int64)
    rms = reader.within("<f4", len(layers), 0, _MOST_VALUE, "a mean square of gradients")
    running = [_running_values(reader, layer.n_out) for layer in layers]
    levels = [reader.rows(layer.n_out, layer.n_in, made_by.bits) for layer in layers]
    learnt = [
        LayerImage(float(q), values[0], values[1], values[2], values[3], rows)
        for q, values, rows in zip(rms, running, levels, strict=True)
    ]
    ring = None
    if made_by.replay:
        seen_bytes = _seen_bytes(model, len(layers))
        ring = KeptSamples(*reader.ring(made_by.replay, seen_bytes, model.n_outputs))
    return StateImage(
        model_name, made_by.bits, made_by.bank, start.rng, start.n_steps, start.n_learnt,
        start.record, worth, means if n_means else None, tuple(learnt), ring,
    )  # fmt: skip


def _running_values(reader: StateReader, n_out: int) -> Float32Array:
    """Running values of a layer, shape (4, n_out)."""
    low = np.full((4, n_out), -_MOST_VALUE, dtype=np.float32)
    low[1] = 0  # variances
    values = reader.within("<f4", 4 * n_out, low.ravel(), _MOST_VALUE, "a running value")
    return values.reshape(4, n_out)


def start_worth(n_outputs: int) -> Int64Array:
    """`StateImage.worth` before the first sample."""
    return np.array([65535 // n_outputs] * n_outputs + [0, 65535], dtype=np.int64)


def padded(part: bytes) -> bytes:
    """Filled up to four bytes."""
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
