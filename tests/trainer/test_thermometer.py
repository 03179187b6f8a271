"""Thermometer code: exact, monotone, the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from metabit import InputError
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.data.thermometer import Thermometer, quantiles, uniform
from metabit.trainer.loop import train
from metabit.trainer.networks.convnet import BinaryConvNet
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.shapes import ConvBlock, ConvNetConfig, MLPConfig
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.streams import build

ALL_UINT8 = np.arange(256, dtype=np.uint8)
ALL_INT8 = np.arange(-128, 128).astype(np.int8)


def test_a_bit_is_plus_one_from_its_threshold_on() -> None:
    bits = Thermometer((-3, 0, 100)).encode(np.array([-128, -4, -3, -1, 0, 99, 100], np.int8))
    assert bits.dtype == np.int8
    assert ((bits + 1) // 2).tolist() == [
        [0, 0, 0],
        [0, 0, 0],
        [1, 0, 0],
        [1, 0, 0],
        [1, 1, 0],
        [1, 1, 0],
        [1, 1, 1],
    ]
    assert set(bits.ravel().tolist()) == {-1, 1}


@pytest.mark.parametrize(
    ("x", "code"),
    [
        (ALL_UINT8, uniform(7)),
        (ALL_INT8, uniform(7, -128, 127)),
        (ALL_UINT8, Thermometer((-128, 1, 200, 255))),
        (ALL_INT8, Thermometer((-128, 1, 127, 255))),
    ],
)
def test_the_code_is_monotone_over_all_values(x: Any, code: Thermometer) -> None:
    bits = code.encode(x).astype(int)
    assert np.all(np.diff(bits, axis=0) >= 0)  # a larger value never loses a +1
    assert np.all(np.diff(bits, axis=1) <= 0)  # +1 up to a height, -1 above it
    heights = (bits.sum(axis=1) + code.n_bits) // 2
    expected = [sum(value >= t for t in code.thresholds) for value in x.tolist()]
    assert heights.tolist() == expected


@pytest.mark.parametrize("n_bits", [1, 2, 3, 7, 10, 100, 254, 255])
def test_uniform_ranges_are_alike_to_within_one(n_bits: int) -> None:
    for lowest in (0, -128):
        edges = (lowest, *uniform(n_bits, lowest, lowest + 255).thresholds, lowest + 256)
        widths = np.diff(edges)
        assert len(widths) == n_bits + 1
        assert widths.max() - widths.min() <= 1


def test_quantiles_share_the_data_out() -> None:
    x = np.repeat(ALL_UINT8, 10)
    assert quantiles(x, 3).thresholds == (64, 128, 192)
    skewed = np.repeat(ALL_UINT8, np.arange(1, 257))
    code = quantiles(skewed, 7)
    heights = (code.encode(skewed).astype(int).sum(axis=1) + 7) // 2
    shares = np.bincount(heights) / len(skewed)
    assert len(shares) == 8
    assert np.all(np.abs(shares - 1 / 8) < 2 * 256 / len(skewed))  # two of the largest steps


def test_quantiles_of_data_with_a_very_common_value_waste_no_bit() -> None:
    """Nine tenths are black: every bit still divides the data, and the rest is shared out."""
    x = np.concatenate([np.zeros(900, np.uint8), np.arange(1, 101, dtype=np.uint8)])
    code = quantiles(x, 5)
    assert code.thresholds == (1, 21, 41, 61, 81)
    shares = (code.encode(x) == 1).mean(axis=0)
    assert np.all((shares > 0) & (shares < 1))


def test_quantiles_use_every_value_if_they_must() -> None:
    x = np.array([-7, 5, 5, 5, 5, 9, 100], dtype=np.int8)
    assert quantiles(x, 3).thresholds == (5, 9, 100)
    late = np.array([1, 2, 3] + [4] * 100, dtype=np.uint8)
    assert quantiles(late, 3).thresholds == (2, 3, 4)


def test_quantiles_depend_on_the_values_only(digits: DataSet) -> None:
    x = digits.train.x
    shuffled = np.random.default_rng(1).permutation(x.ravel())
    code = quantiles(x, 4)
    assert quantiles(shuffled, 4) == code
    assert quantiles(np.repeat(x, 3, axis=0), 4) == code
    # Written down once: another machine or NumPy must place them here too.
    assert code.thresholds == (1, 6, 12, 16)


def test_maps_keep_the_bits_of_a_channel_together() -> None:
    x = np.random.default_rng(3).integers(0, 256, (2, 3, 4, 5)).astype(np.uint8)
    code = Thermometer((50, 100, 150, 200))
    maps = code.encode_maps(x)
    assert maps.shape == (2, 12, 4, 5)
    assert maps.flags.c_contiguous
    for channel in range(3):
        for bit, threshold in enumerate(code.thresholds):
            expected = np.where(x[:, channel] >= threshold, 1, -1)
            assert np.array_equal(maps[:, 4 * channel + bit], expected)


def test_encoded_samples_feed_networks_as_they_are() -> None:
    x = np.random.default_rng(4).integers(0, 256, (6, 1, 8, 8)).astype(np.uint8)
    code = uniform(3)
    mlp = BinaryMLP(MLPConfig(64 * 3, (8,), 4), torch.Generator().manual_seed(1))
    assert mlp.predict(code.encode(x)).shape == (6,)
    convnet = BinaryConvNet(ConvNetConfig((3, 8, 8), (ConvBlock(4),), (), 4))
    seen: list[Any] = []
    convnet.convs[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    assert convnet.predict(code.encode_maps(x)).shape == (6,)
    assert set(seen[0].unique().tolist()) == {-1.0, 1.0}  # the first layer is binary


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ((), "at least one"),
        ((1, 1), "strictly rising"),
        ((5, 3), "strictly rising"),
        ((-129, 0), "-128 to 255"),
        ((0, 256), "-128 to 255"),
    ],
)
def test_thresholds_that_make_no_code_are_refused(
    thresholds: tuple[int, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        Thermometer(thresholds)
    assert caught.value.code == "E-NETWORK"


@pytest.mark.parametrize("n_bits", [0, 256])
def test_more_bits_than_values_are_refused(n_bits: int) -> None:
    with pytest.raises(InputError, match="must be 1 to 255 for values 0 to 255"):
        uniform(n_bits)
    with pytest.raises(InputError, match="must be 1 to 255 for data with 256 different values"):
        quantiles(ALL_UINT8, n_bits)


def test_data_without_two_values_have_no_quantiles() -> None:
    for x in (np.full(9, 7, np.uint8), np.zeros(0, np.uint8)):
        with pytest.raises(InputError, match="has no thresholds"):
            quantiles(x, 1)


def test_samples_of_another_kind_are_refused() -> None:
    code = uniform(2)
    with pytest.raises(InputError, match="uint8 or int8"):
        code.encode(np.zeros((2, 3), np.float32))
    with pytest.raises(InputError, match="uint8 or int8"):
        quantiles(np.zeros((2, 3), np.int64), 2)
    with pytest.raises(InputError, match=r"need \(n, channels, rows, columns\)"):
        code.encode_maps(np.zeros((2, 8, 8), np.uint8))


def test_a_recipe_can_encode_its_inputs(tmp_path: Path) -> None:
    tables: dict[str, Any] = {
        "name": "bits",
        "data": {"name": "digits", "stream": "single", "thermometer": 3, "train_samples": 400},
        "network": {"hidden": [64]},
        "train": {"epochs": 4, "batch": 25},
    }
    dataset, stream = build(recipe_from_dict(tables).data)
    assert dataset.input_shape == (3, 8, 8)
    assert (dataset.dtype, dataset.zero_point) == ("int8", 0)
    assert np.unique(stream[0].test.x).tolist() == [-1, 1]
    assert train(recipe_from_dict(tables), tmp_path / "dense").metrics["acc"] > 0.8
    tables["network"] = {"convolutions": [[16, 3, 2]]}
    assert train(recipe_from_dict(tables), tmp_path / "maps").metrics["acc"] > 0.8


def test_thresholds_do_not_depend_on_the_samples_that_are_used() -> None:
    few = DataRecipe(name="digits", stream="single", thermometer=4, train_samples=20, seed=3)
    every = DataRecipe(name="digits", stream="single", thermometer=4)
    assert np.array_equal(build(few)[1][0].test.x, build(every)[1][0].test.x)


def test_bits_cannot_be_turned() -> None:
    with pytest.raises(InputError, match="bits cannot be turned"):
        DataRecipe(name="digits", stream="rotated", n_tasks=2, thermometer=2)
