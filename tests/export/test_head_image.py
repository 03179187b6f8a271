"""A learnt head is packed into a file, which then answers as the engine that learnt."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from helpers.random_models import random_convnet, random_model, random_samples

from metabit import CorruptError, Engine, InputError, MismatchError
from metabit.edge_runtime.reference.heads import CountingTwin
from metabit.export.blob import Blob
from metabit.export.container import dumps, head_that_answers, loads
from metabit.export.golden import with_random_golden
from metabit.export.heads.home import with_head
from metabit.export.repack import with_state, without_state
from metabit.export.spec import Model
from metabit.export.states.head_image import learnt_head

NETWORKS = {
    "sums": random_model((20, 17, 9, 4), seed=3),
    "ones": random_convnet((9, 7, 2), [(6, 3, 1, "one", 2), (12, 2, 1, "valid", 1)], (4,), seed=5),
    "inputs": random_model((30, 6), seed=6),
}


def at_home(name: str) -> Model:
    rng, model = np.random.default_rng(1), NETWORKS[name]
    x = random_samples(rng, model.input, 200)
    model = with_head(model, x, rng.integers(0, model.n_outputs - 1, 200), ram_bytes=6000)
    return with_random_golden(model)


def taught(data: bytes, n: int = 150, learn: str = "counting") -> Engine:
    engine = Engine(data, learn=learn)
    rng = np.random.default_rng(2)
    model = loads(data)
    engine.partial_fit(random_samples(rng, model.input, n), rng.integers(0, engine.n_outputs, n))
    return engine


def image_of(data: bytes, learn: str = "counting") -> tuple[Engine, bytes]:
    engine = taught(data, learn=learn)
    return engine, engine.save_state()


@pytest.mark.parametrize("learn", ["counting", "counting-small"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_file_answers_as_the_engine_that_learnt(name: str, learn: str) -> None:
    data = dumps(at_home(name))
    engine, image = image_of(data, learn)
    base = Blob(data, "m.mbit")
    learnt = with_state(base.model, learnt_head(image, base.model, base.model_id))
    packed = dumps(learnt)
    assert head_that_answers(packed) == "counting"
    assert head_that_answers(data) is None
    x = random_samples(np.random.default_rng(3), learnt.input, 60)
    again = Engine(packed)
    assert np.array_equal(again.scores(x), engine.scores(x))
    assert np.array_equal(again.predict(x), engine.predict(x))
    assert again.plan.choice == "inference only, by the counting head"
    with pytest.raises(InputError) as caught:
        again.learn(x[:1], [0])
    assert caught.value.code == "E-NO-STATE"
    network = Engine(packed, learn="none")
    assert np.array_equal(network.scores(x), Engine(data).scores(x))
    assert learnt.golden is not None
    assert np.array_equal(network.scores(learnt.golden.inputs), learnt.golden.scores)
    bare = Engine(dumps(without_state(learnt)))
    assert np.array_equal(bare.scores(x), engine.scores(x))


def test_the_packed_head_learns_on_as_numpy_does() -> None:
    data = dumps(at_home("sums"))
    _, image = image_of(data)
    base = Blob(data, "m.mbit")
    learnt = with_state(base.model, learnt_head(image, base.model, base.model_id))
    assert learnt.head is not None
    twin = CountingTwin(learnt.head)
    engine = Engine(dumps(learnt), learn="auto")
    assert engine.plan.head == "counting"
    assert twin.n_products == learnt.head.n_products > base.model.head.n_products  # type: ignore[union-attr]


def test_an_image_of_the_first_version_is_read() -> None:
    data = dumps(at_home("inputs"))
    _, image = image_of(data)
    base = Blob(data, "m.mbit")
    old = image[:84] + bytes(4) + image[112 + 2 * 10 : -4]
    old = old[:8] + struct.pack("<II", 1, len(old) + 4) + old[16:]
    old += struct.pack("<I", zlib.crc32(old))
    ours, theirs = (learnt_head(each, base.model, base.model_id) for each in (image, old))
    assert np.array_equal(ours.weights, theirs.weights)
    assert np.array_equal(ours.products, theirs.products)


def changed(image: bytes, at: int, value: bytes) -> bytes:
    body = image[:at] + value + image[at + len(value) : -4]
    return body + struct.pack("<I", zlib.crc32(body))


def test_a_damaged_or_foreign_image_is_refused() -> None:
    data = dumps(at_home("inputs"))
    _, image = image_of(data)
    base = Blob(data, "m.mbit")
    start = 112 + 2 * 10  # ten recalls
    scale, to_solve, zero = start + 8, start + 12, start + 20
    for bad in (
        changed(image, scale, struct.pack("<f", 0.3)),
        changed(image, scale, struct.pack("<f", float("nan"))),
        changed(image, to_solve, bytes(4)),
        changed(image, zero, b"\x01"),
        changed(image[:-5] + image[-4:], 12, struct.pack("<I", len(image) - 1)),
        image[:-1],
    ):
        with pytest.raises(CorruptError):
            learnt_head(bad, base.model, base.model_id)
    with pytest.raises(MismatchError):
        learnt_head(image, base.model, base.model_id + 1)
    with pytest.raises(MismatchError):
        learnt_head(image, replace(base.model, head=None), base.model_id)


def test_what_layers_learnt_is_no_counting_head() -> None:
    data = dumps(at_home("sums"))
    base = Blob(data, "m.mbit")
    layers = Engine(data, learn="all").save_state()
    with pytest.raises(InputError, match="no counting head"):
        learnt_head(layers, base.model, base.model_id)
