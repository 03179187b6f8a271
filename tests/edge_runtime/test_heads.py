"""The counting head: the same bits in C and NumPy, and it remembers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_convnet, random_model, random_samples, reseal

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.inputs import Samples
from metabit.edge_runtime.plan import plan
from metabit.edge_runtime.reference.heads import CountingTwin
from metabit.errors import BudgetError, CorruptError, InputError, MismatchError
from metabit.export.container import dumps, loads
from metabit.export.fold import logits_from_scores
from metabit.export.head_spec import CountingHead
from metabit.export.heads.features import features, source_values
from metabit.export.heads.home import HOME_BONUS, head_bytes, ram_of, with_empty_head, with_head
from metabit.export.spec import InputSpec, Model
from metabit.export.untrained import untrained
from metabit.trainer import data

NETWORKS = {
    "sums": random_model((20, 17, 9, 4), seed=3),
    "signed": random_model((33, 40, 5), seed=4, dtype="int8", zero_point=-7),
    "ones": random_convnet((9, 7, 2), [(6, 3, 1, "one", 2), (12, 2, 1, "valid", 1)], (4,), seed=5),
    "inputs": random_model((30, 6), seed=6),
}


def at_home(
    model: Model, seed: int = 1, n: int = 300, **options: Any
) -> tuple[Model, CountingHead]:
    """A model with a head that knows random samples of all classes but the last."""
    rng = np.random.default_rng(seed)
    x = random_samples(rng, model.input, n)
    y = rng.integers(0, model.n_outputs - 1, n)
    learnt = with_head(model, x, y, **options)
    assert learnt.head is not None
    return learnt, learnt.head


def seen_as(model: Model, head: CountingHead, x: Samples) -> np.ndarray:
    return features(head, *source_values(model, head.source, head.layer, x))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("small", [False, True])
def test_a_thousand_samples_are_the_same_in_c_and_numpy(name: str, small: bool) -> None:
    model, head = at_home(NETWORKS[name], spare_classes=2)
    assert head.source == name or name == "signed"
    rng = np.random.default_rng(2)
    x = random_samples(rng, model.input, 1000)
    y = rng.integers(0, head.n_classes, 1000)
    x[500:520], y[500:520] = x[500], y[500]  # a sensor that stands still
    engine = Engine(dumps(model), learn="counting-small" if small else "counting", seed=9)
    twin = CountingTwin(head, seed=9, small=small)
    seen = seen_as(model, head, x)
    said, expected = engine.learn(x, y), []
    for f, label in zip(seen, y, strict=True):
        expected.append(int(twin.scores(f).argmax()))
        twin.learn(f, int(label))
    assert said.tolist() == expected
    scores = np.stack([twin.scores(f) for f in seen[:50]])
    assert np.array_equal(logits_from_scores(engine.scores(x[:50])), scores)
    assert twin.n_still >= 19


@pytest.mark.parametrize("small", [False, True])
def test_a_stretch_of_one_label_is_the_same_in_c_and_numpy(small: bool) -> None:
    """It feeds the products until its class has twice as many samples as any other."""
    model, head = at_home(NETWORKS["sums"], n=60)
    rng = np.random.default_rng(4)
    x = random_samples(rng, model.input, 500)
    y = np.where(np.arange(500) < 300, 1, rng.integers(0, 3, 500))
    engine = Engine(dumps(model), learn="counting-small" if small else "counting")
    twin = CountingTwin(head, small=small)
    seen = seen_as(model, head, x)
    for part in (slice(0, 300), slice(300, 400), slice(400, 500)):
        engine.partial_fit(x[part], y[part])
        for f, label in zip(seen[part], y[part], strict=True):
            twin.learn(f, int(label))
        if part.stop == 300:
            largest = int(np.delete(head.fed, 1).max())
            assert twin.fed[1] == 2 * largest
            assert twin.counts[1] > twin.fed[1]
        engine.observe(x[:100])
        for f in seen[:100]:
            twin.observe(f)
        expected = np.stack([twin.scores(f) for f in seen[:50]])
        assert np.array_equal(logits_from_scores(engine.scores(x[:50])), expected)
    assert twin.fed[1] > 2 * largest


def test_products_are_halved_in_the_same_way_in_c_and_numpy() -> None:
    model, head = at_home(NETWORKS["inputs"])
    head = replace(head, cap=65_535, still=0, products=head.products * 0 + 7_900_000)
    model = replace(model, head=head)
    rng = np.random.default_rng(3)
    x, y = random_samples(rng, model.input, 400), rng.integers(0, 6, 400)
    engine, twin = Engine(dumps(model), learn="counting"), CountingTwin(head)
    engine.partial_fit(x, y)
    for f, label in zip(seen_as(model, head, x), y, strict=True):
        twin.learn(f, int(label))
    assert twin.n_products < head.n_products + 400  # it was halved
    expected = np.stack([twin.scores(f) for f in seen_as(model, head, x[:20])])
    assert np.array_equal(logits_from_scores(engine.scores(x[:20])), expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_file_with_a_head_reads_back_and_the_network_is_as_it_was(name: str) -> None:
    model, _ = at_home(NETWORKS[name])
    data_ = dumps(model)
    assert dumps(loads(data_)) == data_
    x = random_samples(np.random.default_rng(1), model.input, 30)
    without = Engine(dumps(NETWORKS[name]))
    assert np.array_equal(Engine(data_).scores(x), without.scores(x))


def test_classes_of_home_score_a_bonus_and_one_out_of_range_is_refused() -> None:
    model, head = at_home(NETWORKS["sums"], spare_classes=2)
    assert head.bonus is not None
    assert head.bonus.tolist() == [HOME_BONUS] * 3 + [0] * 3
    x = random_samples(np.random.default_rng(1), model.input, 30)
    alike = replace(model, head=replace(head, bonus=None))
    more, less = (
        logits_from_scores(Engine(dumps(m), learn="counting").scores(x)) for m in (model, alike)
    )
    assert (more - less)[:, :3] == pytest.approx(HOME_BONUS, abs=1e-4)
    data_, at = dumps(model), dumps(model).index(head.bonus.tobytes())
    for wrong in (-1.0, 16.5, float("nan")):
        with pytest.raises(InputError, match="bonus"):
            dumps(replace(model, head=replace(head, bonus=head.bonus + np.float32(wrong))))
        damaged = bytearray(data_)
        damaged[at : at + 4] = np.float32(wrong).tobytes()
        with pytest.raises(CorruptError):
            Engine(reseal(damaged))


def test_ram_is_what_the_head_says() -> None:
    for name, model in NETWORKS.items():
        learnt, head = at_home(model, ram_bytes=2500)
        planned = plan(dumps(learnt), learn="counting")
        n_sums = len(head.centre) if head.source == "sums" else 0
        assert planned.parts["head_bytes"] == pytest.approx(
            head_bytes(head.n_features, head.n_classes, n_sums), abs=8
        ), name
        assert planned.parts["head_bytes"] <= 2500


def test_where_ram_is_short_auto_leaves_the_matrix_of_the_head_in_the_file() -> None:
    model, head = at_home(NETWORKS["sums"])
    whole = plan(dumps(model), learn="auto")
    small = plan(dumps(model), learn="auto", ram=whole.arena_bytes - 1)
    n = head.n_features
    assert (whole.head, small.head) == ("counting", "counting-small")
    saved = whole.parts["head_bytes"] - small.parts["head_bytes"]
    assert saved == pytest.approx(3 * n * (n + 1) // 2, abs=8)
    assert "the counting head would need" in small.reason.replace("learning ", "")
    x = random_samples(np.random.default_rng(1), model.input, 50)
    engines = [Engine(dumps(model), learn=learn) for learn in ("counting", "counting-small")]
    assert np.array_equal(engines[0].scores(x), engines[1].scores(x))
    assert np.array_equal(engines[0].novelty(x), engines[1].novelty(x))
    with pytest.raises(MismatchError):
        engines[1].load_state(engines[0].save_state())


def test_auto_takes_the_head_where_it_fits_and_says_so() -> None:
    model, _ = at_home(NETWORKS["sums"], ram_bytes=3000)
    assert Engine(dumps(model), learn="auto").plan.choice == "learning the counting head"
    assert plan(dumps(NETWORKS["sums"]), learn="auto").choice.startswith("learning all layers")
    with pytest.raises(BudgetError):
        Engine(dumps(model), learn="counting", ram=1000)
    with pytest.raises(InputError, match="no counting head"):
        Engine(dumps(NETWORKS["sums"]), learn="counting")


def test_a_state_goes_on_with_the_same_bits_and_damage_is_refused() -> None:
    model, _ = at_home(NETWORKS["sums"])
    rng = np.random.default_rng(4)
    x, y = random_samples(rng, model.input, 200), rng.integers(0, 4, 200)
    one, other = (Engine(dumps(model), learn="counting") for _ in range(2))
    one.partial_fit(x[:77], y[:77])
    state = one.save_state()
    other.load_state(state)
    for engine in (one, other):
        engine.partial_fit(x[77:], y[77:])
    assert one.save_state() == other.save_state()
    before = other.save_state()
    for at in range(0, len(state), 13):
        damaged = bytearray(state)
        damaged[at] ^= 16
        with pytest.raises((CorruptError, MismatchError, Exception)):
            other.load_state(bytes(damaged))
        assert other.save_state() == before
    layers = Engine(dumps(model), learn="all")
    with pytest.raises(MismatchError):
        layers.load_state(state)


def test_labels_beyond_the_spare_classes_are_refused_and_change_nothing() -> None:
    model, head = at_home(NETWORKS["sums"], spare_classes=1)
    engine = Engine(dumps(model), learn="counting")
    assert engine.n_outputs == head.n_classes == 5
    state = engine.save_state()
    with pytest.raises(InputError):
        engine.partial_fit(np.zeros((1, 20), np.uint8), [5])
    assert engine.save_state() == state


def test_a_class_that_was_never_taught_is_never_the_answer() -> None:
    model, _ = at_home(NETWORKS["sums"], spare_classes=3)
    x = random_samples(np.random.default_rng(5), model.input, 500)
    assert Engine(dumps(model), learn="counting").predict(x).max() <= 2


def test_it_learns_new_digits_one_after_another_and_keeps_the_old_ones() -> None:
    """A random first layer, a head that knows 0 to 4, then 5, 6, 7, 8 and 9."""
    digits = data.load("digits")
    x, y = digits.train.x.reshape(-1, 64), digits.train.y
    x_test, y_test = digits.test.x.reshape(-1, 64), digits.test.y
    old = y < 5
    network = untrained(InputSpec("uint8", (64,)), (128, 10), x[old][:200])
    engine = Engine(dumps(with_head(network, x[old], y[old])), learn="auto")
    known = y_test < 5
    before = engine.score(x_test[known], y_test[known])
    for label in range(5, 10):
        engine.partial_fit(x[y == label], y[y == label])
    assert before > 0.9
    assert engine.score(x_test[known], y_test[known]) > before - 0.08
    assert engine.score(x_test, y_test) > 0.85


def test_as_many_samples_as_features_are_enough_and_wrong_labels_do_not_upset_them() -> None:
    """Where samples do not say how features vary, the ridge does: without it 62 and 60 %."""
    digits = data.load("digits")
    x, y = digits.train.x.reshape(-1, 64), digits.train.y.astype(np.int64)
    before, after = [], []
    for seed in range(4):
        network = untrained(InputSpec("uint8", (64,), 1 / 16, 5), (128, 10), x[:100], seed=seed)
        model = with_head(network, x[:100], y[:100])
        assert model.head is not None
        assert model.head.ridge == np.float32(0.1 * model.head.n_features / 100)
        engine, rng = Engine(dumps(model), learn="counting"), np.random.default_rng(seed)
        before.append(engine.score(digits.test.x.reshape(-1, 64), digits.test.y))
        wrong = rng.random(100) < 0.2
        told = np.where(wrong, (y[100:200] + rng.integers(1, 10, 100)) % 10, y[100:200])
        engine.learn(x[100:200], told)
        after.append(engine.score(digits.test.x.reshape(-1, 64), digits.test.y))
    assert np.mean(before) > 0.7
    assert np.mean(after) > np.mean(before) - 0.03
    many = with_head(network, np.tile(x, (2, 1)), np.tile(y, 2)).head
    assert many is not None
    assert many.ridge == np.float32(0.01)


def test_neither_a_stretch_of_one_label_nor_a_stuck_sensor_harms_it() -> None:
    digits = data.load("digits")
    x, y = digits.train.x.reshape(-1, 64), digits.train.y
    x_test, y_test = digits.test.x.reshape(-1, 64), digits.test.y
    network = untrained(InputSpec("uint8", (64,)), (128, 10), x[:200])
    rng = np.random.default_rng(1)
    threes = rng.choice(np.flatnonzero(y == 3), 20_000)
    for stream, labels in (
        (x[threes], y[threes]),
        (np.repeat(x[:1], 20_000, axis=0), np.full(20_000, 7)),
        (np.zeros((20_000, 64), np.uint8), rng.integers(0, 10, 20_000)),
    ):
        engine = Engine(dumps(with_head(network, x, y)), learn="auto")
        before = engine.score(x_test, y_test)
        engine.partial_fit(stream, labels)
        assert engine.score(x_test, y_test) > before - 0.02


def test_a_stretch_of_one_label_does_not_harm_a_head_of_few_samples() -> None:
    """Two clouds that overlap, 40 samples of each at home, and then 1,500 of one of them."""
    lost = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        y = np.arange(3080) % 2
        x = rng.normal(size=(3080, 16)) * rng.uniform(4, 30, 16) * np.where(y, 1.0, 1.6)[:, None]
        x = (x + 9.0 * y[:, None]).clip(-127, 127).astype(np.int8)
        model = with_head(
            untrained(InputSpec("int8", (16,)), (64, 2), x[:80], seed=seed), x[:80], y[:80]
        )
        home = slice(0, 80)
        engine = Engine(dumps(model), learn="counting")
        assert engine.score(x[home], y[home]) > 0.8
        before = engine.score(x[80:1580], y[80:1580])
        ones = x[1580:][y[1580:] == 1]
        engine.partial_fit(ones, np.ones(len(ones), np.int64))
        engine.partial_fit(ones, np.ones(len(ones), np.int64))
        lost.append(before - engine.score(x[80:1580], y[80:1580]))
    assert np.mean(lost) < 0.02


def test_an_empty_head_learns_from_nothing_on_random_features() -> None:
    digits = data.load("digits")
    x, y = digits.train.x.reshape(len(digits.train), -1), digits.train.y
    model = untrained(InputSpec("uint8", (8, 8)), (128, 10), x[:200], seed=1)
    made = with_empty_head(model, x[:200], ram_bytes=16 * 1024)
    assert made.head is not None
    assert made.head.n_scores == 0
    assert ram_of(made.head) <= 16 * 1024
    assert dumps(loads(dumps(made))) == dumps(made)
    engine, twin = Engine(dumps(made), learn="auto"), CountingTwin(made.head)
    assert engine.plan.head == "counting"
    assert set(engine.predict(x[:20])) == {0}  # no class answers yet
    said = engine.learn(x[:400], y[:400])
    for f, label in zip(seen_as(made, made.head, x[:400]), y[:400], strict=True):
        twin.learn(f, int(label))
    expected = np.stack([twin.scores(f) for f in seen_as(made, made.head, x[400:420])])
    assert np.array_equal(logits_from_scores(engine.scores(x[400:420])), expected)
    assert np.mean(said[200:] == y[200:400]) > 0.8
    with pytest.raises(InputError) as caught:
        with_empty_head(model, x[:0])
    assert caught.value.code == "E-HEAD"
