"""The C core, the NumPy reference and plain float arithmetic agree on every bit."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.random_models import plain_scores, random_model, random_samples

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.reference.model import ReferenceModel
from metabit.export.container import dumps

SHAPES = [
    (1, 1, 2),
    (31, 32, 3),
    (32, 33, 5),
    (33, 31, 64, 4),
    (63, 65, 10),
    (65, 63, 2),
    (127, 128, 129, 7),
    (784, 12, 10),
    (5, 3),
]


@pytest.mark.parametrize("sizes", SHAPES, ids=str)
@pytest.mark.parametrize(("dtype", "zero_point"), [("uint8", 0), ("uint8", 128), ("int8", -7)])
def test_inference_is_the_same_in_c_numpy_and_plain_float(
    sizes: tuple[int, ...], dtype: str, zero_point: int
) -> None:
    model = random_model(sizes, seed=sum(sizes), dtype=dtype, zero_point=zero_point, n_banks=2)
    data = dumps(model)
    x = random_samples(np.random.default_rng(1), model.input, 40)
    for bank in range(2):
        expected = plain_scores(model, x, bank)
        assert np.array_equal(Engine(data, bank=bank).scores(x), expected)
        assert np.array_equal(Engine(data, bank=bank, learn="all").scores(x), expected)
        assert np.array_equal(ReferenceModel(data, bank=bank).scores(x), expected)
        assert np.array_equal(Engine(data, bank=bank).predict(x), expected.argmax(axis=1))


@pytest.mark.parametrize("sizes", SHAPES, ids=str)
@pytest.mark.parametrize("bits", [8, pytest.param(4, marks=pytest.mark.long)])
def test_a_thousand_learning_steps_are_the_same_in_c_and_numpy(
    sizes: tuple[int, ...], bits: int
) -> None:
    rng = np.random.default_rng(7)
    n_steps = 1000 if np.prod(sizes[:2]) < 10_000 else 150
    step = 0.3 if np.prod(sizes[:2]) < 2000 else 0.04
    dtype = "int8" if sizes[0] % 2 else "uint8"
    model = random_model(sizes, seed=3, bits=bits, dtype=dtype, step_levels=step)
    x = random_samples(rng, model.input, n_steps)
    y = rng.integers(0, sizes[-1], n_steps)
    engine = Engine(dumps(model), learn="all", seed=5)
    reference = ReferenceModel(dumps(model), learn_layers=len(sizes) - 1, seed=5)
    assert engine.save_state() == reference.save_state()
    assert np.array_equal(engine.learn(x, y), reference.learn(x, y))
    assert engine.save_state() == reference.save_state()
    assert np.array_equal(engine.scores(x[:20]), reference.scores(x[:20]))
    assert engine.status().n_steps == n_steps


@pytest.mark.parametrize("learn", [1, 2])
@pytest.mark.parametrize(("file_bits", "bits"), [(8, 4), (4, 8)])
def test_upper_layers_and_other_widths_learn_the_same(
    learn: int, file_bits: int, bits: int
) -> None:
    rng = np.random.default_rng(11)
    model = random_model((50, 33, 21, 6), seed=2, bits=file_bits, n_banks=2)
    x, y = random_samples(rng, model.input, 300), rng.integers(0, 6, 300)
    engine = Engine(dumps(model), learn=learn, bits=bits, bank=1, step_levels=0.9, m=1.0)
    reference = ReferenceModel(
        dumps(model), learn_layers=learn, state_bits=bits, bank=1, step_levels=0.9, m=1.0
    )
    assert np.array_equal(engine.learn(x, y), reference.learn(x, y))
    assert engine.save_state() == reference.save_state()
