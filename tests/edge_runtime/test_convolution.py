"""Convolutions: C core, NumPy reference and plain sums, a tap at a time, agree bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers import plain_scores, random_convnet, random_samples

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.reference import ReferenceModel
from metabit.export.container import dumps
from metabit.export.spec import Model

#: Input shape; (channels, kernel, stride, padding, pool) of each convolution; dense widths.
NETWORKS: dict[str, tuple[Any, Any, Any]] = {
    "pooled": ((8, 8), [(6, 3, 1, "one", 2), (5, 3, 1, "one", 2)], (3,)),
    "words": ((9, 7, 3), [(32, 3, 1, "one", 1), (64, 3, 1, "valid", 2)], (33, 4)),
    "strided": ((11, 10, 2), [(33, 4, 3, "one", 1), (31, 2, 2, "valid", 1)], (2,)),
    "left-out": ((10, 11), [(7, 2, 1, "one", 3), (40, 1, 1, "valid", 1)], (5,)),
    "one pixel": ((1, 1, 5), [(9, 5, 1, "one", 1), (1, 1, 1, "one", 1)], (2,)),
    "whole map": ((6, 4), [(3, 4, 7, "valid", 1)], (2,)),
    "pool 15": ((31, 15), [(4, 1, 1, "one", 15), (2, 9, 1, "one", 1)], (2,)),
    "wide": ((3, 3, 130), [(129, 3, 1, "one", 1), (2, 3, 1, "valid", 1)], (3,)),
}


def network(name: str, **options: Any) -> Model:
    return random_convnet(*NETWORKS[name], seed=len(name), **options)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("dtype", "zero_point"), [("uint8", 0), ("uint8", 128), ("int8", -7)])
def test_inference_is_the_same_in_c_numpy_and_a_tap_at_a_time(
    name: str, dtype: str, zero_point: int
) -> None:
    model = network(name, dtype=dtype, zero_point=zero_point, n_banks=2)
    data = dumps(model)
    x = random_samples(np.random.default_rng(1), model.input, 12)
    for bank in range(2):
        expected = plain_scores(model, x, bank)
        assert np.array_equal(Engine(data, bank=bank).scores(x), expected)
        assert np.array_equal(Engine(data, bank=bank, learn="all").scores(x), expected)
        assert np.array_equal(ReferenceModel(data, bank=bank).scores(x), expected)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("bits", [8, 4])
def test_learning_is_the_same_in_c_and_numpy(name: str, bits: int) -> None:
    rng = np.random.default_rng(7)
    dtype = "int8" if len(name) % 2 else "uint8"
    model = network(name, bits=bits, dtype=dtype, zero_point=3, step_levels=0.2, golden=1)
    x, y = random_samples(rng, model.input, 25), rng.integers(0, model.n_outputs, 25)
    n_layers = len(model.layers)
    for learn in range(1, n_layers + 1):
        engine = Engine(dumps(model), learn=learn, seed=5)
        reference = ReferenceModel(dumps(model), learn_layers=learn, seed=5)
        n = 25 if learn == n_layers else 4
        assert np.array_equal(engine.learn(x[:n], y[:n]), reference.learn(x[:n], y[:n]))
        assert engine.save_state() == reference.save_state()
        assert np.array_equal(engine.scores(x[:5]), reference.scores(x[:5]))
