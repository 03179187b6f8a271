"""[train] of a recipe: how long and in which order."""

from __future__ import annotations

from dataclasses import dataclass

from metabit.trainer.recipe.tables import require, require_seed


@dataclass(frozen=True)
class TrainRecipe:
    """[train]: how long and in which order.

    Attributes:
        epochs: passes over the samples of each task.
        batch: samples a step. The last batch of an epoch may be smaller; one of a single sample is
            left out, because it has no variance to normalise with.
        seed: of the initial weights and the order of samples.
        prequential: label every sample before it is first learnt, and report how many were right.
        checkpoint_steps: steps between two checkpoints; there is one at the end of a task too.
    """

    epochs: int
    batch: int = 100
    seed: int = 0
    prequential: bool = False
    checkpoint_steps: int = 500

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "[train] epochs", self.epochs, "must be 1 or more")
        require(
            self.batch >= 2, "[train] batch", self.batch, "must be 2 or more (batch statistics)"
        )
        require_seed("[train] seed", self.seed)
        steps = self.checkpoint_steps
        require(steps >= 1, "[train] checkpoint_steps", steps, "must be 1 or more")
