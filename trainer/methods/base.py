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

A method of several phases drives the loop itself, with three more hooks: `phases` and `start_phase`
cut a task into stretches of epochs with something to do before each, and `step` is a whole training
step, by default the one above. What is to be different while a task is tested, `asked` does.

Samples are given as the data set stores them, uint8 or int8, shape (n, n_inputs); `inputs` makes of
them what the network sees.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from metabit.trainer.networks.network import Network
from metabit.trainer.networks.outputs import Outputs, single_head
from metabit.trainer.optim import MetaplasticAdam, MetaplasticSGD, parameter_groups
from metabit.trainer.recipe.method import MethodRecipe
from metabit.trainer.runs.diagnosis import Diverged, first_bad_sums

Samples = Callable[[int], tuple[Tensor, Tensor]]
"""From the index of a task to its training samples as stored, (n, n_inputs), and labels, (n,)."""


def _no_samples(task: int) -> tuple[Tensor, Tensor]:
    raise LookupError(f"no samples of task {task}: this method was made without a stream")


@dataclass(frozen=True)
class Setting:
    """What a method is told of the run it serves.

    Attributes:
        n_tasks: tasks in the stream.
        zero_point: the stored integer that stands for zero.
        seed: of the method's own random numbers.
        epochs: passes over the samples of a task that the recipe asks for.
        dtype: of the stored samples, "uint8" or "int8".
        input_shape: of a sample, before it is made flat.
        outputs: the classes that compete for a sample; it knows the task being learnt.
        samples: training samples of a task, made again from the stream.
    """

    n_tasks: int = 1
    zero_point: int = 0
    seed: int = 0
    epochs: int = 1
    dtype: str = "uint8"
    input_shape: tuple[int, ...] = ()
    outputs: Outputs = field(default_factory=lambda: single_head(10))
    samples: Samples = field(default=_no_samples, compare=False)

    @property
    def n_classes(self) -> int:
        """Outputs of the network."""
        return self.outputs.n_classes


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

    def optimizer(self, model: Network) -> torch.optim.Optimizer:
        """A fresh optimizer of the kind that this method wants."""
        return plain_optimizer(self.options, model)

    def batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The samples and labels to train on in this step, in place of those of the stream.

        Args:
            x: uint8 or int8, shape (n, n_inputs).
            y: int64, shape (n,).
        """
        return x, y

    def penalty(self, model: Network) -> Tensor | None:
        """A scalar to be added to the loss; None where there is nothing to protect yet."""
        return None

    def gradients(self, model: Network) -> None:
        """Read or change the gradients of loss and penalty, in place."""

    def after_step(self, model: Network) -> None:
        """Read or change the weights after a step, in place."""

    def consolidate(self, model: Network, x: Tensor, y: Tensor, task: int) -> None:
        """Remember what has just been learnt.

        Args:
            model: the network, in training mode, with the task's bank active.
            x: samples since the schedule last fired: the whole task, or the last N that were
                trained on. uint8 or int8, shape (n, n_inputs).
            y: their labels, int64, shape (n,).
            task: index of the task.
        """

    def phases(self, task: int) -> tuple[int, ...]:
        """Epochs of each phase of a task."""
        return (self.setting.epochs,)

    def start_phase(self, model: Network, x: Tensor, y: Tensor, task: int, phase: int) -> None:
        """Prepare a phase, before its first epoch.

        Args:
            model: the network, in training mode, with the task's bank active.
            x: all samples of the task. uint8 or int8, shape (n, n_inputs).
            y: their labels, int64, shape (n,).
            task, phase: both from 0.
        """

    def step(self, model: Network, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> float:
        """One training step on samples of the stream; returns the loss, penalty included.

        Args:
            model: the network, in training mode.
            optimizer: what `optimizer` made.
            x: uint8 or int8, shape (n, n_inputs).
            y: int64, shape (n,).

        Raises:
            Diverged: loss or penalty is not finite; nothing has moved.
        """
        optimizer.zero_grad()
        x, y = self.batch(x, y)
        inputs = self.inputs(x)
        loss = self.setting.outputs.loss(model(inputs), y)
        if not torch.isfinite(loss):
            bad = first_bad_sums(model, inputs)
            raise Diverged(f"the loss is {loss.item()}, because of {bad}")
        penalty = self.penalty(model)
        if penalty is not None:
            if not torch.isfinite(penalty):
                raise Diverged(f"the penalty of the method is {penalty.item()}")
            loss = loss + penalty
        loss.backward()  # type: ignore[no-untyped-call]
        self.gradients(model)
        optimizer.step()
        self.after_step(model)
        return loss.item()

    def asked(self, model: Network, task: int) -> contextlib.AbstractContextManager[None]:
        """Around every test of a task: what is to be different in the network meanwhile.

        Args:
            model: the network, as it is after its last step; to be put back at the end.
            task: whose samples are labelled, from 0; a later one than that being learnt too.
        """
        return contextlib.nullcontext()

    def facts(self) -> dict[str, float]:
        """Numbers of the method's own that are worth a place in metrics.json, by name."""
        return {}

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
    options: MethodRecipe, model: Network, m: float | tuple[float, ...] = 0.0
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
