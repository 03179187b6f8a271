"""Pruning of whole neurons, after which later tasks cannot disturb earlier ones through free ones.

A neuron, or the channel of a convolution, is pruned with all the weights and the bias that it
reads with. It is then always zero. A weight that leads from a neuron to a neuron, or to an output,
that an earlier task uses already stays zero for ever:

    zero where the first task of the reading neuron < the first task of the neuron that is read

So an earlier task never sees what a later task makes of its free neurons, while a later task may
read all neurons of earlier ones. Outputs have a first task only where each task has outputs of its
own; a single head reads all neurons, and what they become disturbs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from metabit.errors import InputError
from metabit.trainer.methods.per_sample import protected, weighted_layers
from metabit.trainer.networks.layers import Normalization
from metabit.trainer.networks.outputs import Outputs

NEVER = 2**15 - 1
"""Stands for the first task that uses a weight or a neuron, where no task uses it."""


def require_plain(model: nn.Module) -> None:
    """Raise InputError where a pruned neuron would not be zero."""
    if any(isinstance(module, Normalization) for module in model.modules()):
        raise InputError(
            "[method] neurons: a pruned neuron is zero only in a network without normalisation: "
            "use normalized = false",
            code="E-METHOD",
        )


def neuron_importance(importance: Mapping[str, Tensor], weight: str) -> Tensor:
    """Sum of the importances of what each neuron reads with, shape (n_out,).

    Args:
        importance: of weights and biases by parameter name.
        weight: name of the weight of a layer.
    """
    bias = f"{weight.removesuffix('weight')}bias"
    total = importance[weight].flatten(1).sum(1)
    return total + importance[bias] if bias in importance else total


def first_tasks(outputs: Outputs, device: torch.device) -> Tensor | None:
    """The first task of each output, int16, shape (n_classes,); None for a head that all share."""
    if outputs.kind != "task":
        return None
    first = [NEVER] * outputs.n_classes
    for task, group in reversed(list(enumerate(outputs.groups))):
        for label in group:
            first[label] = task
    return torch.tensor(first, dtype=torch.int16, device=device)


def zero_weights(
    model: nn.Module, since: Sequence[Tensor], outputs: Tensor | None
) -> dict[str, Tensor]:
    """Masks of the weights and biases that are zero, by parameter name.

    Args:
        model: the network.
        since: the first task of each neuron of each hidden layer, int16, (n_out,) each.
        outputs: the first task of each output; None where all tasks share them.
    """
    weights = protected(model)
    masks: dict[str, Tensor] = {}
    before: Tensor | None = None
    for name, own in zip(weighted_layers(model), [*since, outputs], strict=True):
        if own is None:
            break
        weight = weights[f"{name}.weight"]
        column = own.view(-1, *[1] * (weight.dim() - 1))
        mask = (column == NEVER).expand(weight.shape)
        if before is not None:
            # Maps are flattened with their channels innermost.
            read = before.repeat(weight.shape[1] // len(before))
            mask = mask | (read.view(1, -1, *[1] * (weight.dim() - 2)) > column)
        masks[f"{name}.weight"] = mask.clone()
        if f"{name}.bias" in weights:
            masks[f"{name}.bias"] = own == NEVER
        before = own
    return masks
