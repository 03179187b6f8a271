"""The two calls of metabit_bench.h do what a benchmark believes they do."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples

from metabit.edge_runtime import _native
from metabit.edge_runtime.engine import Engine
from metabit.errors import InputError
from metabit.export.container import dumps


def run_layer(engine: Engine, layer: int, sample: np.ndarray, n: int) -> None:
    result = _native.library().mb_run_layer(engine.handle, layer, sample.ctypes.data, n)
    _native.check(result, "run_layer")


@pytest.mark.parametrize("learn", ["none", "all"])
def test_layers_one_by_one_leave_the_arena_that_predict_leaves(learn: str) -> None:
    model = random_model((40, 33, 70, 6), seed=2)
    blob = dumps(model)
    x = random_samples(np.random.default_rng(0), model.input, 2)
    whole, parts = Engine(blob, learn=learn), Engine(blob, learn=learn)
    parts.predict(x[1:])  # another sample, so that every layer has something to change
    for layer in range(3):
        run_layer(parts, layer, x[0], 3)
    whole.predict(x[:1])
    one, other = whole._model.arena.copy(), parts._model.arena.copy()
    one[:2], other[:2] = 0, 0  # where the blob is
    assert np.array_equal(one, other)


def test_a_layer_that_does_not_exist_is_refused() -> None:
    model = random_model((12, 8, 4))
    engine = Engine(dumps(model))
    with pytest.raises(InputError):
        run_layer(engine, 2, np.zeros(12, dtype=np.uint8), 1)
    assert _native.library().mb_run_layer(engine.handle, 0, None, 1) == -5
    assert _native.library().mb_run_layer(ctypes.c_void_p(), 0, None, 1) == -5


@pytest.mark.parametrize(("n", "sum_of"), [(0, 0), (16, 16), (1600, 1600)])
def test_spin_adds_as_often_as_it_says(n: int, sum_of: int) -> None:
    assert _native.library().mb_spin(n, 3) == 3 * sum_of
