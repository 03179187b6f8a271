"""Shapes of convolutional networks that have a name."""

from __future__ import annotations

from metabit.errors import nearest
from metabit.trainer.networks.shapes import ConvBlock, ConvNetConfig, network_error

CONFIGS: dict[str, ConvNetConfig] = {
    # 8 x 8 digits.
    "digits-small": ConvNetConfig(
        input_shape=(1, 8, 8),
        blocks=(ConvBlock(32), ConvBlock(64, pool=2)),
        hidden=(),
        n_classes=10,
    ),
    # 28 x 28 images of MNIST and Fashion-MNIST: 50,080 weights, 6.1 KiB packed.
    "fashion-small": ConvNetConfig(
        input_shape=(1, 28, 28),
        blocks=(ConvBlock(32, pool=2), ConvBlock(64, pool=2)),
        hidden=(),
        n_classes=10,
    ),
    # 32 x 32 colour images: the network for the CIFAR-10 stream of Laborieux et al. 2021.
    "cifar-vgg": ConvNetConfig(
        input_shape=(3, 32, 32),
        blocks=(
            ConvBlock(128),
            ConvBlock(128, pool=2),
            ConvBlock(256),
            ConvBlock(256, pool=2),
            ConvBlock(512),
            ConvBlock(512, padding="valid", pool=2),
        ),
        hidden=(2048, 2048),
        n_classes=10,
    ),
}
"""Networks by name; `dataclasses.replace` changes the number of classes, banks and so on."""


def named(name: str) -> ConvNetConfig:
    """The configuration of this name.

    Raises:
        InputError: no such name; the nearest is given.
    """
    if name not in CONFIGS:
        raise network_error(f'no convolutional network "{name}": {nearest(name, CONFIGS)}')
    return CONFIGS[name]
