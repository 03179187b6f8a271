"""Convolutions: C core, NumPy reference and plain sums, a tap at a time, agree bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from helpers.random_models import plain_scores, random_convnet, random_samples

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.reference.conv import gradients, send_back
from metabit.edge_runtime.reference.model import ReferenceModel
from metabit.export.container import dumps
from metabit.export.convolve import window_sums
from metabit.export.spec import ConvLayer, Model

#: Input shape; (channels, kernel, stride, padding, pool) of each convolution; dense widths.
NETWORKS: dict[str, tuple[Any, Any, Any]] = {
    "pooled": ((8, 8), [(6, 3, 1, "one", 2), (5, 3, 1, "one", 2)], (3,)),
    "words": ((9, 7, 3), [(32, 3, 1, "one", 2), (64, 3, 1, "one", 1)], (33, 4)),
    "strided": ((11, 10, 2), [(33, 4, 3, "one", 1), (31, 2, 2, "valid", 1)], (2,)),
    "left-out": ((10, 11), [(7, 2, 1, "one", 3), (40, 1, 1, "valid", 1)], (5,)),
    "one pixel": ((1, 1, 5), [(9, 5, 1, "one", 1), (1, 1, 1, "one", 1)], (2,)),
    "whole map": ((6, 4), [(3, 4, 7, "valid", 1)], (2,)),
    "pool 15": ((31, 15), [(4, 1, 1, "one", 15), (2, 9, 1, "one", 1)], (2,)),
    "long patches": ((12, 13), [(8, 12, 1, "one", 2), (3, 2, 1, "one", 1)], (2,)),
    "wide": ((2, 2, 66), [(65, 3, 1, "one", 1), (2, 2, 1, "valid", 1)], (3,)),
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


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_pytorchs(name: str) -> None:
    """Of the sum of errors times pooled sums, to weights and to what the layer saw."""
    rng = np.random.default_rng(5)
    for layer in network(name).layers:
        if not isinstance(layer, ConvLayer):
            continue
        window, k = layer.window, layer.window.kernel_size
        x = rng.choice([-1, 1], window.in_shape)
        in_windows = window_sums(layer, x.reshape(1, -1).astype(np.int64))[0]
        d = rng.integers(-(2**15) + 1, 2**15, in_windows.max(axis=1).shape).astype(np.int32)
        maps = torch.tensor(x.transpose(2, 0, 1)[None], dtype=torch.float64, requires_grad=True)
        kernels = torch.tensor(layer.kernels.transpose(0, 3, 1, 2), dtype=torch.float64)
        kernels.requires_grad_()
        sides = (window.before, k - 1 - window.before) if window.padding == "one" else (0, 0)
        padded = torch.nn.functional.pad(maps, (*sides, *sides), value=1.0)
        sums = torch.nn.functional.conv2d(padded, kernels, stride=window.stride)
        pooled = torch.nn.functional.max_pool2d(sums, window.pool)[0].permute(1, 2, 0)
        (pooled.reshape(d.shape) * torch.tensor(d)).sum().backward()  # type: ignore[no-untyped-call]
        winners = in_windows.argmax(axis=1)
        flat, signs = x.reshape(-1).astype(np.int64), layer.weights.astype(np.int64)
        assert kernels.grad is not None
        assert maps.grad is not None
        to_weights = kernels.grad.permute(0, 2, 3, 1).reshape(layer.weights.shape)
        assert np.array_equal(gradients(layer, flat, winners, d), to_weights.numpy())
        to_input = maps.grad[0].permute(1, 2, 0).reshape(-1)
        assert np.array_equal(send_back(window, signs, winners, d), to_input.numpy())
