"""Finds where a number first was not finite, for the error message of a run that diverged."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from metabit.trainer.networks.layers import Normalization
from metabit.trainer.networks.network import BinaryNetwork, Network


class Diverged(Exception):
    """A number that training needs is not finite; the message says which. No weight has moved."""


def first_bad_values(model: Network) -> str | None:
    """The first layer with a number that is not finite, in words; None if all are finite."""
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if not torch.isfinite(tensor).all():
            weights = "hidden weights" if isinstance(model, BinaryNetwork) else "weights"
            what = weights if name in model.weights else "normalisation or offsets"
            return f"{_layer(model, name)}, {what}"
    return None


def first_bad_state(model: Network, state: Mapping[str, Tensor]) -> str | None:
    """The first tensor of a method's state with a number that is not finite; None if none has."""
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            what, _, parameter = name.partition("/")
            return f"the method's {what} of {_layer(model, parameter)}"
    return None


@torch.no_grad()
def first_bad_sums(model: Network, x: Tensor) -> str:
    """The first layer whose output is not finite for the batch `x`, whose loss was not finite."""
    finite: dict[str, bool] = {}

    def watch(name: str, module: nn.Module) -> RemovableHandle:
        def note(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            finite[name] = bool(torch.isfinite(output).all())

        return module.register_forward_hook(note)

    watched = [*_weight_layers(model), *_normalizations(model)]
    handles = [watch(name, model.get_submodule(name)) for name in watched]
    try:
        model(x)
    finally:
        for handle in handles:
            handle.remove()
    n_layers = len(model.weights)
    for name, is_finite in finite.items():  # in the order in which they ran
        if not is_finite:
            return f"{_layer(model, name + '.')} of {n_layers}"
    return f"the scores of layer {n_layers}, which are too large"


def _layer(model: Network, parameter: str) -> str:
    """The layer of a parameter or buffer, counted from 1; the parameter's name if it has none."""
    for modules in (_weight_layers(model), _normalizations(model)):
        for number, module in enumerate(modules, start=1):
            if parameter.startswith(f"{module}."):
                return f"layer {number}"
    return parameter


def _weight_layers(model: Network) -> list[str]:
    return [name.rpartition(".")[0] for name in model.weights]


def _normalizations(model: Network) -> list[str]:
    return [name for name, module in model.named_modules() if isinstance(module, Normalization)]
