"""Every single flipped bit of every kind of state is damage, and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples, small_convnet

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.states.state_folder import StateFolder
from metabit.errors import CorruptError, FormatError
from metabit.export.container import dumps
from metabit.export.heads.home import with_head
from metabit.export.spec import Model


def counting() -> Model:
    """A small network with a counting head."""
    model, rng = random_model((8, 9, 3)), np.random.default_rng(2)
    x = random_samples(rng, model.input, 40)
    return with_head(model, x, rng.integers(0, 3, 40))


#: What learns -> the model and how it is opened.
KINDS: dict[str, tuple[Model, dict[str, Any]]] = {
    "8 bits": (random_model((8, 9, 3)), {"learn": "all"}),
    "4 bits": (random_model((8, 9, 3)), {"learn": "all", "bits": 4}),
    "last layer": (random_model((8, 9, 3)), {"learn": "head"}),
    "convolution": (small_convnet(), {"learn": "head"}),
    "counting": (counting(), {"learn": "counting"}),
    "counting-small": (counting(), {"learn": "counting-small"}),
    "tracking": (random_model((4, 5, 2)), {"learn": "tracking", "units": 2}),
}


def taught(kind: str) -> Engine:
    """An engine that has learnt some samples."""
    model, options = KINDS[kind]
    engine, rng = Engine(dumps(model), **options), np.random.default_rng(3)
    x = random_samples(rng, model.input, 20)
    return engine.partial_fit(x, rng.integers(0, model.n_outputs, 20))


def flipped(image: bytes, bit: int) -> bytes:
    damaged = bytearray(image)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def refused(kind: str, step: int) -> int:
    """How many flips there were, all of them refused."""
    engine, image = taught(kind), taught(kind).save_state()
    model, options = KINDS[kind]
    other = Engine(dumps(model), **options)
    before, bits = other.save_state(), range(0, 8 * len(image), step)
    assert before != image
    for bit in bits:
        with pytest.raises((CorruptError, FormatError)):
            other.load_state(flipped(image, bit))
    assert other.save_state() == before
    other.load_state(image)
    assert other.save_state() == engine.save_state()
    return len(bits)


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bits_of_every_kind_of_state_are_refused_and_change_nothing(kind: str) -> None:
    assert refused(kind, 61) > 20


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_every_flipped_bit_of_every_kind_of_state_is_refused(kind: str) -> None:
    assert refused(kind, 1) > 1500


@pytest.mark.long
def test_every_flipped_bit_of_the_newest_file_falls_back_to_the_one_before(tmp_path: Path) -> None:
    """With a warning that says how many were skipped."""
    model, options = KINDS["8 bits"]
    rng = np.random.default_rng(4)
    x = random_samples(rng, model.input, 2)
    images = []
    with Engine(dumps(model), state=tmp_path, **options) as engine:
        for i in range(2):
            engine.partial_fit(x[i : i + 1], [i]).commit()
            images.append(engine.save_state())
    reader = Engine(dumps(model), **options)
    newest, folder = tmp_path / "state-0000000002.mbs", StateFolder(tmp_path, writes=False)
    for bit in range(8 * len(images[1])):
        newest.write_bytes(flipped(images[1], bit))
        with pytest.warns(RuntimeWarning, match="1 damaged state file"):
            assert folder.restore(reader.handle) == 1
    assert reader.save_state() == images[0]
