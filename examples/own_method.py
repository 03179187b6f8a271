"""A method of continual learning of your own: stay near the weights of the task before.

    python examples/own_method.py

`register` makes it a name that recipes can use. Needs the extra `train`.
"""

from __future__ import annotations

import tempfile

import torch
from torch import Tensor

from metabit.trainer.loop import train
from metabit.trainer.methods.base import Method
from metabit.trainer.methods.per_sample import protected
from metabit.trainer.networks.network import Network
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.recipe.method import ConsolidatingRecipe
from metabit.trainer.recipe.registry import register

RECIPE = {
    "data": {"name": "digits", "stream": "permuted", "n_tasks": 3},
    "network": {"hidden": [128], "banks": "task"},
    "train": {"epochs": 5, "batch": 50, "seed": 1},
}


@register
class Stay(Method):
    """Penalise the squared distance to the weights at the end of the last task."""

    name = "stay"
    Options = ConsolidatingRecipe  # the keys of the recipe's [method] table
    anchor: dict[str, Tensor] | None = None

    def penalty(self, model: Network) -> Tensor | None:
        """Added to the loss of every step; None before there is a task to remember."""
        if self.anchor is None:
            return None
        now = protected(model)
        distances = [((now[k] - a) ** 2).sum() for k, a in self.anchor.items()]
        return 0.1 * torch.stack(distances).sum()

    def consolidate(self, model: Network, x: Tensor, y: Tensor, task: int) -> None:
        """Remember the weights as they are at the end of a task."""
        self.anchor = {k: p.detach().clone() for k, p in protected(model).items()}


if __name__ == "__main__":
    for name in ("naive", "stay"):
        recipe = RECIPE | {"name": name, "method": {"name": name, "lr": 0.005}}
        with tempfile.TemporaryDirectory() as folder:
            run = train(recipe_from_dict(recipe), f"{folder}/run")
            print(f"{name}: mean accuracy on three tasks {run.metrics['acc']:.1%}")
