"""Dropout: what it draws, when, and that a copy continues with the same draws."""

from __future__ import annotations

import copy

import pytest
import torch

from metabit import InputError
from metabit.trainer.networks.convnet import BinaryConvNet
from metabit.trainer.networks.dropout import Dropout
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.network import Network
from metabit.trainer.networks.real_convnet import RealConvNet
from metabit.trainer.networks.real_mlp import RealMLP
from metabit.trainer.networks.shapes import (
    ConvBlock,
    ConvNetConfig,
    MLPConfig,
    RealConvNetConfig,
    RealMLPConfig,
)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_a_share_of_the_values_is_zero_and_the_mean_stays() -> None:
    dropped = Dropout(0.4, seeded()).train()(torch.ones(100, 100))
    assert sorted(set(dropped.flatten().tolist())) == pytest.approx([0, 1 / 0.6])
    assert dropped.mean().item() == pytest.approx(1, abs=0.03)


def test_every_step_draws_anew_and_a_restored_network_draws_the_same() -> None:
    layer, x = Dropout(0.5, seeded()).train(), torch.ones(4, 50)
    before = layer(x)
    again = Dropout(0.5, torch.Generator().manual_seed(99)).train()
    again.load_state_dict(copy.deepcopy(layer.state_dict()))
    after = layer(x)
    assert not torch.equal(before, after)
    assert torch.equal(again(x), after)


@pytest.mark.parametrize(
    "model",
    [
        BinaryMLP(MLPConfig(6, (40,), 3, dropout=0.5), seeded()),
        RealMLP(RealMLPConfig(6, (40,), 3, dropout=0.5), seeded()),
        BinaryConvNet(ConvNetConfig((1, 2, 3), (ConvBlock(9),), (), 3, dropout=0.5), seeded()),
        RealConvNet(
            RealConvNetConfig((1, 2, 3), (ConvBlock(9, padding="zero"),), (), 3, dropout=0.5),
            seeded(),
        ),
    ],
    ids=lambda model: type(model).__name__,
)
def test_networks_drop_in_training_only(model: Network) -> None:
    x = torch.rand(8, 6, generator=seeded())
    model.train()
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


def test_a_share_of_all_values_is_refused() -> None:
    with pytest.raises(InputError, match=r"dropout = 1\.0: must be 0 or more, below 1"):
        RealMLPConfig(6, (4,), 3, dropout=1.0)
