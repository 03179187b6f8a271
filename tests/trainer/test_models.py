"""Binary multilayer perceptrons: shape, labels, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from metabit import InputError
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.shapes import MLPConfig


def network(**changes: Any) -> BinaryMLP:
    settings: dict[str, Any] = {"n_inputs": 64, "hidden": (32, 16), "n_classes": 10}
    return BinaryMLP(MLPConfig(**(settings | changes)), torch.Generator().manual_seed(1))


def samples(n: int, dtype: type = np.uint8) -> Any:
    info = np.iinfo(dtype)
    return np.random.default_rng(2).integers(info.min, info.max + 1, (n, 8, 8)).astype(dtype)


def test_activations_between_layers_are_binary() -> None:
    model = network().eval()
    seen = []
    model.linears[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model(torch.randint(0, 256, (20, 64)).float())
    assert set(seen[0].unique().tolist()) == {-1.0, 1.0}


def test_labels_do_not_depend_on_the_batch_and_training_mode_comes_back() -> None:
    model = network().train()
    x = samples(100)
    labels = model.predict(x)
    assert labels.shape == (100,)
    assert labels.dtype == np.int64
    assert model.training
    assert [int(model.predict(x[i : i + 1])[0]) for i in range(100)] == labels.tolist()


def test_predict_is_the_first_maximum_of_the_scores() -> None:
    model = network().eval()
    norm = model.layers[-1][1]
    norm.gamma[0].data.zero_()  # all scores of a class are its beta now
    norm.beta[0].data.copy_(torch.tensor([0.0, 3, 1, 3, 3, 0, 0, 0, 0, 3]))
    assert set(model.predict(samples(9)).tolist()) == {1}


def test_the_zero_point_is_subtracted() -> None:
    model = network()
    x = samples(50, np.int8)
    shifted = (x.astype(np.int16) + 128).astype(np.uint8)
    assert np.array_equal(model.predict(x), model.predict(shifted, zero_point=128))


def test_no_samples_give_no_labels() -> None:
    assert network().predict(samples(0)).shape == (0,)


def test_the_same_seed_gives_the_same_network() -> None:
    for a, b in zip(network().parameters(), network().parameters(), strict=True):
        assert torch.equal(a, b)


def test_banks_of_all_layers_switch_together() -> None:
    model = network(n_banks=3)
    model.use_bank(2)
    assert [norm.active_bank for _, norm in model.layers] == [2, 2, 2]
    model.start_bank(1)
    assert [norm.active_bank for _, norm in model.layers] == [1, 1, 1]


def test_a_network_without_hidden_layers_is_one_binary_layer() -> None:
    assert len(network(hidden=()).layers) == 1
    assert network(hidden=()).predict(samples(3)).shape == (3,)


@pytest.mark.parametrize("dtype", [np.float32, np.int16, bool])
def test_samples_of_another_type_are_refused(dtype: type) -> None:
    with pytest.raises(InputError, match="uint8 or int8"):
        network().predict(np.zeros((2, 8, 8), dtype=dtype))


@pytest.mark.parametrize("shape", [(64,), (2, 63), (2, 8, 9), ()])
def test_samples_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="64 values"):
        network().predict(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_inputs": 0}, "n_inputs"),
        ({"n_inputs": 65794}, "exact in float32"),
        ({"hidden": (8, 0)}, "hidden layer 2"),
        ({"n_classes": 1}, "n_classes"),
        ({"n_banks": 0}, "n_banks"),
        ({"eps": 0.0}, "eps"),
        ({"momentum": 1.5}, "momentum"),
        ({"init_width": float("nan")}, "init_width"),
    ],
)
def test_a_shape_that_cannot_be_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        network(**change)


def test_the_widest_input_allowed_is_still_exact() -> None:
    assert 65793 * 255 < 2**24 <= 65794 * 255
    MLPConfig(n_inputs=65793, hidden=(), n_classes=2)
