"""Memory aware synapses: the importance of a weight is how sensitive the outputs are to it.

    global   importance = mean over samples of |d ||scores||^2 / d weight|
    local    importance_ij = |mean over samples of y_i * x_j|   (Hebb's rule)

The penalty is the quadratic one. Labels are not used, so `measure` can take any samples: importance
can be measured on what a device sees in use, and what matters there is then protected.

Paper: Aljundi, Babiloni, Elhoseiny, Rohrbach and Tuytelaars 2018, "Memory aware synapses: learning
what (not) to forget".

What differs:
* Global importance is the exact mean over samples (see `per_sample`). The authors sum over batches
  of 200 samples before they take the absolute value, so that gradients of opposite sign cancel.
* Local importance is there for binary networks and for convolutions too (see `local_importance`).
* accumulate = "task-end" adds the importance of the samples that the schedule gives. "online" adds
  the mean over the batches of training, each at the weights of that step, so that no sample is
  needed twice.
* accumulate = "again" measures the importance for all tasks so far anew at the end of each task,
  as the paper describes it; its code adds, as "task-end" does.
* measure_on = "test" measures on the test samples of a task, never on their labels, and
  measure_classes on samples of some classes only: a condition of use without the others.
* Importances of several consolidations are added, and the output layer is protected like every
  layer. Only the scores of classes that compete in the task count (see `outputs`), so new classes
  of a growing head and heads of other tasks stay free.

Bytes: importance and anchor, 8 per weight; online 4 more per weight, and one batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from metabit.errors import InputError
from metabit.trainer.methods.base import Setting, parts_of
from metabit.trainer.methods.local_importance import local_importance, require_local
from metabit.trainer.methods.per_sample import mean_power, protected
from metabit.trainer.methods.quadratic import QuadraticMethod
from metabit.trainer.recipe.method_options import MasOptions
from metabit.trainer.recipe.registry import register


def global_importance(model: nn.Module, inputs: Tensor, columns: Tensor) -> dict[str, Tensor]:
    """Mean over samples of |gradient of the squared length of the scores|, by parameter name.

    Args:
        model: the network. It runs in evaluation mode, and gets back its mode afterwards.
        inputs: what the network reads, samples first.
        columns: the classes whose scores count, int64.
    """
    none = torch.zeros(len(inputs), dtype=torch.int64, device=inputs.device)
    return mean_power(model, inputs, none, lambda s, _: (s[:, columns] ** 2).sum(), power=1)


def importance_of(
    rule: str, model: nn.Module, inputs: Tensor, columns: Tensor
) -> dict[str, Tensor]:
    """Importance by parameter name, by the rule "global" or "local"; arguments as the two have."""
    if rule == "global":
        return global_importance(model, inputs, columns)
    return local_importance(model, inputs, columns)


@register
class Mas(QuadraticMethod):
    """Importance from scores or from coincident activity, with the quadratic penalty."""

    name = "mas"
    Options = MasOptions

    def __init__(self, options: Any, model: nn.Module, setting: Setting) -> None:
        super().__init__(options, model, setting)
        if options.rule == "local":
            require_local(model)
        self.running = {name: torch.zeros_like(p).detach() for name, p in protected(model).items()}
        self.n_running = torch.zeros(1, dtype=torch.int64)
        self._batch: Tensor | None = None

    @property
    def can_repeat(self) -> bool:
        """Steps are alike unless they collect importance."""
        return not self.is_online

    @property
    def is_online(self) -> bool:
        """Whether importance is collected while training."""
        return bool(self.options.accumulate == "online")

    def measure(self, model: nn.Module, x: Tensor, task: int) -> dict[str, Tensor]:
        """Importance of every weight for these samples, which need no labels.

        Args:
            model: the network, which gets back its mode afterwards.
            x: uint8 or int8, shape (n, n_inputs).
            task: the task whose outputs count; with a single head it makes no difference.
        """
        inputs, columns = self.inputs(x), self.setting.outputs.columns(task)
        return importance_of(self.options.rule, model, inputs, columns)

    def batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Keep the batch for `after_step`, if importance is collected online."""
        if self.is_online:
            self._batch = x
        return x, y

    def after_step(self, model: nn.Module) -> None:
        """Add this batch to the running mean, if importance is collected online."""
        x, self._batch = self._batch, None
        if x is None:
            return
        self.n_running += len(x)
        for name, new in self.measure(model, x, self.setting.outputs.task).items():
            self.running[name] += (new - self.running[name]) * (len(x) / self.n_running.item())

    def consolidate(self, model: nn.Module, x: Tensor, y: Tensor, task: int) -> None:
        """Add the importance of these samples, or what was collected online."""
        if self.options.accumulate == "again":
            self.remember(model, self._of_all_tasks(model, task))
            return
        new = self.running if self.is_online else self._of_task(model, x, y, task)
        self.remember(model, {name: self.importance[name] + new[name] for name in new})
        self.running = {name: torch.zeros_like(t) for name, t in self.running.items()}
        self.n_running.zero_()

    def _of_all_tasks(self, model: nn.Module, task: int) -> dict[str, Tensor]:
        """The sum of the importances for all tasks up to this one, for the network as it is."""
        total = {name: torch.zeros_like(p).detach() for name, p in protected(model).items()}
        for earlier in range(task + 1):
            x, y = self.setting.samples(earlier)
            for name, new in self._of_task(model, x, y, earlier).items():
                total[name] += new
        return total

    def _of_task(self, model: nn.Module, x: Tensor, y: Tensor, task: int) -> dict[str, Tensor]:
        """Importance for the samples that the recipe names; labels only say what is left out."""
        if self.options.measure_on == "test":
            x, y = self.setting.test_samples(task)
        if self.options.measure_classes:
            x = x[torch.isin(y, self._labels_to_measure(task, y))]
            if len(x) == 0:
                raise InputError(
                    f"[method] measure_classes = {list(self.options.measure_classes)}: task "
                    f"{task + 1} has no sample of these classes",
                    code="E-METHOD",
                )
        return self.measure(model, x, task)

    def _labels_to_measure(self, task: int, y: Tensor) -> Tensor:
        """The labels of measure_classes; where each task has a head of its own, its k-th label is
        class k."""
        wanted = torch.tensor(self.options.measure_classes, device=y.device)
        if self.setting.outputs.kind != "task":
            return wanted
        head = self.setting.outputs.columns(task)
        return head[wanted[wanted < len(head)]]

    def state(self) -> dict[str, Tensor]:
        """Importance and anchor; online, the running mean and its number of samples too."""
        if not self.is_online:
            return super().state()
        running = {f"running/{name}": tensor for name, tensor in self.running.items()}
        return {**super().state(), **running, "running/n": self.n_running}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `state` gave."""
        super().load_state(tensors)
        if self.is_online:
            read = parts_of("running", tensors)
            self.running = {name: read[name] for name in self.running}
            self.n_running = read["n"]
