"""Per-sample gradients of layers with weights, summed without a backward pass for each sample.

A linear layer with output y = W x has for sample k the gradient delta_k x_k^T, where delta_k is the
gradient of the objective with respect to y. Sums of a power of its entries over samples are then
one matrix product, exact and not an estimate:

    sum_k |dF_k / dW|     = |delta|^T |x|
    sum_k (dF_k / dW)^2   = (delta^2)^T (x^2)

A convolution uses a weight at many positions p, and a sample's gradient is the sum over them,

    dF_k / dW = sum_p delta_kp patch_kp^T

of which the power is taken only then; so it is formed sample by sample, in one batched product.

The objective of a batch must be a sum over its samples, and a sample must not feel its neighbours:
the network is put in evaluation mode, where normalisation uses its running statistics.

Hidden weights get the gradient of their binary weights (straight through), so `BinaryLinear` is a
linear layer like any other, and `torch.nn.Linear` works with its bias. Binary networks with dense
layers and convolutions and real-valued multilayer perceptrons are served; other layers with weights
are refused.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from metabit.errors import InputError
from metabit.trainer.methods.base import evaluating
from metabit.trainer.networks.conv import BinaryConv2d
from metabit.trainer.networks.layers import BinaryLinear

CHUNK = 512
"""Samples run at a time, to bound memory; sums over chunks are kept in float64."""

MAP_CHUNK = 64
"""The same where there are convolutions, whose unfolded patches are many times their input."""

LARGEST = 2**24
"""Values of per-sample gradients of a convolution that are held at a time."""

Objective = Callable[[Tensor, Tensor], Tensor]
"""From scores (n, n_classes) and the chunk's labels (n,) to a scalar, a sum over samples."""


def weighted_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Layers that multiply by a weight and are not frozen, by name, in order.

    Raises:
        InputError: another kind of layer holds weights; its importance would be missing.
    """
    layers: dict[str, nn.Module] = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, (BinaryLinear, BinaryConv2d, nn.Linear))
        and module.weight.requires_grad
    }
    known = {id(p) for layer in layers.values() for p in layer.parameters()}
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1 and parameter.requires_grad and id(parameter) not in known:
            raise InputError(
                f"{name}: per-sample importance is there for linear layers and binary "
                "convolutions only; use replay or metaplastic with this network",
                code="E-METHOD",
            )
    return layers


def protected(model: nn.Module) -> dict[str, nn.Parameter]:
    """Weights and biases of layers that multiply, by name: what importance is about.

    Normalisation is left out: its statistics move anyway, and in a binary network its parameters
    are few and can belong to a task.
    """
    layers = weighted_layers(model)
    return {
        f"{name}.{key}": parameter
        for name, layer in layers.items()
        for key, parameter in layer.named_parameters()
    }


def mean_power(
    model: nn.Module, x: Tensor, y: Tensor, objective: Objective, power: int
) -> dict[str, Tensor]:
    """Mean over samples of |gradient| ** power, for every protected parameter.

    Args:
        model: the network; its mode is put back afterwards.
        x: what the network sees, samples first.
        y: labels that the objective is given, shape (n,).
        objective: what is differentiated.
        power: 1 or 2.

    Returns:
        by parameter name, in the parameter's shape and type.

    Reference:
        Goodfellow 2015, "Efficient per-example gradient computations".
    """
    layers = weighted_layers(model)
    has_maps = any(isinstance(layer, BinaryConv2d) for layer in layers.values())
    size = MAP_CHUNK if has_maps else CHUNK
    kinds = protected(model)
    totals = {name: torch.zeros(p.shape, dtype=torch.float64) for name, p in kinds.items()}
    with evaluating(model):
        for inputs, labels in zip(torch.split(x, size), torch.split(y, size), strict=True):
            seen = _one_pass(model, layers, inputs, labels, objective)
            for name, (before, delta) in seen.items():
                layer = layers[name]
                if isinstance(layer, BinaryConv2d):
                    totals[f"{name}.weight"] += _over_positions(layer, before, delta, power)
                    continue
                a, d = before.abs() ** power, delta.abs() ** power
                totals[f"{name}.weight"] += d.T @ a
                if f"{name}.bias" in totals:
                    totals[f"{name}.bias"] += d.sum(0)
    return {name: (total / len(x)).to(kinds[name].dtype) for name, total in totals.items()}


def _over_positions(layer: BinaryConv2d, before: Tensor, delta: Tensor, power: int) -> Tensor:
    """Sum over samples of |gradient| ** power of a convolution's weight, in its shape.

    Args:
        layer: the convolution.
        before: its input, (n, n_in, rows, columns).
        delta: the gradient at its output, (n, n_out, rows, columns).
        power: 1 or 2.
    """
    total = torch.zeros(layer.weight.shape, dtype=before.dtype).flatten(1)
    size = max(1, LARGEST // layer.weight.numel())
    for inputs, errors in zip(torch.split(before, size), torch.split(delta, size), strict=True):
        gradients = errors.flatten(2) @ layer.patches(inputs).transpose(1, 2)
        total += (gradients.abs() ** power).sum(0)
    return total.reshape(layer.weight.shape)


def _one_pass(
    model: nn.Module, layers: dict[str, nn.Module], x: Tensor, y: Tensor, objective: Objective
) -> dict[str, tuple[Tensor, Tensor]]:
    """Each layer's input, and the objective's gradient at its output; samples first."""
    seen: dict[str, tuple[Tensor, Tensor]] = {}

    def recorder(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def record(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            seen[name] = (inputs[0].detach(), output)

        return record

    handles = [layer.register_forward_hook(recorder(name)) for name, layer in layers.items()]
    try:
        total = objective(model(x), y)
    finally:
        for handle in handles:
            handle.remove()
    deltas = torch.autograd.grad(total, [output for _, output in seen.values()])
    return {
        name: (before, delta)
        for (name, (before, _)), delta in zip(seen.items(), deltas, strict=True)
    }
