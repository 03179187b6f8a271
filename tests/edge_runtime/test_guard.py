"""A guard lets good streams pass, takes back what harms, and never learns its probes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from benchmarks.gates import pictures, synthetic
from benchmarks.gates.guarded import GuardedStream
from benchmarks.gates.problem import Labels, Problem
from metabit import InputError
from metabit.edge_runtime.guard import EVERY, PAIRED_DEVIATIONS, Guard, least_hits
from metabit.edge_runtime.layers_that_learn import Learn

_digits = partial(pictures.stationary, name="digits", home=648, stream=649)
CLEAN: dict[str, Callable[[int, int], Problem]] = {
    "digits": _digits,
    "digits, 40 percent wrong": partial(_digits, wrong=0.4),
    "new digits one by one": partial(pictures.new_classes, name="digits", one_by_one=True),
    "new digits mixed": partial(pictures.new_classes, name="digits", one_by_one=False),
    "one label": partial(pictures.one_label, exported=True, stretch=2000),
    "accelerometer": synthetic.accelerometer,
}
SEEDS = (21, *(pytest.param(seed, marks=pytest.mark.long) for seed in (22, 23)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CLEAN)
def test_no_clean_stream_is_reverted(name: str, seed: int) -> None:
    stream = GuardedStream(CLEAN[name](seed, 1))
    free, engine = stream.engine(), stream.engine()
    guard = stream.guard(engine)
    stream.teach(free, lambda y: y)
    stream.teach(guard, lambda y: y)
    guard.finish()
    assert guard.n_reverted == 0
    assert engine.save_state() == free.save_state()


@pytest.mark.parametrize("learn", ["auto", "all"])
@pytest.mark.parametrize("seed", SEEDS)
def test_wrong_labels_that_harm_are_taken_back(seed: int, learn: Learn) -> None:
    stream = GuardedStream(_digits(seed, 1))
    n_classes = stream.problem.n_classes

    def next_class(y: Labels) -> Labels:
        return (y + 1) % n_classes

    free, engine = stream.engine(learn), stream.engine(learn)
    guard, before = stream.guard(engine), engine.score(stream.x, stream.y)
    stream.teach(free, next_class)
    stream.teach(guard, next_class)
    guard.finish()
    assert guard.n_reverted >= 1
    assert free.score(stream.x, stream.y) < before - 0.05
    assert engine.score(stream.x, stream.y) > before - 0.1


def test_many_small_falls_end_where_lost_against_gained_is_no_accident() -> None:
    stream = GuardedStream(_digits(21, 1))
    guard = stream.guard(stream.engine())
    start, n = guard.hits(), guard.n_probes
    rng = np.random.default_rng(1)
    x, right = stream.everything()
    for _ in range(40):
        some = rng.integers(0, len(right), EVERY)
        y = np.where(rng.random(EVERY) < 0.85, rng.integers(0, 10, EVERY), right[some])
        guard.learn(x[some], y)
    fall, could_gain = start - guard.hits(), n - start
    assert guard.n_reverted > 0
    assert fall**2 <= PAIRED_DEVIATIONS**2 * (fall + 2 * could_gain)
    assert {check.n_samples for check in guard.checks} == {EVERY * k for k in range(1, 41)}


def test_a_guard_that_reverts_brings_the_last_confirmed_state_back() -> None:
    stream = GuardedStream(_digits(21, 1))
    engine = stream.engine()
    guard = stream.guard(engine)
    x, y = stream.everything()
    states = []
    for shift in (0, 1, 1, 1, 1):
        guard.learn(x[:EVERY], (y[:EVERY] + shift) % 10)
        states.append(engine.save_state())
    reverted = [check.reverted for check in guard.checks]
    assert not reverted[0]
    assert any(reverted)
    for index, back in enumerate(reverted[1:], start=1):
        assert (states[index] == states[index - 1]) == back
    assert guard.finish()  # nothing is left to check


def test_the_size_of_a_call_changes_nothing() -> None:
    stream = GuardedStream(_digits(22, 1))
    x, y = stream.everything()
    whole, parts = (stream.guard(stream.engine()) for _ in range(2))
    said = whole.learn(x, y)
    again = [parts.learn(x[at : at + 37], y[at : at + 37]) for at in range(0, len(y), 37)]
    assert len(whole.checks) == 1
    assert np.array_equal(said, np.concatenate(again))
    assert whole.checks == parts.checks


def test_a_guard_without_probes_is_refused() -> None:
    engine = GuardedStream(_digits(21, 1)).engine()
    with pytest.raises(InputError) as caught:
        Guard(engine, np.zeros((0, 64), np.uint8), np.zeros(0, int))
    assert caught.value.code == "E-PROBES"


@pytest.mark.parametrize(
    ("expected", "least"),
    [
        (180, 180 - 2.5 * (200 * 0.9 * 0.1) ** 0.5),
        (200, 200 - 2.5 * (200 * 0.02) ** 0.5),  # however sure the network was
    ],
)
def test_the_fewest_hits_are_as_documented(expected: float, least: float) -> None:
    assert least_hits(expected, 200) == pytest.approx(least)
