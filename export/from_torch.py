"""From a trained PyTorch network to a packed model, and back; `from_run.py` packs a whole run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from metabit.errors import InputError
from metabit.export.fold import fold_threshold
from metabit.export.levels import DEPTH_DEFAULT, dequantize_hidden, quantize_hidden, saturation
from metabit.export.shapes import LayerShape, default_names, layer_of
from metabit.export.spec import ConvLayer, InputSpec, Int8Array, LearnState, Model, Norm
from metabit.export.window import Window
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.networks.convnet import BinaryConvNet
from metabit.trainer.networks.layers import Normalization
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.shapes import ConvBlock, ConvNetConfig, MLPConfig


def input_spec(sets: DataSet) -> InputSpec:
    """The input of a network that was trained on this data set."""
    dtype = cast(Literal["uint8", "int8"], sets.dtype)
    return InputSpec(dtype, tuple(sets.input_shape), sets.scale, sets.zero_point)


def map_input(spec: InputSpec) -> InputSpec:
    """The input of a convolutional network, for a data set whose pictures have channels first."""
    if len(spec.shape) == 3:
        return replace(spec, shape=(*spec.shape[1:], spec.shape[0]))
    return spec


def from_model(
    net: BinaryMLP | BinaryConvNet,
    spec: InputSpec,
    *,
    m: float | Sequence[float],
    bits: int = 8,
    learnable: bool = True,
    depth: float = DEPTH_DEFAULT,
) -> Model:
    """Pack a network.

    Thresholds are exact: the packed network gives the bits that the PyTorch network gives in
    evaluation mode, for every input.

    Args:
        net: the network; its hidden weights are quantized, its normalisation is kept in float32.
        spec: its input; a convolutional network reads rows, columns and, unless there is only one,
            channels (see `map_input`).
        m: the metaplasticity coefficient it was trained with, one or one per layer.
        bits: bits per hidden weight, 8 or 4.
        learnable: whether the packed model can learn.
        depth: m * |hidden| at the end of the quantized range.

    Raises:
        InputError: weights or normalisation are not finite, or a limit of the format is broken.
    """
    if net.config.normalization != "batch":
        raise InputError(
            f'[network] normalization = "{net.config.normalization}": a file holds running means '
            'and variances, and this network has none; train with normalization = "batch"',
            code="E-NETWORK",
        )
    n_layers = len(net.layers)
    ms = [float(m)] * n_layers if isinstance(m, int | float) else [float(value) for value in m]
    if len(ms) != n_layers:
        raise InputError(f"{len(ms)} values of m for {n_layers} layers", code="E-M")
    eps = float(np.float32(net.config.eps))
    hidden = [_rows(layer) for layer, _ in net.layers]
    w_max = [saturation(h, m_l, depth) for h, m_l in zip(hidden, ms, strict=True)]
    levels = [quantize_hidden(h, w, bits) for h, w in zip(hidden, w_max, strict=True)]
    shapes = _shapes(net, levels)
    names = default_names(shapes)
    layers = []
    for i, (_, norm) in enumerate(net.layers):
        hidden_layer = i + 1 < n_layers
        norms = _norms(norm)
        acc_max = shapes[i].n_in * (255 if i == 0 else 1)
        thresholds = tuple(fold_threshold(n, eps, acc_max) for n in norms if hidden_layer)
        weights = np.where(levels[i] >= 0, 1, -1).astype(np.int8)
        kept = norms if learnable or not hidden_layer else ()
        layers.append(layer_of(shapes[i], names[i], weights, thresholds, kept))
    learn = LearnState(
        bits=bits,
        levels=tuple(levels),
        m=tuple(float(np.float32(m_l * w)) for m_l, w in zip(ms, w_max, strict=True)),
        w_max=tuple(float(np.float32(w)) for w in w_max),
    )
    meta = {"method": "metaplastic", "m": ms, "layer_names": names}
    return Model(spec, tuple(layers), eps, learn if learnable else None, None, meta)


def _norms(norm: Normalization) -> tuple[Norm, ...]:
    return tuple(
        Norm(
            mean=norm.running_mean[bank].numpy().astype(np.float32),
            var=norm.running_var[bank].numpy().astype(np.float32),
            gamma=norm.gamma[bank].detach().numpy().astype(np.float32),
            beta=norm.beta[bank].detach().numpy().astype(np.float32),
        )
        for bank in range(norm.n_banks)
    )


def _rows(layer: nn.Module) -> NDArray[np.float32]:
    """Hidden weights, a row per channel; a convolution has them in the order of patches in maps."""
    hidden = cast(torch.Tensor, layer.weight).detach()
    if hidden.ndim == 4:
        hidden = hidden.permute(0, 2, 3, 1).flatten(1)
    return hidden.numpy().astype(np.float32)


def _shapes(net: BinaryMLP | BinaryConvNet, levels: list[Int8Array]) -> list[LayerShape]:
    windows: list[Window | None] = [None] * len(levels)
    if isinstance(net, BinaryConvNet):
        for i, (block, (channels, rows, columns)) in enumerate(
            zip(net.config.blocks, net.config.map_shapes, strict=False)
        ):
            windows[i] = Window(
                (rows, columns, channels),
                block.kernel_size,
                block.stride,
                block.padding,
                block.pool,
            )
    return [
        LayerShape(q.shape[0], q.shape[1], window)
        for q, window in zip(levels, windows, strict=True)
    ]


def to_torch(model: Model) -> BinaryMLP | BinaryConvNet:
    """A PyTorch network with the same labels as the packed model.

    Hidden weights are those that the levels stand for, so that training can continue from them. For
    what an engine has learnt, pass `metabit.export.repack.with_state(model, state)`. A
    convolutional network reads pictures with channels first, as PyTorch's do.

    Raises:
        InputError: the model was packed without hidden weights.
    """
    learn = model.learn
    if learn is None:
        raise InputError(
            "this model holds no hidden weights: export the run again without --no-state, or "
            "import it with --learn DATA",
            code="E-NO-STATE",
        )
    net = _empty_network(model)
    with torch.no_grad():
        for index, ((module, normalization), layer) in enumerate(
            zip(net.layers, model.layers, strict=True)
        ):
            rows = dequantize_hidden(learn.levels[index], learn.w_max[index], learn.bits)
            hidden = torch.from_numpy(rows)
            if isinstance(layer, ConvLayer):
                hidden = hidden.reshape(layer.kernels.shape).permute(0, 3, 1, 2)
            cast(torch.Tensor, module.weight).copy_(hidden)
            for bank, norm in enumerate(layer.norms):
                _copy_norm(normalization, bank, norm)
    net.eval()
    return net


def _empty_network(model: Model) -> BinaryMLP | BinaryConvNet:
    blocks = tuple(
        ConvBlock(layer.n_out, w.kernel_size, w.stride, w.padding, w.pool)
        for layer in model.layers
        if isinstance(layer, ConvLayer)
        for w in (layer.window,)
    )
    hidden = tuple(layer.n_out for layer in model.layers[len(blocks) : -1])
    first = model.layers[0]
    if not isinstance(first, ConvLayer):
        return BinaryMLP(
            MLPConfig(model.n_inputs, hidden, model.n_outputs, model.n_banks, eps=model.eps)
        )
    rows, columns, channels = first.window.in_shape
    config = ConvNetConfig(
        (channels, rows, columns), blocks, hidden, model.n_outputs, model.n_banks, eps=model.eps
    )
    return BinaryConvNet(config)


def _copy_norm(module: Normalization, bank: int, norm: Norm) -> None:
    module.running_mean[bank] = torch.from_numpy(norm.mean)
    module.running_var[bank] = torch.from_numpy(norm.var)
    module.gamma[bank].copy_(torch.from_numpy(norm.gamma))
    module.beta[bank].copy_(torch.from_numpy(norm.beta))
