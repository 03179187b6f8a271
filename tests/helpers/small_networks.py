"""Small networks with statistics that some training has left, and samples for them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from metabit.trainer.networks.convnet import BinaryConvNet
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.real_convnet import RealConvNet
from metabit.trainer.networks.shapes import ConvBlock, ConvNetConfig, MLPConfig, RealConvNetConfig


def binary(seed: int = 0) -> BinaryMLP:
    """A network with statistics that some training has left."""
    torch.manual_seed(seed)
    model = BinaryMLP(MLPConfig(6, (5, 4), 3))
    for _, norm in model.layers:
        norm.running_mean.uniform_(-2, 2)
        norm.running_var.uniform_(3, 9)
        norm.gamma[0].data.uniform_(0.5, 2)
    return model.train()


def real(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 3)).train()


def convolutional() -> BinaryConvNet:
    """Both paddings, a stride and pooling, for maps of 6 x 5 values."""
    torch.manual_seed(0)
    blocks = (
        ConvBlock(3, pool=2),
        ConvBlock(4, kernel_size=2, padding="valid"),
        ConvBlock(3, stride=2),
    )
    model = BinaryConvNet(ConvNetConfig((1, 6, 5), blocks, hidden=(5,), n_classes=3))
    for _, norm in model.layers:
        norm.running_mean.uniform_(-2, 2)
        norm.running_var.uniform_(3, 9)
        norm.gamma[0].data.uniform_(0.5, 2)
    return model.train()


def real_convolutional() -> RealConvNet:
    """Both paddings of real-valued networks, a stride and pooling, for maps of 6 x 5 values."""
    blocks = (
        ConvBlock(3, padding="zero", pool=2),
        ConvBlock(4, kernel_size=2, padding="valid"),
        ConvBlock(3, padding="zero", stride=2),
    )
    config = RealConvNetConfig((1, 6, 5), blocks, (5,), n_classes=3, normalized=True, scale=1 / 16)
    return RealConvNet(config, torch.Generator().manual_seed(0)).train()


def samples(n: int = 40) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    x = torch.randint(0, 17, (n, 6), generator=generator, dtype=torch.uint8)
    return x, torch.randint(0, 3, (n,), generator=generator)
