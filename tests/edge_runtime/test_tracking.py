"""The tracking head: the same bits in C and NumPy; it follows drift; it begins as its network."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from helpers.random_models import random_convnet, random_model, random_samples

from benchmarks.gates import synthetic
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import plan
from metabit.edge_runtime.reference.tracking import TrackingTwin
from metabit.errors import BudgetError, CorruptError, InputError, MismatchError
from metabit.export import repack
from metabit.export.blob import Blob
from metabit.export.container import dumps
from metabit.export.fold import logits_from_scores
from metabit.export.heads.home import with_head
from metabit.export.spec import InputSpec, Model
from metabit.export.states import state_image
from metabit.export.untrained import untrained
from metabit.trainer import data

NETWORKS = {
    "inputs": random_model((33, 40, 5), seed=4, dtype="int8", zero_point=-7),
    "two inputs": random_model((2, 3), seed=4),
    "sums": random_model((120, 300, 9, 4), seed=3),
    "ones": random_convnet((9, 8, 2), [(6, 3, 1, "one", 2), (12, 2, 1, "valid", 1)], (4,), seed=5),
    "ninety inputs": random_model((90, 40, 3), seed=9),
    "one wide layer": random_model((300, 6), seed=6),
}
#: Where the floats of a head of this network begin in a state image, after two counters.
FLOATS = 88 + 24 + 12 + 8


def stream(model: Model, n: int, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Samples with a meaning that turns half way, and an input that stands still for a while."""
    rng = np.random.default_rng(seed)
    x = random_samples(rng, model.input, n)
    x[n // 4 : n // 3, 0] = 9
    w = rng.normal(size=(2, model.n_inputs, model.n_outputs))
    centred = x - x.mean(axis=0)
    half = np.arange(n) < n // 2
    return x, np.where(half, (centred @ w[0]).argmax(1), (centred @ w[1]).argmax(1))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("units", [64, 7, 0])
def test_five_hundred_samples_are_the_same_in_c_and_numpy(name: str, units: int) -> None:
    model = NETWORKS[name]
    x, y = stream(model, 500)
    engine = Engine(dumps(model), learn="tracking", units=units, seed=9)
    twin = TrackingTwin(model, units, seed=9)
    values, logits = twin.see(x)
    said, expected = engine.learn(x, y), []
    for value, logit, label in zip(values, logits, y, strict=True):
        expected.append(int(twin.learn(value, logit, int(label)).argmax()))
    assert said.tolist() == expected
    scores = np.stack([twin.scores(*seen) for seen in zip(values[:50], logits[:50], strict=True)])
    assert np.array_equal(logits_from_scores(engine.scores(x[:50])), scores)


def test_a_network_that_was_trained_answers_alone_at_first() -> None:
    for model in NETWORKS.values():
        x = random_samples(np.random.default_rng(1), model.input, 40)
        tracking, plain = Engine(dumps(model), learn="tracking"), Engine(dumps(model))
        assert np.array_equal(tracking.predict(x), plain.predict(x))


def test_the_random_weights_of_an_untrained_network_do_not_count_at_first() -> None:
    x = random_samples(np.random.default_rng(1), InputSpec("int8", (8,)), 100)
    model = untrained(InputSpec("int8", (8,)), (16, 3), x)
    assert plan(dumps(model), learn="tracking").trust == 0.0
    assert plan(dumps(NETWORKS["inputs"]), learn="tracking").trust == 1.0
    assert set(Engine(dumps(model), learn="tracking").predict(x)) == {0}  # nothing is known


def test_spare_classes_are_learnt_and_never_answered_before() -> None:
    model = NETWORKS["inputs"]
    x, y = stream(model, 600)
    with_spare = with_head(model, x, y, spare_classes=2)
    engine = Engine(dumps(with_spare), learn="tracking")
    assert engine.n_outputs == 7
    assert engine.predict(x).max() < 5
    engine.partial_fit(x, np.where(x[:, 3] > 60, 6, y))
    assert (engine.predict(x) == 6).any()
    with pytest.raises(InputError):
        engine.partial_fit(x[:1], [7])


def test_the_plan_takes_as_many_hidden_units_as_fit_and_says_why() -> None:
    blob = dumps(NETWORKS["inputs"])
    whole = plan(blob, learn="auto", goal="track")
    assert whole.choice == "learning the tracking head, 64 hidden units"
    assert whole.reason.startswith("the tracking head learns: goal track; ")
    assert whole.reason.endswith("KiB")
    some = plan(blob, learn="auto", goal="track", ram=whole.arena_bytes - 1)
    assert some.units == 32
    assert "64 hidden units would need" in some.reason
    none = plan(blob, learn="auto", goal="track", ram=some.arena_bytes - 1)
    assert none.units == 0
    with pytest.raises(BudgetError):
        plan(blob, learn="auto", goal="track", ram=none.arena_bytes - 1)
    assert plan(blob, learn="auto").reason.startswith(
        "all layers learn, up to 5 contexts: goal rem"
    )
    assert plan(dumps(NETWORKS["sums"]), learn="auto", goal="track").units == 0


def test_an_unknown_goal_and_too_many_units_are_refused() -> None:
    blob = dumps(NETWORKS["inputs"])
    with pytest.raises(InputError, match="remember or track"):
        plan(blob, learn="auto", goal="both")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="0 to 64"):
        plan(blob, learn="tracking", units=65)


def test_ram_is_as_documented() -> None:
    model = NETWORKS["inputs"]
    d, k, h = 33, 5, 64
    kept = 72 + 12 + 4 * (2 * d + 2 * k + 2 * k * d) + 2 * h * (2 * d + 1) + 4 * k * (2 * d + 1 + h)
    scratch = 28 * k + 8 * h + 2 * (2 * d + 1 + h)
    planned = plan(dumps(model), learn="tracking").parts["head_bytes"]
    assert planned == pytest.approx(96 + kept + scratch, abs=8)


def test_a_state_goes_on_with_the_same_bits_and_belongs_to_its_units() -> None:
    blob = dumps(NETWORKS["inputs"])
    x, y = stream(NETWORKS["inputs"], 200)
    one, other = (Engine(blob, learn="tracking") for _ in range(2))
    one.partial_fit(x[:77], y[:77])
    other.load_state(one.save_state())
    for engine in (one, other):
        engine.partial_fit(x[77:], y[77:])
    assert one.save_state() == other.save_state()
    assert np.array_equal(one.scores(x), other.scores(x))
    for options in ({"learn": "tracking", "units": 32}, {"learn": "all"}):
        with pytest.raises(MismatchError):
            Engine(blob, **options).load_state(one.save_state())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -5.0])
def test_a_state_whose_floats_could_do_harm_is_refused(value: float) -> None:
    """With a checksum that fits: nobody but a liar writes such a state."""
    model = NETWORKS["inputs"]
    engine = Engine(dumps(model), learn="tracking")
    engine.partial_fit(*stream(model, 50))
    before = engine.save_state()
    n_floats = 4 + 2 * 33 + 2 * 5 + 2 * 5 * 33
    for i in [*range(0, n_floats, 7), n_floats - 1]:
        if value == -5.0 and 4 <= i < 4 + 33:
            continue  # a mean may be anything
        damaged = bytearray(before)
        struct.pack_into("<f", damaged, FLOATS + 4 * i, value)
        struct.pack_into("<I", damaged, len(damaged) - 4, zlib.crc32(damaged[:-4]))
        with pytest.raises(CorruptError):
            engine.load_state(bytes(damaged))
    assert engine.save_state() == before


def test_numbers_stay_finite_after_every_extreme() -> None:
    model = NETWORKS["inputs"]
    x, y = stream(model, 500)
    extremes = np.where(x > 0, 127, -128).astype(np.int8)
    for odd in (np.full_like(x, -128), extremes, x[:1].repeat(500, axis=0)):
        engine = Engine(dumps(model), learn="tracking")
        engine.partial_fit(odd, y)
        engine.load_state(engine.save_state())  # so it is within its bounds
        engine.partial_fit(x, y)
        assert np.isfinite(engine.decision_function(x)).all()


def test_a_stretch_of_one_label_is_survived() -> None:
    problem = synthetic.turning(3, 1)
    x = np.concatenate([phase.x for phase in problem.phases])[:4000]
    y = np.concatenate([phase.y for phase in problem.phases])[:4000]
    model = dumps(untrained(problem.spec, (16, 2), problem.start))
    engine = Engine(model, learn="tracking").partial_fit(x[:3000], y[:3000])
    engine.partial_fit(np.tile(x[:1000], (10, 1)), np.zeros(10_000, int))
    engine.partial_fit(x[3000:3500], y[3000:3500])
    undisturbed = Engine(model, learn="tracking").partial_fit(x[:3500], y[:3500])
    assert engine.score(x[3500:], y[3500:]) > undisturbed.score(x[3500:], y[3500:]) - 0.05


def test_more_of_the_same_leaves_a_network_as_good_as_it_was() -> None:
    """It is to follow drift, but where there is none it must not cost more than a point."""
    digits = data.load("digits")
    x, y = digits.train.x.reshape(-1, 64), digits.train.y
    x_test, y_test = digits.test.x.reshape(-1, 64), digits.test.y
    random = untrained(InputSpec("uint8", (64,)), (128, 10), x[:200])
    teacher = Engine(dumps(random), learn="all", step_levels=0.3)
    for _ in range(5):
        teacher.partial_fit(x, y)
    blob = Blob(dumps(random))
    state = state_image.loads(teacher.save_state(), blob.model, blob.model_id)
    trained = replace(repack.with_state(blob.model, state), meta={})
    before = Engine(dumps(trained)).score(x_test, y_test)
    engine = Engine(dumps(trained), learn="auto", goal="track").partial_fit(x, y)
    assert before > 0.8
    assert engine.score(x_test, y_test) >= before - 0.01
