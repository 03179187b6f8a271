"""Python and C agree on which state images are valid, and give the same reason where one is not.

Python reads images to pack what was learnt, to compare and to show it; C loads them into an engine
that was opened as the image says that it was learnt.
"""

from __future__ import annotations

import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples, small_convnet
from hypothesis import given, settings
from hypothesis import strategies as st

from metabit import CorruptError, Engine, FormatError, InputError, MismatchError
from metabit.export.blob import Blob
from metabit.export.container import dumps
from metabit.export.heads.home import with_head
from metabit.export.repack import state_of
from metabit.export.spec import Model
from metabit.export.states import state_image
from metabit.export.states.state_image import Choice

HEADER_BYTES, RECALLS_AT = 64, 112
SPECIAL: tuple[int, ...] = (
    0,
    1,
    0x00800000,
    0x3F800000,
    0x42C80000,
    0x7F800000,
    0x7FC00000,
    0x7FFFFFFF,
)
SPECIAL += (0x80000000, 0x80000001, 0xBF800000, 0xFF800000, 0xFFFFFFFF)


def at_home(model: Model) -> Model:
    rng = np.random.default_rng(5)
    x = random_samples(rng, model.input, 40)
    return with_head(model, x, rng.integers(0, model.n_outputs, 40))


DENSE = random_model((9, 8, 3), seed=6, n_banks=2)
HEADED = at_home(random_model((12, 16, 3), seed=3))
#: A model, and what learns in it.
CASES: dict[str, tuple[Model, dict[str, Any]]] = {
    "all layers": (DENSE, {"learn": "all"}),
    "contexts": (DENSE, {"learn": "all", "contexts": 2}),
    "last layer, replay": (DENSE, {"learn": "head", "bits": 4, "replay": 5, "bank": 1}),
    "convolutions": (small_convnet(bits=4, dtype="int8"), {"learn": 3}),
    "counting": (HEADED, {"learn": "counting"}),
    "counting-small": (HEADED, {"learn": "counting-small"}),
    "tracking, replay": (DENSE, {"learn": "tracking", "units": 4, "replay": 6}),
    "tracking, wide": (random_model((80, 20, 3), seed=5), {"learn": "tracking"}),
}


@cache
def learnt(name: str) -> tuple[Blob, bytes]:
    """The file of a case, and an image of what has learnt 30 samples."""
    model, options = CASES[name]
    data, rng = dumps(model), np.random.default_rng(7)
    engine = Engine(data, **options)
    engine.partial_fit(random_samples(rng, model.input, 30), rng.integers(0, 3, 30))
    return Blob(data), engine.save_state()


@cache
def engine_for(name: str, made_by: Choice) -> Engine | None:
    """An engine of a case that was opened as an image says; None where none can be."""
    head = made_by.head
    if head is None and made_by.learn_layers == 0:
        return None
    options: dict[str, Any] = {"units": made_by.units} if head == "tracking" else {}
    if head is None and made_by.bits not in (4, 8):  # 0 would be what the file holds
        return None
    try:
        return Engine(
            learnt(name)[0].data, learn=made_by.learn or "none", bits=made_by.bits,
            bank=made_by.bank, replay=made_by.replay, contexts=made_by.contexts, **options,
        )  # fmt: skip
    except InputError:
        return None


def sealed(image: bytes, *lies: tuple[int, int]) -> bytes:
    """The image with other words, and a checksum that is right again."""
    changed = bytearray(image[:-4])
    for at, word in lies:
        struct.pack_into("<I", changed, at, word)
    return bytes(changed) + struct.pack("<I", zlib.crc32(changed))


def of_first_version(image: bytes, end_of_lacking: int) -> bytes:
    """The same as the first version had it: without what lies between counters and values."""
    old = image[:84] + bytes(4) + image[end_of_lacking:]
    return sealed(old, (8, 1), (12, len(old)))


def ours(name: str, image: bytes) -> type[Exception] | None:
    """What Python says."""
    try:
        state_of(image, learnt(name)[0], "image")
    except (FormatError, CorruptError, MismatchError) as error:
        return type(error)
    return None


def theirs(name: str, image: bytes, made_by: Choice) -> type[Exception] | None:
    """What C says, in an engine that was opened with a choice."""
    engine = engine_for(name, made_by)
    if engine is None:
        return CorruptError
    try:
        engine.load_state(image)
    except (FormatError, CorruptError, MismatchError) as error:
        return type(error)
    return None


def said_by(image: bytes) -> Choice | None:
    """What an image says has learnt; None where it is none."""
    try:
        return state_image.choice(image)
    except (FormatError, CorruptError):
        return None


def agree(name: str, image: bytes) -> None:
    said = state_image.choice(learnt(name)[1])
    assert ours(name, image) == theirs(name, image, said)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_values_that_lie_under_a_right_checksum_get_the_same_verdict(draw: st.DataObject) -> None:
    name = draw.draw(st.sampled_from(sorted(CASES)))
    _, image = learnt(name)
    lies = []
    for _ in range(draw.draw(st.integers(1, 2))):
        word = draw.draw(st.sampled_from(SPECIAL) | st.integers(0, 2**32 - 1))
        near = st.integers(HEADER_BYTES // 4, 48) | st.integers(HEADER_BYTES // 4, len(image) // 4)
        lies.append((4 * min(draw.draw(near), len(image) // 4 - 2), word))
    agree(name, sealed(image, *lies))


@pytest.mark.parametrize("name", CASES)
def test_headers_that_lie_are_refused_or_are_what_an_engine_takes(name: str) -> None:
    """Whatever the header says learnt, Python takes an image only where such an engine would."""
    _, image = learnt(name)
    for at in range(8, HEADER_BYTES, 4):
        (word,) = struct.unpack_from("<I", image, at)
        for value in {*SPECIAL, word + 1, word ^ 2, 2, 3, 4, 5, 8, 64, 65535, 65536} - {word}:
            lie = sealed(image, (at, value))
            made_by = said_by(lie) or state_image.choice(image)
            assert (ours(name, lie) is None) == (theirs(name, lie, made_by) is None)


@pytest.mark.parametrize("name", CASES)
def test_damage_and_other_lengths_get_the_same_verdict(name: str) -> None:
    _, image = learnt(name)
    assert ours(name, image) is None
    for at in (0, 8, 9, 12, 16, 40, 63, 64, 100, len(image) - 1):
        agree(name, image[:at] + bytes([image[at] ^ 4]) + image[at + 1 :])
    for other in (image[:-4], image + bytes(4), image[:70], image[:15], b""):
        agree(name, other)
    for body in (image[:-8], image[:-4] + b"\0", image[:-4] + bytes(4)):
        other = sealed(body + bytes(4), (12, len(body) + 4))
        assert (ours(name, other), theirs(name, other, state_image.choice(image))) == (
            CorruptError,
            MismatchError,  # to C the length is a field like any other
        )


@pytest.mark.parametrize(
    ("name", "lacking_bytes"),
    [  # of recalls; and where layers learn, of shares of labels and means of inputs
        ("all layers", 8 + 12 + 4 * 9),
        ("counting", 2 * HEADED.n_classes + 2 * (HEADED.n_classes % 2)),
        ("tracking, replay", 8),
    ],
)
def test_images_of_the_first_version_get_the_same_verdict(name: str, lacking_bytes: int) -> None:
    old = of_first_version(learnt(name)[1], RECALLS_AT + lacking_bytes)
    assert ours(name, old) is None
    for at in (64, 80, 88, 92, 96, 100, 104, 120, len(old) - 8):
        for value in SPECIAL:
            agree(name, sealed(old, (at, value)))
    agree(name, sealed(old, *((at, 0) for at in (64, 68, 72, 76))))


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_each_word_that_lies_gets_the_same_verdict(name: str) -> None:
    _, image = learnt(name)
    for at in range(HEADER_BYTES, len(image) - 7, 4):
        for value in SPECIAL[3::2] if at > 1000 else SPECIAL:
            agree(name, sealed(image, (at, value)))
