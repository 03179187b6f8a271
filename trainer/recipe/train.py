"""[train] of a recipe: how long to train, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

from metabit.trainer.recipe.tables import require, require_choice, require_seed

DEVICES = ("cpu", "cuda", "auto")
STATISTICS = ("measured", "running")


@dataclass(frozen=True)
class TrainRecipe:
    """[train]: how long to train, and in which order.

    Attributes:
        epochs: passes over the samples of each task.
        batch: samples per step. The last batch of an epoch may be smaller; if it has only one
            sample it is left out, because a single sample has no variance to normalise with.
        seed: seed of the initial weights and of the order of samples.
        prequential: classify every sample before it is first learnt, and report the accuracy.
        norm_statistics: "measured": after the last step of a task, means and variances of
            normalisation are measured on training samples with the weights as they are. "running":
            they stay the averages over the last steps, in which weights have flipped. Methods that
            mix old samples into a batch keep those.
        checkpoint_steps: steps between two checkpoints. A task also ends with a checkpoint.
        device: "cpu", "cuda" for a graphics processor of NVIDIA, or "auto", which takes it where
            PyTorch finds one. The initial weights and the order of samples do not depend on it;
            sums are rounded in another order, so results differ.
    """

    epochs: int
    batch: int = 100
    seed: int = 0
    prequential: bool = False
    norm_statistics: str = "measured"
    checkpoint_steps: int = 500
    device: str = "cpu"

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "[train] epochs", self.epochs, "must be 1 or more")
        require(
            self.batch >= 2, "[train] batch", self.batch, "must be 2 or more (batch statistics)"
        )
        require_seed("[train] seed", self.seed)
        require_choice("[train] norm_statistics", self.norm_statistics, STATISTICS)
        steps = self.checkpoint_steps
        require(steps >= 1, "[train] checkpoint_steps", steps, "must be 1 or more")
        require_choice("[train] device", self.device, DEVICES)
