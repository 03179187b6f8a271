"""How freely hidden weights grow: by their mean size, and by how much is new."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.reference.metaplasticity import GROWTH_ONE
from metabit.edge_runtime.reference.model import ReferenceModel
from metabit.edge_runtime.reference.rule import NOVELTY_ONE, Worth, growth_of
from metabit.export.container import dumps


@pytest.mark.parametrize(
    ("novelty", "free", "half", "full"),
    [(1.0, 10, 15, 20), (0.5, 40, 60, 80), (0.25, 127, 127, 127)],
)
def test_hidden_weights_may_grow_larger_while_little_is_new(
    novelty: float, free: int, half: int, full: int
) -> None:
    v = int(novelty * NOVELTY_ONE)
    sizes = np.ones((3, 5), np.int8)
    assert growth_of(sizes * free, 8, False, v) == 0
    if novelty >= 0.5:
        assert growth_of(sizes * half, 8, False, v) == GROWTH_ONE // 2
        assert growth_of(sizes * full, 8, False, v) == GROWTH_ONE
    assert growth_of(sizes * 127, 8, True, v) == 0, "the output layer grows freely"


def test_what_the_network_is_sure_of_is_not_new() -> None:
    worth, sure, unsure = Worth(2), np.array([9.0, 0.0], np.float32), np.zeros(2, np.float32)
    assert worth.novelty() == NOVELTY_ONE
    for label in [0, 1] * 300:
        worth.learns(label, sure if label == 0 else sure[::-1])
    assert worth.novelty() == NOVELTY_ONE // 4
    for label in [0, 1] * 300:
        worth.learns(label, unsure)
    assert worth.novelty() > 0.9 * NOVELTY_ONE


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("batch", [1, 4])
def test_large_weights_learn_the_same_in_c_and_numpy_while_novelty_falls(
    bits: int, batch: int
) -> None:
    rng = np.random.default_rng(4)
    model = random_model((24, 16, 12, 3), seed=3, bits=bits, dtype="int8", step_levels=0.3)
    assert model.learn is not None
    most = 60 if bits == 8 else 5
    sizes = [rng.integers(0, most, q.shape).astype(np.int8) for q in model.learn.levels]
    signs = [q < 0 for q in model.learn.levels]
    levels = tuple(np.where(low, ~size, size) for low, size in zip(signs, sizes, strict=True))
    data = dumps(replace(model, learn=replace(model.learn, levels=levels)))
    engine = Engine(data, learn="all", seed=5, batch=batch)
    reference = ReferenceModel(data, learn_layers=3, seed=5, batch=batch)
    seen = set()
    for labels in [3] * 3 + [1] * 20 + [3] * 3:  # a label that comes alone is seldom learnt
        x, y = random_samples(rng, model.input, 8), rng.integers(0, labels, 8)
        assert np.array_equal(engine.learn(x, y), reference.learn(x, y))
        assert engine.save_state() == reference.save_state()
        v = reference.novelty
        seen |= {(v, growth_of(reference.states[i].levels, bits, False, v)) for i in (0, 1)}
    assert min(seen)[0] < NOVELTY_ONE // 2 < max(seen)[0]
    assert any(0 < k < GROWTH_ONE for _, k in seen)
    assert {k for _, k in seen} >= {0, GROWTH_ONE}
