"""What a method of continual learning is: hooks of the training loop, every one optional.

Inside a training step, in this order:

    x, y = method.batch(x, y)                   which samples the step is trained on
    loss = cross_entropy(model(x), y)
    loss = loss + method.penalty(model)         what the step must not change
    loss.backward()
    method.gradients(model)                     before the optimizer reads the gradients
    optimizer.step()
    method.after_step(model)                    after the weights have moved

A method that needs another kind of step overrides `step`, which is the whole of the above, and one
that needs another optimizer overrides `optimizer`.

Around the steps of a task:

    method.phases(task)                         how many epochs, divided into phases
    method.start_phase(model, x, y, task, n)    before the first epoch of each phase
    method.consolidate(model, x, y, task)       remember what was learnt, when the schedule says so

The schedule consolidates at the end of each task or, with the recipe key `consolidate_samples`,
after every so many samples wherever tasks end. So one method serves streams with and without task
boundaries.

When something is measured: `while_tested` changes the network for the time that a task is tested,
`extra_metrics` adds numbers to metrics.json, and `state_bytes` says how much memory the method
uses. With `state` and `load_state` an interrupted run continues with the same bits.

Every hook gets samples as the data set stores them, uint8 or int8, shape (n, n_inputs); `inputs`
converts them to what the network reads.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from metabit.trainer.networks.diagnosis import Diverged, first_bad_sums
from metabit.trainer.networks.network import Network
from metabit.trainer.networks.outputs import Outputs, single_head
from metabit.trainer.optim import MetaplasticAdam, MetaplasticSGD, parameter_groups
from metabit.trainer.recipe.method import MethodRecipe
from metabit.trainer.recipe.registry import NamedMethod

DrawSamples = Callable[[int], tuple[Tensor, Tensor]]
"""Function of a task's index that gives its training samples as stored, (n, n_inputs), and labels,
(n,)."""


def _no_samples(task: int) -> tuple[Tensor, Tensor]:
    raise LookupError(f"no samples of task {task}: this method was made without a stream")


@dataclass(frozen=True)
class Setting:
    """What a method is told about the run that it takes part in.

    Attributes:
        n_tasks: number of tasks in the stream.
        zero_point: the stored integer that stands for zero.
        seed: seed of the method's own random numbers.
        epochs: passes over the samples of a task that the recipe asks for.
        dtype: type of the stored samples, "uint8" or "int8".
        input_shape: shape of a sample before it is flattened.
        outputs: which classes compete for a sample; it knows the task that is being learnt.
        samples: gives the training samples of a task, made again from the stream.
        test_samples: gives its test samples, for methods that may see them without labels.
    """

    n_tasks: int = 1
    zero_point: int = 0
    seed: int = 0
    epochs: int = 1
    dtype: str = "uint8"
    input_shape: tuple[int, ...] = ()
    outputs: Outputs = field(default_factory=lambda: single_head(10))
    samples: DrawSamples = field(default=_no_samples, compare=False)
    test_samples: DrawSamples = field(default=_no_samples, compare=False)

    @property
    def n_classes(self) -> int:
        """Number of outputs of the network."""
        return self.outputs.n_classes


class Method(NamedMethod):
    """A method that does nothing: plain training. Subclasses override the hooks that they need.

    Args:
        options: the recipe's [method] table, an instance of `Options`.
        model: the network that will be trained.
        setting: the run.
    """

    def __init__(self, options: Any, model: nn.Module, setting: Setting) -> None:
        self.options = options
        self.setting = setting

    def optimizer(self, model: Network) -> torch.optim.Optimizer:
        """A fresh optimizer of the kind that this method needs."""
        return plain_optimizer(self.options, model)

    def batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The samples and labels that a step is trained on, made from a batch of the stream.

        Args:
            x: uint8 or int8, shape (n, n_inputs).
            y: int64, shape (n,).
        """
        return x, y

    def penalty(self, model: Network) -> Tensor | None:
        """A scalar that is added to the loss; None while there is nothing to protect.

        One without a graph is only reported, and `gradients` adds its gradient. That saves time
        where the gradient has a closed form.
        """
        return None

    def gradients(self, model: Network) -> None:
        """Read or change, in place, the gradients of loss and penalty."""

    def after_step(self, model: Network) -> None:
        """Read or change, in place, the weights after the optimizer has moved them."""

    def consolidate(self, model: Network, x: Tensor, y: Tensor, task: int) -> None:
        """Remember what has just been learnt.

        Args:
            model: the network, in training mode, with the task's bank active.
            x: the samples since the last consolidation: the whole task, or the last N samples that
                were trained on. uint8 or int8, shape (n, n_inputs).
            y: their labels, int64, shape (n,).
            task: index of the task.
        """

    def phases(self, task: int) -> tuple[int, ...]:
        """Number of epochs in each phase of a task."""
        return (self.setting.epochs,)

    def start_phase(self, model: Network, x: Tensor, y: Tensor, task: int, phase: int) -> None:
        """Prepare a phase, before its first epoch.

        Args:
            model: the network, in training mode, with the task's bank active.
            x: all samples of the task. uint8 or int8, shape (n, n_inputs).
            y: their labels, int64, shape (n,).
            task, phase: indices, both from 0.
        """

    def step(self, model: Network, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> float:
        """Do one training step on samples of the stream; return the loss, penalty included.

        Args:
            model: the network, in training mode.
            optimizer: what `optimizer` returned.
            x: uint8 or int8, shape (n, n_inputs).
            y: int64, shape (n,).

        Raises:
            Diverged: loss or penalty is not finite; no weight has moved.
        """
        optimizer.zero_grad()
        x, y = self.batch(x, y)
        inputs = self.inputs(x)
        loss = self.setting.outputs.loss(model(inputs), y)
        if not torch.isfinite(loss):
            bad = first_bad_sums(model, inputs)
            raise Diverged(f"the loss is {loss.item()}, because of {bad}")
        penalty = self.penalty(model)
        if penalty is not None and not torch.isfinite(penalty):
            raise Diverged(f"the penalty of the method is {penalty.item()}")
        return self._move(model, optimizer, loss, penalty).item()

    def unseen_step(
        self, model: Network, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor
    ) -> Tensor:
        """Do the same step without a look at its numbers; return the loss as a tensor.

        Only so can a CUDA graph repeat a step: Python is not there to look. Arguments as of `step`.
        """
        optimizer.zero_grad()
        x, y = self.batch(x, y)
        loss = self.setting.outputs.loss(model(self.inputs(x)), y)
        return self._move(model, optimizer, loss, self.penalty(model))

    def _move(
        self,
        model: Network,
        optimizer: torch.optim.Optimizer,
        loss: Tensor,
        penalty: Tensor | None,
    ) -> Tensor:
        """Move the weights against the gradient; return the loss, penalty included."""
        total = loss if penalty is None else loss + penalty
        total.backward()  # type: ignore[no-untyped-call]
        self.gradients(model)
        optimizer.step()
        self.after_step(model)
        return total.detach()

    def while_tested(self, model: Network, task: int) -> contextlib.AbstractContextManager[None]:
        """A context in which the loop tests a task; inside it the network may be changed.

        Args:
            model: the network as it is after its last step. The context must leave it like that.
            task: index of the task whose samples are classified, from 0; it can be a later one than
                the task that is being learnt.
        """
        return contextlib.nullcontext()

    def extra_metrics(self) -> dict[str, float]:
        """Numbers that only this method has and that metrics.json shall contain, by name."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """Everything that the method keeps from step to step, by names of the form "field/part"."""
        return {}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned. Raises KeyError where something is missing."""

    def state_bytes(self) -> dict[str, int]:
        """Bytes of RAM that training needs beyond network and optimizer, by field.

        What lives only within one step is counted where a subclass keeps it between two hooks.
        """
        sizes: dict[str, int] = {}
        for name, tensor in self.state().items():
            field_name = name.partition("/")[0]
            sizes[field_name] = sizes.get(field_name, 0) + tensor.nbytes
        return sizes

    def inputs(self, x: Tensor) -> Tensor:
        """What the network reads of stored samples: x - zero_point as float32."""
        return x.to(torch.float32) - self.setting.zero_point

    @property
    def can_repeat(self) -> bool:
        """Whether all steps between two consolidations are the same operations on tensors.

        Then a CUDA graph can repeat them (see `metabit.trainer.repeated`). Where Python decides
        something in a step, draws random numbers, or keeps a new tensor for the next step, it
        cannot.
        """
        return False

    @classmethod
    def consolidates(cls) -> bool:
        """Whether the method has a `consolidate`, so that the schedule must keep samples for it."""
        return cls.consolidate is not Method.consolidate


def plain_optimizer(
    options: MethodRecipe,
    model: Network,
    m: float | tuple[float, ...] = 0.0,
    window: bool = False,
) -> torch.optim.Optimizer:
    """The optimizer that [method] asks for; with m = 0 its steps have the bits of PyTorch's own."""
    groups = parameter_groups(model, m, window)
    if options.optimizer == "adam":
        return MetaplasticAdam(groups, lr=options.lr, weight_decay=options.weight_decay)
    return MetaplasticSGD(
        groups, lr=options.lr, momentum=options.momentum, weight_decay=options.weight_decay
    )


def parts_of(field_name: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The parts of one field of a state, by the part's name."""
    prefix = f"{field_name}/"
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """A context in which the model is in evaluation mode; afterwards each part has its old mode."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
