"""Binary convolutional networks: shape, bits, refusals, and that they learn."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from helpers.plain_maps import normalise_maps, plain_convolution
from numpy.typing import NDArray

from metabit import InputError
from metabit.trainer import data
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.networks.convnet import BinaryConvNet
from metabit.trainer.networks.named import CONFIGS, named
from metabit.trainer.networks.network import to_input
from metabit.trainer.networks.shapes import ConvBlock, ConvNetConfig
from metabit.trainer.optim import MetaplasticAdam, parameter_groups


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


SMALL = ConvNetConfig(
    input_shape=(2, 9, 7),
    blocks=(ConvBlock(6, pool=2), ConvBlock(5, kernel_size=2, padding="valid")),
    hidden=(8,),
    n_classes=4,
)


def used_network(config: ConvNetConfig = SMALL) -> BinaryConvNet:
    """A network whose statistics have seen data, and with channels that fall."""
    model = BinaryConvNet(config, seeded(1))
    with torch.no_grad():
        for seed in range(5):
            x = torch.randint(0, 256, (20, *config.input_shape), generator=seeded(seed))
            model.train()(x.float())
    for _, _, norm in model.blocks:
        for gamma in norm.gamma:
            gamma.data[::2] *= -1  # falling channels: where the pooling stands shows in the bits
    return model.eval()


def samples(n: int, dtype: type = np.uint8) -> NDArray[Any]:
    info = np.iinfo(dtype)
    return np.random.default_rng(2).integers(info.min, info.max + 1, (n, 2, 9, 7)).astype(dtype)


def test_scores_of_a_network_equal_numpy_bit_for_bit() -> None:
    """Every layer of it in NumPy: loops, float32 operations and the order row, column, channel."""
    model = used_network()
    x = samples(7)
    maps = x.astype(np.int64)
    for block, conv, norm in model.blocks:
        weights = np.where(conv.weight.detach().numpy() >= 0, 1, -1)
        sums = plain_convolution(maps, weights, block.stride, block.padding)
        rows, columns = (side // block.pool for side in sums.shape[2:])
        sums = sums[:, :, : rows * block.pool, : columns * block.pool]
        windows = sums.reshape(*sums.shape[:2], rows, block.pool, columns, block.pool)
        pooled = windows.max(axis=(3, 5)).astype(np.float32)
        maps = np.where(normalise_maps(norm, pooled) >= 0, 1, -1)
    vector = maps.transpose(0, 2, 3, 1).reshape(len(x), -1)
    for linear, norm_1d in model.dense.layers:
        sums = vector @ np.where(linear.weight.detach().numpy() >= 0, 1, -1).T
        pixels = sums.astype(np.float32)[:, :, None, None]
        scores = normalise_maps(norm_1d, pixels)[:, :, 0, 0]
        vector = np.where(scores >= 0, 1, -1)
    got = model(to_input(x, 0)).detach().numpy()
    assert np.array_equal(got.view(np.uint32), scores.view(np.uint32))
    assert np.array_equal(model.predict(x), np.argmax(scores, axis=1))


def test_scores_do_not_depend_on_the_batch_and_training_mode_comes_back() -> None:
    model = used_network()
    x = samples(130)  # more than two of the batches that predict takes
    whole = model(to_input(x, 0))
    alone = torch.cat([model(to_input(x[i : i + 1], 0)) for i in range(len(x))])
    assert torch.equal(whole, alone)
    labels = model.train().predict(x)
    assert model.training
    assert labels.dtype == np.int64
    assert np.array_equal(labels, np.argmax(whole.detach().numpy(), axis=1))
    assert len(set(labels.tolist())) > 1
    assert model.predict(x[:0]).shape == (0,)


def test_predict_is_the_first_maximum_and_subtracts_the_zero_point() -> None:
    model = used_network()
    x = samples(40, np.int8)
    shifted = (x.astype(np.int16) + 128).astype(np.uint8)
    assert np.array_equal(model.predict(x), model.predict(shifted, zero_point=128))
    norm = model.layers[-1][1]
    norm.gamma[0].data.zero_()  # all scores of a class are its beta now
    norm.beta[0].data.copy_(torch.tensor([0.0, 3, 1, 3]))
    assert set(model.predict(x).tolist()) == {1}


def test_a_single_channel_may_come_without_its_axis() -> None:
    model = used_network(replace(SMALL, input_shape=(1, 9, 7)))
    x = samples(5)[:, :1]
    assert np.array_equal(model.predict(x[:, 0]), model.predict(x))


@pytest.mark.parametrize("shape", [(3, 9, 7, 2), (3, 2, 7, 9), (3, 126), (2, 9, 7)])
def test_samples_that_would_be_misread_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="channels first"):
        used_network().predict(np.zeros(shape, dtype=np.uint8))


def test_samples_of_another_type_are_refused() -> None:
    with pytest.raises(InputError, match="uint8 or int8"):
        used_network().predict(np.zeros((3, 2, 9, 7), dtype=np.float32))


def test_banks_of_all_layers_switch_together() -> None:
    model = BinaryConvNet(replace(SMALL, n_banks=3), seeded(1))
    model.use_bank(2)
    assert [norm.active_bank for _, norm in model.layers] == [2] * 4
    for _, norm in model.layers:
        norm.running_mean[0] += 3
    model.start_bank(1)
    for _, norm in model.layers:
        assert norm.active_bank == 1
        assert torch.equal(norm.running_mean[1], norm.running_mean[0])


def test_the_same_seed_gives_the_same_network() -> None:
    one, two = (BinaryConvNet(SMALL, seeded(1)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"input_shape": (28, 28)}, "channels, rows, columns"),
        ({"input_shape": (1, 0, 28)}, "each 1 or more"),
        ({"blocks": ()}, "no blocks"),
        ({"blocks": (ConvBlock(4), ConvBlock(0))}, "block 2, n_out = 0"),
        ({"blocks": (ConvBlock(4, kernel_size=8, padding="valid"),)}, "block 1 .*side 7"),
        ({"blocks": (ConvBlock(4, pool=0),)}, "block 1, pool = 0"),
        ({"blocks": (ConvBlock(4, pool=8),)}, "block 1: windows of 8 x 8"),
        ({"blocks": (ConvBlock(4, padding=cast(Any, "same")),)}, 'block 1, padding "same"'),
        ({"n_classes": 1}, "n_classes = 1"),
        ({"hidden": (0,)}, "hidden layer 1"),
        ({"momentum": 0.0}, "momentum"),
        ({"input_shape": (7311, 3, 3)}, "below 16777216"),
    ],
)
def test_a_network_that_cannot_be_built_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        replace(SMALL, **change)
    assert caught.value.code == "E-NETWORK"


def test_the_named_networks_have_the_shapes_that_they_promise() -> None:
    assert named("fashion-small").map_shapes[-1] == (64, 7, 7)
    assert named("digits-small").map_shapes[-1] == (64, 4, 4)
    vgg = named("cifar-vgg")
    assert vgg.dense.widths == (4608, 2048, 2048, 10)  # Laborieux et al. 2021
    for name in ("digits-small", "fashion-small"):  # the large one is not built: 18 million weights
        model = used_network(CONFIGS[name])
        assert model.predict(np.zeros((2, *CONFIGS[name].input_shape), np.uint8)).shape == (2,)


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(InputError, match='did you mean "cifar-vgg"'):
        named("cifar_vgg")


def learn(config: ConvNetConfig, data: DataSet, n_train: int, epochs: int) -> float:
    """Accuracy on up to 2,000 test samples after a plain training."""
    model = BinaryConvNet(config, seeded(1))
    # parameter_groups asks a network for its layers only.
    optimizer = MetaplasticAdam(parameter_groups(cast(Any, model), 0.0), lr=0.005)
    x = to_input(data.train.x[:n_train], data.zero_point).reshape(-1, *config.input_shape)
    y = torch.from_numpy(data.train.y[:n_train].astype(np.int64))
    generator = np.random.default_rng(2)
    model.train()
    for _ in range(epochs):
        order = generator.permutation(n_train)
        for start in range(0, n_train, 50):
            batch = torch.from_numpy(order[start : start + 50])
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x[batch]), y[batch])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    labels = model.predict(data.test.x[:2000], data.zero_point)
    return float(np.mean(labels == data.test.y[:2000]))


def test_a_small_network_learns_the_digits(digits: DataSet) -> None:
    assert learn(CONFIGS["digits-small"], digits, len(digits.train), epochs=4) > 0.88


@pytest.mark.data("fashion-mnist")
def test_a_small_network_learns_fashion_from_2000_samples() -> None:
    begun = time.process_time()
    assert learn(CONFIGS["fashion-small"], data.load("fashion-mnist"), 2000, epochs=3) > 0.7
    assert time.process_time() - begun < 40  # of one processor, whatever else runs
