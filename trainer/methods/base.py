"""What a method of continual learning is: at most five verbs, all optional.

The training loop calls them at fixed places and knows nothing else of a method:

    x, y = method.batch(x, y)                   what the step is trained on
    loss = cross_entropy(model(x), y)
    loss = loss + method.penalty(model)         what the step must not change
    loss.backward()
    method.gradients(model)                     before the optimizer reads the gradients
    optimizer.step()
    method.after_step(model)                    after the weights have moved

    method.consolidate(model, x, y, task)       when the schedule says so

The schedule fires at the end of each task, or after every so many samples whatever the tasks are
(recipe key `consolidate_samples`), so one method serves streams with and without task boundaries.

Samples are given as the data set stores them, uint8 or int8, shape (n, n_inputs); `inputs` makes of
them what the network sees.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from metabit.trainer.models import BinaryMLP
from metabit.trainer.optim import MetaplasticAdam, MetaplasticSGD, parameter_groups
from metabit.trainer.recipe_method import MethodRecipe


@dataclass(frozen=True)
class Setting:
    """What a method is told of the run it serves.

    Attributes:
        n_tasks: tasks in the stream.
        zero_point: the stored integer that stands for zero.
        seed: of the method's own random numbers.
    """

    n_tasks: int = 1
    zero_point: int = 0
    seed: int = 0


class Method:
    """A method that does nothing; every verb may be overridden.

    Args:
        options: the recipe's [method] table, an instance of `Options`.
        model: the network to be trained.
        setting: the run.

    Attributes:
        name: what a recipe calls it.
        Options: frozen dataclass of the keys that [method] may hold.
    """

    name: ClassVar[str]
    Options: ClassVar[type[MethodRecipe]] = MethodRecipe

    def __init__(self, options: Any, model: nn.Module, setting: Setting) -> None:
        self.options = options
        self.setting = setting

    def optimizer(self, model: BinaryMLP) -> torch.optim.Optimizer:
        """A fresh optimizer of the kind that this method wants."""
        return plain_optimizer(self.options, model)

    def batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The samples and labels to train on in this step, in place of those of the stream.

        Args:
            x: uint8 or int8, shape (n, n_inputs).
            y: int64, shape (n,).
        """
        return x, y

    def penalty(self, model: BinaryMLP) -> Tensor | None:
        """A scalar to be added to the loss; None where there is nothing to protect yet."""
        return None

    def gradients(self, model: BinaryMLP) -> None:
        """Read or change the gradients of loss and penalty, in place."""

    def after_step(self, model: BinaryMLP) -> None:
        """Read or change the weights after a step, in place."""

    def consolidate(self, model: BinaryMLP, x: Tensor, y: Tensor, task: int) -> None:
        """Remember what has just been learnt.

        Args:
            model: the network, in training mode, with the task's bank active.
            x: samples since the schedule last fired: the whole task, or the last N that were
                trained on. uint8 or int8, shape (n, n_inputs).
            y: their labels, int64, shape (n,).
            task: index of the task.
        """

    def state(self) -> dict[str, Tensor]:
        """Everything kept from step to step, by the name "field/part", for exact resuming."""
        return {}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `state` gave. Raises KeyError where something is missing."""

    def state_bytes(self) -> dict[str, int]:
        """Bytes in RAM during training beyond network and optimizer, by field.

        What lives only within one step is included where a subclass keeps it between two verbs.
        """
        sizes: dict[str, int] = {}
        for name, tensor in self.state().items():
            kind = name.partition("/")[0]
            sizes[kind] = sizes.get(kind, 0) + tensor.nbytes
        return sizes

    def inputs(self, x: Tensor) -> Tensor:
        """What the network sees of stored samples: x - zero_point as float32."""
        return x.to(torch.float32) - self.setting.zero_point

    @classmethod
    def consolidates(cls) -> bool:
        """Whether the schedule needs to keep samples for this method."""
        return cls.consolidate is not Method.consolidate


def plain_optimizer(
    options: MethodRecipe, model: BinaryMLP, m: float | tuple[float, ...] = 0.0
) -> torch.optim.Optimizer:
    """The optimizer of a recipe's [method]; with m = 0 it is PyTorch's own, bit for bit."""
    groups = parameter_groups(model, m)
    if options.optimizer == "adam":
        return MetaplasticAdam(groups, lr=options.lr, weight_decay=options.weight_decay)
    return MetaplasticSGD(
        groups, lr=options.lr, momentum=options.momentum, weight_decay=options.weight_decay
    )


def under(tensors: Mapping[str, Tensor], kind: str) -> dict[str, Tensor]:
    """The parts of one field of a state, by the part's name."""
    prefix = f"{kind}/"
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside, and afterwards whatever mode every part had before."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
