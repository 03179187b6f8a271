"""Latent replay: samples kept and learnt again, the same in C and NumPy, inside the plan."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_convnet, random_model, random_samples

from metabit.edge_runtime import _native
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.plan import plan
from metabit.edge_runtime.reference.arith import Xoshiro
from metabit.edge_runtime.reference.model import ReferenceModel
from metabit.edge_runtime.reference.ring import Ring
from metabit.edge_runtime.reference.tracking import TrackingTwin
from metabit.errors import BudgetError, CorruptError, InputError, MismatchError
from metabit.export.container import dumps
from metabit.export.repack import with_state
from metabit.export.spec import Model
from metabit.export.states import state_image

DENSE = random_model((50, 33, 21, 6), seed=2)
CONV = random_convnet((9, 8, 2), [(6, 3, 1, "one", 2), (12, 2, 1, "valid", 1)], (4,), seed=5)
#: A network, and how many of its layers learn: dense ones, and a convolution that sees bits.
LAYERS = {"the head": (DENSE, 1), "two layers": (DENSE, 2), "a convolution": (CONV, 2)}


def stream(model: Model, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Random samples whose labels come one class after the other."""
    rng = np.random.default_rng(7)
    return random_samples(rng, model.input, n), np.arange(n) * model.n_outputs // n


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("bits", [8, 4])
def test_layers_learn_again_the_same_in_c_and_numpy(name: str, bits: int) -> None:
    model, learn = LAYERS[name]
    x, y = stream(model, 70)
    engine = Engine(dumps(model), learn=learn, bits=bits, seed=5, step_levels=0.9, replay=30)
    reference = ReferenceModel(
        dumps(model), learn_layers=learn, state_bits=bits, seed=5, step_levels=0.9, replay=30
    )
    assert engine.save_state() == reference.save_state()
    assert np.array_equal(engine.learn(x, y), reference.learn(x, y))
    assert engine.save_state() == reference.save_state()


@pytest.mark.parametrize("sizes", [(33, 40, 5), (120, 100, 9, 4)], ids=str)
def test_a_tracking_head_learns_again_the_same_in_c_and_numpy(sizes: tuple[int, ...]) -> None:
    model = random_model(sizes, seed=4, dtype="int8", zero_point=-7)
    x, y = stream(model, 80)
    engine = Engine(dumps(model), learn="tracking", units=7, seed=9, replay=20)
    twin = TrackingTwin(model, 7, seed=9, replay=20)
    values, logits = twin.see(x)
    expected = [
        int(twin.learn(value, logit, int(label)).argmax())
        for value, logit, label in zip(values, logits, y, strict=True)
    ]
    assert engine.learn(x, y).tolist() == expected


def test_classes_come_to_have_as_many_samples_and_are_drawn_as_often() -> None:
    """A class that comes 500 times leaves room for one that comes five times."""
    ring: Ring[int] = Ring(40, 5, Xoshiro(3))
    for label, n in ((0, 500), (3, 5), (1, 60), (4, 60)):
        for i in range(n):
            ring.keep(label, i)
    counts = np.bincount(ring.labels, minlength=5)
    assert counts.tolist()[2:4] == [0, 5]
    assert counts.max() - counts[[0, 1, 4]].min() <= 1
    assert counts.sum() == 40
    drawn = np.bincount([ring.draw()[0] for _ in range(4000)], minlength=5)
    assert drawn[2] == 0
    assert drawn[[0, 1, 3, 4]] == pytest.approx(1000, abs=120)


def test_bytes_are_as_documented_and_one_less_is_refused() -> None:
    """17 bytes per sample of 128 bits."""
    model = random_model((20, 128, 4), seed=1)
    blob = dumps(model)
    planned = plan(blob, learn="head", replay=240)
    assert planned.parts["replay_bytes"] == pytest.approx(240 * 17 + 4 + 2 * 4, abs=4)
    assert planned.arena_bytes == sum(planned.parts.values())
    assert plan(blob, learn="head").parts["replay_bytes"] == 0
    Engine(blob, learn="head", replay=240, ram=planned.arena_bytes)
    with pytest.raises(BudgetError, match="samples kept for replay"):
        Engine(blob, learn="head", replay=240, ram=planned.arena_bytes - 1)
    head = plan(dumps(random_model((33, 9, 5), seed=1)), learn="tracking", replay=100)
    assert head.parts["replay_bytes"] == pytest.approx(100 * (33 + 5 + 1) + 4 + 2 * 5, abs=4)


@pytest.mark.parametrize("learn", ["head", "tracking"])
def test_a_state_goes_on_with_the_same_bits_and_belongs_to_its_replay(
    learn: str, tmp_path: Path
) -> None:
    blob = dumps(DENSE)
    x, y = stream(DENSE, 90)
    with Engine(blob, learn=learn, replay=12, state=tmp_path) as one:
        one.learn(x[:50], y[:50])
        one.commit()
    with Engine(blob, learn=learn, replay=12, state=tmp_path) as other:
        for engine in (one, other):
            engine.learn(x[50:], y[50:])
        assert one.save_state() == other.save_state()
    assert state_image.choice(one.save_state()).replay == 12
    for replay in (0, 11):
        with pytest.raises(MismatchError, match="12 samples kept for replay"):
            Engine(blob, learn=learn, replay=replay).load_state(one.save_state())


def test_a_state_with_samples_becomes_a_model_that_learnt() -> None:
    blob = dumps(DENSE)
    engine = Engine(blob, learn=1, replay=7)
    x, y = stream(DENSE, 40)
    engine.learn(x, y)
    image = state_image.loads(engine.save_state(), DENSE, state_image.model_id(blob))
    assert image.ring is not None
    assert image.ring.n_kept == 7
    assert state_image.dumps(image) == engine.save_state()
    assert np.array_equal(Engine(dumps(with_state(DENSE, image))).scores(x), engine.scores(x))


@pytest.mark.parametrize("learn", ["head", "tracking"])
def test_a_state_with_a_label_or_a_number_beyond_its_ring_is_refused(learn: str) -> None:
    """With a checksum that fits: nobody but a liar writes such a state."""
    engine = Engine(dumps(DENSE), learn=learn, replay=9)
    engine.learn(*stream(DENSE, 30))
    before = engine.save_state()
    entry = 4 if learn == "head" else 50 + 6
    ring_at = len(before) - 4 - 9 * entry - 12 - 4
    assert struct.unpack_from("<I", before, ring_at) == (9,)
    for at, value in ((ring_at, 10), (ring_at + 4, 6), (ring_at + 12, 255)):
        image = bytearray(before[:-4])
        image[at] = value
        with pytest.raises(CorruptError):
            engine.load_state(bytes(image) + struct.pack("<I", zlib.crc32(image)))
        assert engine.save_state() == before


def test_without_replay_states_are_as_they_were() -> None:
    """The field of the header was zero before there was any."""
    assert Engine(dumps(DENSE), learn="head").save_state()[40:44] == bytes(4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"learn": "all", "replay": 5}, "learn='head'"),
        ({"learn": "none", "replay": 5}, "learn='head'"),
        ({"learn": "head", "replay": -1}, "0 to 65535"),
        ({"learn": "head", "replay": 65536}, "0 to 65535"),
        ({"learn": "head", "replay": 5, "batch": 4}, "leave one of the two out"),
    ],
    ids=str,
)
def test_what_cannot_learn_again_is_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        Engine(dumps(DENSE), **options)  # type: ignore[arg-type]
    assert error.value.code == "E-REPLAY"


@pytest.mark.parametrize(
    "options",
    [
        {"learn_layers": 3, "replay": 1},
        {"replay": 1},
        {"learn_layers": 1, "replay": 65536},
        {"learn_layers": 1, "batch": 2, "replay": 1},
    ],
    ids=str,
)
def test_c_refuses_it_too(options: dict[str, int]) -> None:
    native = _native.NativeOptions(step_levels=-1.0, m=-1.0, trust=1.0, **options)
    memory, raw = Mapped(dumps(DENSE)).memory, _native.RamPlan()
    call = _native.library().mb_plan_ram
    assert call(memory.ctypes.data, memory.size, native, raw) == -5
    native.replay = 0
    assert call(memory.ctypes.data, memory.size, native, raw) == 0


def test_auto_chooses_what_can_learn_again_and_says_so() -> None:
    made = plan(dumps(DENSE), learn="auto", replay=50)
    assert made.choice == "learning the last 2 layers, 8-bit state, replay of 50 samples"
    assert made.reason.startswith("the last 2 layers learn: goal remember with 50 samples replayed")
    track = plan(dumps(DENSE), learn="auto", goal="track", replay=50)
    assert track.head == "tracking"
    assert "with 50 samples replayed" in track.reason


def test_what_comes_no_more_is_remembered() -> None:
    """Class after class, as whole blocks: without replay the last ones wipe out the first."""
    rng = np.random.default_rng(1)
    model = random_model((32, 128, 4), seed=3, dtype="int8", zero_point=0)
    means = rng.integers(-60, 61, (4, 32))
    y = np.repeat(np.arange(4), 200)
    x = np.clip(means[y] + rng.normal(0, 25, (800, 32)), -128, 127).astype(np.int8)
    shares = []
    for replay in (0, 80):
        engine = Engine(dumps(model), learn="head", replay=replay)
        engine.learn(x, y)
        shares.append(float(np.mean(engine.predict(x) == y)))
    assert shares[1] > shares[0] + 0.2
    assert shares[1] > 0.8
