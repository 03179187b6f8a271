"""Hebb's rule as an importance: how much the output of a layer agrees with its input.

    importance_ij = |mean over samples of y_i * x_j|

y is what the layer passes on: the bit (+1 or -1) of a binary layer, the rectified activation of a
real-valued one, and the score in the last layer. Rectified activations are never negative, as in
the paper (Aljundi et al. 2018); products of bits can be, so the absolute value is taken after the
mean. A convolution uses a weight at many positions, and the mean is over them too, each position
with the bit that it has before pooling. The input of a bias is 1.

Each layer is scaled to a largest importance of 1, because inputs and activations have different
units. No gradient is needed, and no label: a device could measure it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from metabit.errors import InputError
from metabit.trainer.methods.base import evaluating
from metabit.trainer.methods.per_sample import CHUNK, MAP_CHUNK, protected
from metabit.trainer.networks.conv import Convolution, flatten_nhwc, max_pool
from metabit.trainer.networks.convnet import BinaryConvNet
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.quantizers import sign
from metabit.trainer.networks.real_convnet import RealConvNet
from metabit.trainer.networks.real_mlp import RealMLP

Activity = tuple[str, Tensor, Tensor]
"""Name of a layer, what it passes on, (n, n_out), and what it read, (n, n_in)."""


def require_local(model: nn.Module) -> None:
    """Raise InputError unless local importance can be measured in this network."""
    if not isinstance(model, (BinaryMLP, RealMLP, BinaryConvNet, RealConvNet)):
        raise InputError(
            'MAS with rule = "local" is for multilayer perceptrons and convolutional networks of '
            'metabit: use rule = "global"',
            code="E-METHOD",
        )


@torch.no_grad()
def local_importance(model: nn.Module, inputs: Tensor, columns: Tensor) -> dict[str, Tensor]:
    """|mean over samples of output times input| of each layer, from 0 to 1, by parameter name.

    Args:
        model: the network. It runs in evaluation mode, and gets back its mode afterwards.
        inputs: what the network reads, samples first.
        columns: the classes whose scores count, int64; the weights of the others get 0.

    Raises:
        InputError: local importance is not there for this kind of network.
    """
    require_local(model)
    parameters = protected(model)
    sums = {name: torch.zeros_like(p, dtype=torch.float64) for name, p in parameters.items()}
    size = MAP_CHUNK if isinstance(model, (BinaryConvNet, RealConvNet)) else CHUNK
    n_layers: dict[str, int] = {}
    with evaluating(model):
        for part in torch.split(inputs, size):
            for name, y, x in _activities(model, part, columns):
                if f"{name}.weight" not in sums:
                    continue  # a frozen layer
                n_layers[name] = n_layers.get(name, 0) + len(y)
                sums[f"{name}.weight"] += (y.T @ x).view_as(sums[f"{name}.weight"])
                if f"{name}.bias" in sums:
                    sums[f"{name}.bias"] += y.sum(0)
    result: dict[str, Tensor] = {}
    for name, n in n_layers.items():
        means = {key: sums[key].abs() / n for key in sums if key.rpartition(".")[0] == name}
        largest = means[f"{name}.weight"].max().clamp(min=1e-30)
        result |= {key: (mean / largest).to(inputs.dtype) for key, mean in means.items()}
    return result


def _activities(model: nn.Module, x: Tensor, columns: Tensor) -> Iterator[Activity]:
    if isinstance(model, BinaryConvNet):
        x = x.reshape(len(x), *model.config.input_shape)
        for number, (block, conv, norm) in enumerate(model.blocks):
            sums = conv(x)
            yield f"convs.{number}", _rows(sign(norm(sums))), _rows(conv.patches(x))
            x = sign(norm(max_pool(sums, block.pool)))
        yield from _of_binary_layers(model.dense, flatten_nhwc(x), columns, "dense.")
    elif isinstance(model, RealConvNet):
        x = model.scaled(x)
        for number, block in enumerate(model.config.blocks):
            layer = cast(Convolution, model.convs[number])
            sums = layer(x)
            yield f"convs.{number}", _rows(model.rectified(number, sums)), _rows(layer.patches(x))
            x = model.rectified(number, max_pool(sums, block.pool))
        yield from _of_real_layers(model.dense, flatten_nhwc(x), columns, "dense.")
    elif isinstance(model, RealMLP):
        yield from _of_real_layers(model, x, columns, "")
    elif isinstance(model, BinaryMLP):
        yield from _of_binary_layers(model, x, columns, "")


def _rows(maps: Tensor) -> Tensor:
    """Maps (n, channels, ...) as one row per sample and position."""
    return maps.flatten(2).transpose(1, 2).flatten(0, 1)


def _of_real_layers(model: RealMLP, x: Tensor, columns: Tensor, prefix: str) -> Iterator[Activity]:
    x = x * model.config.scale - model.config.shift
    for number, linear in enumerate(model.linears):
        y = linear(x)
        if number + 1 < len(model.linears):
            y = functional.relu(model.norms[number](y) if model.config.normalized else y)
        else:
            y = _competing(y, columns)
        yield f"{prefix}linears.{number}", y, x
        x = y


def _of_binary_layers(
    model: BinaryMLP, x: Tensor, columns: Tensor, prefix: str
) -> Iterator[Activity]:
    for number, (linear, norm) in enumerate(model.layers):
        y = norm(linear(x))
        y = sign(y) if number + 1 < len(model.layers) else _competing(y, columns)
        yield f"{prefix}linears.{number}", y, x
        x = y


def _competing(scores: Tensor, columns: Tensor) -> Tensor:
    """The scores, with 0 for the classes that do not compete."""
    return torch.zeros_like(scores).index_copy(1, columns, scores[:, columns])
