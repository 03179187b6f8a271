"""What a tracking head has learnt is packed into a file, which answers and learns on with it."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_convnet, random_model, random_samples, reseal

from metabit import CorruptError, Engine, InputError, MismatchError
from metabit.edge_runtime import _native
from metabit.edge_runtime.mapped import aligned
from metabit.edge_runtime.plan import plan
from metabit.edge_runtime.reference.tracking import TrackingTwin
from metabit.export import layout
from metabit.export.blob import Blob
from metabit.export.container import dumps, head_that_answers, loads
from metabit.export.fold import logits_from_scores
from metabit.export.golden import with_random_golden
from metabit.export.heads.home import with_head
from metabit.export.repack import read_state, state_of, with_state, without_state
from metabit.export.spec import Model

NETWORKS = {
    "inputs": random_model((33, 20, 5), seed=4, dtype="int8", zero_point=-7),
    "sums": random_model((120, 60, 4), seed=3),
    "ones": random_convnet((9, 8, 2), [(12, 3, 1, "one", 2)], (4,), seed=5),
}


def samples(model: Model, n: int, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return random_samples(rng, model.input, n), rng.integers(0, model.n_classes, n)


def at_home(name: str) -> Model:
    x, y = samples(NETWORKS[name], 100)
    return with_random_golden(with_head(NETWORKS[name], x, y, ram_bytes=6000))


def taught(model: Model, units: int | None = None) -> tuple[Engine, Model]:
    """An engine whose tracking head has learnt, and the model with that packed into it."""
    data = dumps(model)
    engine = Engine(data, learn="tracking", units=units).partial_fit(*samples(model, 150))
    return engine, with_state(model, state_of(engine.save_state(), Blob(data), "image"))


@pytest.mark.parametrize(("name", "units"), [("inputs", None), ("inputs", 7), ("ones", None)])
def test_the_file_answers_and_learns_on_as_the_engine_that_learnt(
    name: str, units: int | None
) -> None:
    engine, learnt = taught(at_home(name), units)
    packed = dumps(learnt)
    x, y = samples(learnt, 80, seed=3)
    assert head_that_answers(packed) == "tracking"
    again = Engine(packed)
    assert again.plan.choice == "inference only, by the tracking head"
    assert np.array_equal(again.scores(x), engine.scores(x))
    with pytest.raises(InputError, match="opened for inference"):
        again.learn(x, y)
    assert np.array_equal(Engine(dumps(without_state(learnt))).scores(x), engine.scores(x))
    on = Engine(packed, learn="auto", goal="track")
    assert on.plan.units == engine.plan.units
    assert np.array_equal(on.learn(x, y), engine.learn(x, y))
    assert np.array_equal(on.scores(x), engine.scores(x))
    network = Engine(packed, learn="none")
    assert learnt.golden is not None
    assert np.array_equal(network.scores(learnt.golden.inputs), learnt.golden.scores)


@pytest.mark.parametrize("name", NETWORKS)
def test_numpy_goes_on_with_the_same_bits(name: str) -> None:
    _, learnt = taught(at_home(name), 7)
    engine, twin = Engine(dumps(learnt), learn="tracking"), TrackingTwin(learnt)
    x, y = samples(learnt, 60, seed=4)
    values, logits = twin.see(x)
    engine.learn(x, y)
    for value, logit, label in zip(values, logits, y, strict=True):
        twin.learn(value, logit, int(label))
    scores = np.stack([twin.scores(*seen) for seen in zip(values, logits, strict=True)])
    assert np.array_equal(logits_from_scores(engine.scores(x)), scores)


def test_both_heads_stay_in_the_file_and_the_last_that_was_packed_answers_and_learns(
    tmp_path: Path,
) -> None:
    _, learnt = taught(at_home("inputs"))
    packed = dumps(learnt)
    assert plan(packed, learn="auto").head == "tracking"
    assert plan(packed, learn="auto", goal="remember").head == "counting"
    with Engine(packed, learn="counting", state=tmp_path) as engine:
        engine.partial_fit(*samples(learnt, 50, seed=5)).commit()
    both = dumps(with_state(learnt, read_state(tmp_path, Blob(packed))))
    assert head_that_answers(both) == "counting"
    assert loads(both).tracker is not None
    assert plan(both, learn="auto").head == "counting"


def test_a_packed_head_keeps_its_hidden_units() -> None:
    _, learnt = taught(at_home("inputs"), 7)
    packed = dumps(learnt)
    with pytest.raises(InputError, match="has learnt with 7 hidden units, not 64"):
        Engine(packed, learn="tracking", units=64)
    assert plan(packed, learn="tracking").units == 7


def test_a_state_of_another_file_is_refused() -> None:
    engine, learnt = taught(at_home("inputs"))
    with pytest.raises(MismatchError):
        state_of(engine.save_state(), Blob(dumps(replace(learnt, meta={}))), "image")


def changed(data: bytes, at: int, value: bytes) -> bytes:
    """The file with other bytes at `at` of its section TRCK, and checksums that fit."""
    made = bytearray(data)
    entries = layout.sections(data, "file")
    at += next(entry.offset_bytes for entry in entries if entry.type == layout.TRACKER)
    made[at : at + len(value)] = value
    return reseal(made)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, struct.pack("<I", 6)),
        (0, struct.pack("<I", 65)),
        (4, struct.pack("<I", 4)),
        (8, struct.pack("<I", 2)),
        *[(20 + 4 * i, struct.pack("<f", float("nan"))) for i in (0, 5, 60, 71, 80, 100, 400)],
        (20, struct.pack("<f", 3.0)),
    ],
)
def test_what_no_head_can_have_learnt_is_refused_by_c_and_python(at: int, value: bytes) -> None:
    _, learnt = taught(at_home("inputs"), 7)
    bad = changed(dumps(learnt), at, value)
    with pytest.raises(CorruptError):
        loads(bad)
    memory = aligned(len(bad))
    memory[:] = np.frombuffer(bad, dtype=np.uint8)
    assert _native.library().mb_verify(memory.ctypes.data, len(bad), None) == -2
