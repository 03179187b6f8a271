"""Powers of per-sample gradients, summed over samples without one backward pass per sample.

The gradient of a linear layer y = W x for sample k is delta_k x_k^T, where delta_k is the gradient
of the objective with respect to y. The sum over samples of a power of its entries is then a single
matrix product, and exact:

    sum_k |dF_k / dW|     = |delta|^T |x|
    sum_k (dF_k / dW)^2   = (delta^2)^T (x^2)

A convolution uses a weight at many positions p, and the gradient for a sample is the sum over them,

    dF_k / dW = sum_p delta_kp patch_kp^T       and of its bias    dF_k / db = sum_p delta_kp

The power is taken of that sum, so gradients are formed sample by sample, in one batched product.

The objective of a batch must be a sum over its samples, and the result for a sample must not depend
on the other samples. Therefore the network runs in evaluation mode, in which normalisation uses its
running statistics.

Hidden weights have the gradient of their binary weights (straight through), so `BinaryLinear` is a
linear layer like any other, and so is `torch.nn.Linear` with its bias. Dense layers and
convolutions are supported, binary and real-valued; other layers with weights are refused.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from metabit.errors import InputError
from metabit.trainer.methods.base import evaluating
from metabit.trainer.networks.conv import Convolution
from metabit.trainer.networks.layers import BinaryLinear

CHUNK = 512
"""Number of samples at a time, to limit memory; sums over chunks are kept in float64."""

MAP_CHUNK = 64
"""The same for convolutions, whose unfolded patches are many times larger than their input."""

LARGEST = 2**24
"""Largest number of values of per-sample gradients of a convolution that are kept at a time."""

Objective = Callable[[Tensor, Tensor], Tensor]
"""Function of scores (n, n_classes) and labels (n,) of a chunk; a scalar, summed over samples."""


def weighted_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Layers that multiply by a weight and are not frozen, by name, in order.

    Raises:
        InputError: another kind of layer has weights, whose importance would be missing.
    """
    layers: dict[str, nn.Module] = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, (BinaryLinear, Convolution, nn.Linear))
        and module.weight.requires_grad
    }
    known = {id(p) for layer in layers.values() for p in layer.parameters()}
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1 and parameter.requires_grad and id(parameter) not in known:
            raise InputError(
                f"{name}: per-sample importance is there for linear layers and metabit's "
                "convolutions only; use replay or metaplastic with this network",
                code="E-METHOD",
            )
    return layers


def protected(model: nn.Module) -> dict[str, nn.Parameter]:
    """Weights and biases of layers that multiply, by name: the parameters that have an importance.

    Normalisation is not among them. Its statistics change anyway, and in a binary network its few
    parameters can belong to a task.
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
        model: the network, which gets back its mode afterwards.
        x: what the network reads, samples first.
        y: labels for the objective, shape (n,).
        objective: the function that is differentiated.
        power: 1 or 2.

    Returns:
        by parameter name, in the shape and type of the parameter.

    Reference:
        Goodfellow 2015, "Efficient per-example gradient computations".
    """
    layers = weighted_layers(model)
    has_maps = any(isinstance(layer, Convolution) for layer in layers.values())
    size = MAP_CHUNK if has_maps else CHUNK
    kinds = protected(model)
    totals = {name: torch.zeros_like(p, dtype=torch.float64) for name, p in kinds.items()}
    with evaluating(model):
        for inputs, labels in zip(torch.split(x, size), torch.split(y, size), strict=True):
            seen = _one_pass(model, layers, inputs, labels, objective)
            for name, (before, delta) in seen.items():
                layer = layers[name]
                if isinstance(layer, Convolution):
                    totals[f"{name}.weight"] += _over_positions(layer, before, delta, power)
                    delta = delta.sum((2, 3))
                else:
                    totals[f"{name}.weight"] += (delta.abs() ** power).T @ before.abs() ** power
                if f"{name}.bias" in totals:
                    totals[f"{name}.bias"] += (delta.abs() ** power).sum(0)
    return {name: (total / len(x)).to(kinds[name].dtype) for name, total in totals.items()}


def _over_positions(layer: Convolution, before: Tensor, delta: Tensor, power: int) -> Tensor:
    """Sum over samples of |gradient| ** power for the weight of a convolution, in its shape.

    Args:
        layer: the convolution.
        before: its input, (n, n_in, rows, columns).
        delta: the gradient at its output, (n, n_out, rows, columns).
        power: 1 or 2.
    """
    total = torch.zeros_like(layer.weight, dtype=before.dtype).flatten(1)
    size = max(1, LARGEST // layer.weight.numel())
    for inputs, errors in zip(torch.split(before, size), torch.split(delta, size), strict=True):
        gradients = errors.flatten(2) @ layer.patches(inputs).transpose(1, 2)
        total += (gradients.abs() ** power).sum(0)
    return total.reshape(layer.weight.shape)


def _one_pass(
    model: nn.Module, layers: dict[str, nn.Module], x: Tensor, y: Tensor, objective: Objective
) -> dict[str, tuple[Tensor, Tensor]]:
    """Input of each layer, and gradient of the objective at its output; samples first."""
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
