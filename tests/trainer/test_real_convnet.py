"""Real-valued convolutional networks: their scores, their start, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from helpers.small_networks import real_convolutional
from torch.nn import functional

from metabit import InputError
from metabit.trainer.networks.conv import MapNormalization
from metabit.trainer.networks.real_convnet import RealConv2d, RealConvNet
from metabit.trainer.networks.shapes import (
    ConvBlock,
    ConvNetConfig,
    Padding,
    RealConvNetConfig,
)

COLOURED = RealConvNetConfig(
    input_shape=(3, 8, 8),
    blocks=(ConvBlock(4, padding="zero", pool=2), ConvBlock(5, padding="zero")),
    hidden=(6,),
    n_classes=3,
    scale=1 / 255,
    shift=0.5,
)


def test_scores_are_those_of_pytorch_s_own_layers() -> None:
    model = RealConvNet(COLOURED, torch.Generator().manual_seed(1)).eval()
    x = torch.randint(0, 256, (6, 3, 8, 8), generator=torch.Generator().manual_seed(2)).float()
    first, second = (cast(RealConv2d, conv) for conv in model.convs)
    maps = functional.conv2d(x / 255 - 0.5, first.weight, first.bias, padding=1)
    maps = functional.relu(functional.max_pool2d(maps, 2))
    maps = functional.relu(functional.conv2d(maps, second.weight, second.bias, padding=1))
    expected = model.dense(maps.permute(0, 2, 3, 1).flatten(1))
    torch.testing.assert_close(model(x), expected)
    torch.testing.assert_close(model(x.flatten(1)), expected)  # as methods give it
    labels = model.predict(x.numpy().astype(np.uint8))
    assert np.array_equal(labels, expected.argmax(1).numpy())


def test_weights_start_from_the_seed_within_pytorch_s_bounds() -> None:
    one, same, other = (
        RealConvNet(COLOURED, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    for name, weight in one.weights.items():
        assert torch.equal(weight, same.weights[name])
        assert not torch.equal(weight, other.weights[name])
    for conv, n_in in zip(one.convs, (27, 36), strict=True):
        for parameter in conv.parameters():
            assert 0.5 * n_in**-0.5 < parameter.abs().max() <= n_in**-0.5


def test_every_bank_has_a_normalisation_of_its_own_in_maps_too() -> None:
    model = real_convolutional()
    config = replace(model.config, n_banks=2)
    two = RealConvNet(config, torch.Generator().manual_seed(0)).train()
    two.start_bank(1)
    two(torch.rand(5, 1, 6, 5))
    for norm in two.norms:
        assert isinstance(norm, MapNormalization)
        assert (norm.running_mean[0] == 0).all()
        assert (norm.running_mean[1] != 0).any()


@pytest.mark.parametrize(("kind", "padding"), [(ConvNetConfig, "zero"), (RealConvNetConfig, "one")])
def test_maps_are_padded_with_what_the_network_knows(kind: Any, padding: Padding) -> None:
    with pytest.raises(InputError, match=f'block 1, padding "{padding}": no such padding'):
        kind((1, 6, 5), (ConvBlock(3, padding=padding),), (), 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blocks": ()}, "no blocks"),
        ({"blocks": (ConvBlock(4, padding="zero", pool=9),)}, "pool less"),
        ({"input_shape": (3, 0, 8)}, "channels, rows, columns"),
        ({"n_classes": 1}, "n_classes"),
    ],
)
def test_a_shape_that_cannot_be_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(COLOURED, **changes)
