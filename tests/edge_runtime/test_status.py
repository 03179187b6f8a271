"""The gauges of a network that learns say what it is worth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples, small_convnet

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.reference.rule import Judge
from metabit.export.container import dumps
from metabit.export.spec import Model


def at_size(model: Model, size: int, layers: int) -> Model:
    """The model with all hidden weights of its last layers of one size, their signs kept."""
    assert model.learn is not None
    first = len(model.layers) - layers
    levels = tuple(
        np.where(q >= 0, size, -1 - size).astype(np.int8) if index >= first else q
        for index, q in enumerate(model.learn.levels)
    )
    return replace(model, learn=replace(model.learn, levels=levels))


@pytest.mark.parametrize("m", [0.5, 2.0, 3.0, 8.0])
@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("kind", ["dense", "convolution"])
def test_plasticity_falls_with_the_share_of_a_step_that_weights_take(
    m: float, bits: int, kind: str
) -> None:
    options: dict[str, Any] = {"bits": bits, "m": m, "golden": 0}
    model = random_model((20, 15, 4), **options) if kind == "dense" else small_convnet(**options)
    largest = 2 ** (bits - 1) - 1
    left = []
    for size in (0, largest // 2, largest):
        status = Engine(dumps(at_size(model, size, len(model.layers))), learn="all").status()
        share = 1 - np.tanh(m * (size + 0.5) / (largest + 1)) ** 2
        assert status.plasticity_left == pytest.approx(share, abs=4e-5)
        assert status.layer_plasticity == (status.plasticity_left,) * len(model.layers)
        assert status.layer_at_end == (float(size == largest),) * len(model.layers)
        left.append(status.plasticity_left)
    assert left[0] > left[1] > left[2]


def test_each_layer_has_gauges_of_its_own() -> None:
    model = at_size(random_model((20, 15, 12, 4), golden=0), 127, layers=1)
    status = Engine(dumps(model), learn="all").status()
    assert len(status.layer_plasticity) == 3
    assert status.layer_plasticity[2] < 0.1 < min(status.layer_plasticity[:2])
    assert status.layer_at_end[2] == 1.0 > max(status.layer_at_end[:2])
    of_two = Engine(dumps(model), learn=2).status()
    assert of_two.layer_plasticity == status.layer_plasticity[1:]


@pytest.mark.parametrize("batch", [1, 4])
def test_accuracy_is_the_share_of_answers_that_were_right_before_learning(batch: int) -> None:
    model = random_model((20, 15, 4), golden=0)
    engine = Engine(dumps(model), learn="all", batch=batch)
    fresh = engine.status()
    assert fresh.accuracy is None
    assert fresh.class_accuracy == (None,) * 4
    rng = np.random.default_rng(0)
    x, y = random_samples(rng, model.input, 600), rng.integers(0, 3, 600)
    right = engine.learn(x, y) == y
    status = engine.status()
    assert status.accuracy == pytest.approx(right.mean(), abs=0.06)
    for label in range(3):
        assert status.class_accuracy[label] == pytest.approx(right[y == label].mean(), abs=0.25)
    assert status.class_accuracy[3] is None
    again = Engine(dumps(model), learn="all", batch=batch)
    again.load_state(engine.save_state())
    assert replace(again.status(), last_writes=0, last_flips=0) == replace(
        status, last_writes=0, last_flips=0
    )


def drifts(errors: list[tuple[int, float]], seed: int) -> list[int]:
    """After how many samples a drift is found, where `errors` are stretches and their shares."""
    judge, rng, found, at = Judge(2), np.random.default_rng(seed), [], 0
    for n, share in errors:
        for is_wrong in rng.random(n) < share:
            before = judge.n_drifts
            judge.judge(0, int(is_wrong))
            at += 1
            found += [at] * (judge.n_drifts - before)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_a_rise_of_errors_is_found_and_noise_is_not(seed: int) -> None:
    for share in (0.05, 0.2, 0.5, 0.9):
        assert drifts([(8000, share)], seed) == []
    assert drifts([(500, 0.9), (500, 0.5), (4000, 0.2)], seed) == []  # it learns
    (at,) = drifts([(2000, 0.1), (1500, 0.5)], seed)
    assert 2050 < at < 2400


def test_a_drift_is_reported_for_a_while() -> None:
    model = random_model((20, 15, 4), golden=0)
    engine = Engine(dumps(model), learn="all", step_levels=0.0)
    rng = np.random.default_rng(1)
    x = random_samples(rng, model.input, 1600)
    said = engine.predict(x)
    engine.learn(x[:600], said[:600])
    assert (engine.status().n_drifts, engine.status().is_drifting) == (0, False)
    engine.learn(x[600:900], (said[600:900] + 1) % 4)
    assert (engine.status().n_drifts, engine.status().is_drifting) == (1, True)
