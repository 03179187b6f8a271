"""A candidate: a network after a front end."""

from __future__ import annotations

from dataclasses import dataclass

from metabit.trainer.recipe import Recipe
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.recipe.frontend import FrontEndRecipe
from metabit.trainer.recipe.method_options import MetaplasticOptions
from metabit.trainer.recipe.network import NetworkRecipe
from metabit.trainer.recipe.train import TrainRecipe

BATCH = 64
M = 12.0
"""Metaplasticity that networks are trained with; recipes/README.md has what it is good for."""


@dataclass(frozen=True)
class Candidate:
    """A network after a front end.

    Attributes:
        front: name of the front end.
        frontend: the front end; None for samples as they are.
        network: the network.
        n_inputs, n_classes: values that it reads, and its outputs.
    """

    front: str
    frontend: FrontEndRecipe | None
    network: NetworkRecipe
    n_inputs: int
    n_classes: int

    @property
    def shape(self) -> str:
        """Its layers in words: "156-128-12", or "conv 16 32, 64-10"."""
        dense = "-".join(map(str, (*self.network.hidden, self.n_classes)))
        if not self.network.convolutions:
            return f"{self.n_inputs}-{dense}"
        return f"conv {' '.join(str(c) for c, _, _ in self.network.convolutions)}, {dense}"

    @property
    def label(self) -> str:
        """What it is, in words."""
        return f"{self.front}: {self.shape}"

    def recipe(self, name: str, data: DataRecipe, epochs: int, seed: int) -> Recipe:
        """The recipe that trains it."""
        return Recipe(
            name=name,
            data=data,
            network=self.network,
            method=MetaplasticOptions(m=M),
            train=TrainRecipe(epochs=epochs, batch=BATCH, seed=seed, checkpoint_steps=2000),
            frontend=self.frontend,
        )
