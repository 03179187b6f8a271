"""The packed network gives PyTorch's labels, on every test sample, and finds its way back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from metabit.edge_runtime.engine import Engine
from metabit.errors import InputError
from metabit.export.container import dumps, loads
from metabit.export.fold import fold_threshold, normalise, scores_from_logits
from metabit.export.from_torch import from_model, input_spec, to_torch
from metabit.export.levels import dequantize_hidden, quantize_hidden, saturation
from metabit.export.repack import with_state
from metabit.export.shapes import map_samples
from metabit.export.spec import InputSpec, Norm
from metabit.export.states import state_image
from metabit.trainer import data
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.data.thermometer import quantiles
from metabit.trainer.networks.convnet import BinaryConvNet
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.named import CONFIGS
from metabit.trainer.networks.network import to_input
from metabit.trainer.networks.shapes import ConvBlock, ConvNetConfig, MLPConfig


def network(sets: DataSet, n_banks: int = 2, seed: int = 0) -> BinaryMLP:
    """A network whose normalisation has seen the data, with scales of both signs and zero."""
    generator = torch.Generator().manual_seed(seed)
    n_inputs = int(np.prod(sets.input_shape))
    net = BinaryMLP(MLPConfig(n_inputs, (65, 33), sets.n_classes, n_banks), generator)
    x = to_input(sets.train.x[:512].reshape(-1, n_inputs), sets.zero_point)
    with torch.no_grad():
        for bank in range(n_banks):
            net.use_bank(bank)
            net.train()
            for start in range(0, len(x), 64):
                net(x[start : start + 64])
            for _, norm in net.layers:
                norm.gamma[bank].copy_(torch.randn(norm.n_features, generator=generator))
                norm.gamma[bank][::7] = 0
                norm.beta[bank].copy_(0.3 * torch.randn(norm.n_features, generator=generator))
    net.eval()
    return net


SMALL_MAPS = ConvNetConfig(
    input_shape=(2, 9, 7),
    blocks=(
        ConvBlock(6, pool=2),
        ConvBlock(40, kernel_size=2, padding="valid"),
        ConvBlock(17, stride=2),
    ),
    hidden=(33,),
    n_classes=4,
    n_banks=2,
)


def convolutional(config: ConvNetConfig, seen: NDArray[Any], zero_point: int = 0) -> BinaryConvNet:
    """A network whose statistics have seen some samples, with scales of both signs and zero."""
    generator = torch.Generator().manual_seed(1)
    net = BinaryConvNet(config, generator)
    x = to_input(net.samples(seen), zero_point)
    with torch.no_grad():
        for bank in range(config.n_banks):
            net.use_bank(bank)
            net.train()
            for _ in range(20):  # the running statistics follow
                net(x)
            for _, norm in net.layers:
                norm.gamma[bank].copy_(torch.randn(norm.n_features, generator=generator))
                norm.gamma[bank][::7] = 0
                norm.beta[bank].copy_(0.3 * torch.randn(norm.n_features, generator=generator))
    net.eval()
    return net


@pytest.mark.parametrize("zero_point", [0, 128])
@pytest.mark.parametrize("bits", [8, 4])
def test_packed_convolutions_give_pytorchs_scores(bits: int, zero_point: int) -> None:
    x = np.random.default_rng(2).integers(0, 256, (50, 2, 9, 7)).astype(np.uint8)
    net = convolutional(SMALL_MAPS, x, zero_point)
    data = dumps(from_model(net, InputSpec("uint8", (9, 7, 2), 1.0, zero_point), m=2.0, bits=bits))
    for bank in range(2):
        net.use_bank(bank)
        with torch.no_grad():
            logits = net(to_input(x, zero_point)).numpy()
        engine = Engine(data, bank=bank)
        assert np.array_equal(engine.scores(map_samples(x)), scores_from_logits(logits))
        assert len(np.unique(logits, axis=0)) > 10
        again = to_torch(loads(data))
        again.use_bank(bank)
        with torch.no_grad():
            assert np.array_equal(again(to_input(x, zero_point)).numpy(), logits)
    with pytest.raises(InputError, match="channels last"):
        Engine(data).predict(x)


def test_thermometer_coded_pictures_are_a_convolutions_input(digits: DataSet) -> None:
    code = quantiles(digits.train.x, 3)
    x = code.encode_maps(digits.test.x[:200, None])
    net = convolutional(replace(SMALL_MAPS, input_shape=(3, 8, 8), n_banks=1), x)
    data = dumps(from_model(net, InputSpec("int8", (8, 8, 3)), m=2.0))
    with torch.no_grad():
        logits = net(to_input(x, 0)).numpy()
    assert np.array_equal(Engine(data).scores(map_samples(x)), scores_from_logits(logits))
    assert len(np.unique(logits, axis=0)) > 10


def test_what_convolutions_learnt_becomes_a_pytorch_network(digits: DataSet) -> None:
    net = convolutional(CONFIGS["digits-small"], digits.train.x[:200])
    data = dumps(from_model(net, input_spec(digits), m=2.0))
    engine = Engine(data, learn="all", step_levels=2.0)
    before = engine.predict(digits.test.x)
    engine.partial_fit(digits.train.x[:60], digits.train.y[:60])
    after = engine.predict(digits.test.x)
    assert not np.array_equal(before, after)
    model = loads(data)
    state = state_image.loads(engine.save_state(), model, state_image.model_id(data))
    learnt = with_state(model, state)
    assert np.array_equal(to_torch(learnt).predict(digits.test.x), after)
    assert np.array_equal(Engine(dumps(learnt)).predict(digits.test.x), after)


@pytest.mark.parametrize(
    "name",
    [
        "digits",
        "hapt",
        pytest.param("mnist", marks=pytest.mark.data("mnist")),
        pytest.param("fashion-mnist", marks=pytest.mark.data("fashion-mnist")),
    ],
)
@pytest.mark.parametrize("bits", [8, 4])
def test_packed_labels_and_scores_are_pytorchs_on_every_test_sample(name: str, bits: int) -> None:
    sets = data.load(name)
    net = network(sets)
    packed = dumps(from_model(net, input_spec(sets), m=2.0, bits=bits))
    flat = sets.test.x.reshape(len(sets.test), -1)
    for bank in range(2):
        net.use_bank(bank)
        with torch.no_grad():
            logits = net(to_input(flat, sets.zero_point)).numpy()
        engine = Engine(packed, bank=bank)
        assert np.array_equal(engine.predict(sets.test.x), net.predict(flat, sets.zero_point))
        assert np.array_equal(engine.scores(flat), scores_from_logits(logits))
        assert np.array_equal(engine.decision_function(flat), logits + 0.0)


def test_thresholds_are_exact_at_every_integer(digits: DataSet) -> None:
    rng = np.random.default_rng(0)
    n, acc_max = 4000, 700
    gamma = rng.normal(0, 1, n).astype(np.float32)
    gamma[::5] = 0
    gamma[1::5] = -np.abs(gamma[1::5])
    norm = Norm(
        mean=rng.normal(0, 100, n).astype(np.float32),
        var=rng.uniform(0, 1e4, n).astype(np.float32),
        gamma=gamma,
        beta=(gamma * rng.integers(-3, 4, n)).astype(np.float32),
    )
    norm.mean[::3] = np.round(norm.mean[::3])  # sums that hit the mean exactly
    norm.beta[::9] = 0
    threshold = fold_threshold(norm, 1e-5, acc_max)
    for acc in range(-acc_max, acc_max + 1):
        sums = np.full(n, acc, dtype=np.int32)
        expected = normalise(sums, norm, 1e-5) >= 0
        assert np.array_equal((sums >= threshold.value) != threshold.flip, expected), acc


def test_scores_sort_like_logits_and_come_back() -> None:
    special = [0.0, -0.0, 1e-45, -1e-45, 3e38, -3e38, 1.0, -1.0]
    logits = np.concatenate([special, np.random.default_rng(0).normal(0, 5, 999)]).astype("f4")
    scores = scores_from_logits(logits)
    order = np.argsort(logits, kind="stable")
    assert np.all(np.diff(scores[order].astype(np.int64)) >= 0)
    assert scores[0] == scores[1] == 0


@pytest.mark.parametrize("bits", [8, 4])
def test_hidden_weights_keep_their_sign_and_stay_within_half_a_level(bits: int) -> None:
    hidden = np.random.default_rng(0).normal(0, 0.5, (40, 30)).astype(np.float32)
    hidden[0, :3] = [0.0, -0.0, -1e-9]
    w_max = saturation(hidden, m=2.0)
    assert w_max == 1.5
    levels = quantize_hidden(hidden, w_max, bits)
    back = dequantize_hidden(levels, w_max, bits)
    assert np.array_equal(levels >= 0, hidden >= 0)
    inside = np.abs(hidden) < w_max
    assert np.abs(back - hidden)[inside].max() <= 0.5001 * w_max / 2 ** (bits - 1)
    assert np.all(np.abs(back) < w_max)


def test_a_learnt_state_becomes_a_pytorch_network_with_the_same_labels(digits: DataSet) -> None:
    data = dumps(from_model(network(digits), input_spec(digits), m=2.0))
    engine = Engine(data, learn="all", bank=1, step_levels=2.0)
    before = engine.predict(digits.test.x)
    engine.partial_fit(digits.train.x[:400], digits.train.y[:400])
    after = engine.predict(digits.test.x)
    assert not np.array_equal(before, after)
    model = loads(data)
    state = state_image.loads(engine.save_state(), model, state_image.model_id(data))
    net = to_torch(with_state(model, state))
    net.use_bank(1)
    assert np.array_equal(net.predict(digits.test.x), after)
    assert np.array_equal(
        Engine(dumps(with_state(model, state)), bank=1).predict(digits.test.x), after
    )
    repacked = from_model(net, model.input, m=2.0)
    assert np.array_equal(Engine(dumps(repacked), bank=1).predict(digits.test.x), after)


def test_learning_goes_on_from_the_hidden_weights_of_the_trainer(digits: DataSet) -> None:
    net = network(digits)
    data = dumps(from_model(net, input_spec(digits), m=2.0))
    engine = Engine(data, learn="all")
    model = loads(data)
    state = state_image.loads(engine.save_state(), model, state_image.model_id(data))
    for (linear, _), layer in zip(net.layers, state.layers, strict=True):
        hidden = linear.weight.detach().numpy()
        assert np.abs(dequantize_hidden(layer.levels, 1.5, 8) - hidden).max() <= 0.5001 * 1.5 / 128


def test_a_model_without_hidden_weights_cannot_go_back(digits: DataSet) -> None:
    model = from_model(network(digits), input_spec(digits), m=2.0, learnable=False)
    with pytest.raises(InputError, match="no-state"):
        to_torch(loads(dumps(model)))


def test_a_diverged_network_is_refused(digits: DataSet) -> None:
    net = network(digits)
    with torch.no_grad():
        net.layers[0][0].weight[0, 0] = float("nan")
    with pytest.raises(InputError, match="NaN"):
        from_model(net, input_spec(digits), m=2.0)
