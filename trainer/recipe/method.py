"""[method] of a recipe: the keys that every method has."""

from __future__ import annotations

from dataclasses import dataclass

from metabit.trainer.recipe.tables import refuse, require, require_choice

OPTIMIZERS = ("adam", "sgd")

MIXED_BATCH = "a batch has samples of many tasks"
"""Why methods that mix old samples into a batch cannot work with a bank per task."""


@dataclass(frozen=True)
class MethodRecipe:
    """[method]: how the weights are moved. These are the keys of every method.

    A method with further keys extends this class: see `method_options.py`.

    Attributes:
        name: name of the method, which is a file of trainer/methods/ or was given to `register`.
        optimizer: "adam" or "sgd".
        lr: learning rate.
        lr_decay: factor of the learning rate after every `lr_decay_epochs` epochs. Each task begins
            with `lr` again, and so does each phase of a task.
        lr_decay_epochs: see `lr_decay`.
        momentum: momentum of sgd.
        weight_decay: this factor times the hidden weight is added to the gradient.
        reset_optimizer: start every task with a new optimizer.
    """

    name: str = "metaplastic"
    optimizer: str = "adam"
    lr: float = 0.005
    lr_decay: float = 1.0
    lr_decay_epochs: int = 1
    momentum: float = 0.0
    weight_decay: float = 0.0
    reset_optimizer: bool = False

    def __post_init__(self) -> None:
        require_choice("[method] optimizer", self.optimizer, OPTIMIZERS)
        require(self.lr > 0, "[method] lr", self.lr, "must be above 0")
        require(0 < self.lr_decay <= 1, "[method] lr_decay", self.lr_decay, "must be in (0, 1]")
        epochs = self.lr_decay_epochs
        require(epochs >= 1, "[method] lr_decay_epochs", epochs, "must be 1 or more")
        require(
            0 <= self.momentum < 1, "[method] momentum", self.momentum, "must be 0 or more, below 1"
        )
        if self.momentum and self.optimizer != "sgd":
            raise refuse('[method] momentum belongs to optimizer = "sgd"; adam has its own')
        require(
            self.weight_decay >= 0, "[method] weight_decay", self.weight_decay, "must be 0 or more"
        )

    def lr_at(self, epoch: int) -> float:
        """Learning rate in an epoch of a phase, counted from 0."""
        return self.lr * self.lr_decay ** (epoch // self.lr_decay_epochs)

    @property
    def m(self) -> float | tuple[float, ...]:
        """Metaplasticity coefficient; 0 for methods that do not have one."""
        return 0.0

    @property
    def needs_shared_bank(self) -> str:
        """Why the method cannot work with a normalisation bank per task; empty where it can."""
        return ""

    @property
    def needs_binary(self) -> str:
        """Why the method cannot work with a real-valued network; empty where it can."""
        return ""

    @property
    def needs_real(self) -> str:
        """Why the method cannot work with a binary network; empty where it can."""
        return ""

    def cannot_read(self, input_shape: tuple[int, ...]) -> str:
        """Why the method cannot work with samples of this shape; empty where it can."""
        return ""

    @property
    def every_samples(self) -> int | None:
        """Samples between two consolidations; None means at the end of each task."""
        return None


@dataclass(frozen=True)
class ConsolidatingRecipe(MethodRecipe):
    """[method] of a method that consolidates.

    Attributes:
        consolidate_samples: consolidate after so many samples of the stream, wherever its tasks
            end. Default: at the end of each task.
    """

    consolidate_samples: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.consolidate_samples is not None:
            rule = "must be 1 or more"
            key = "[method] consolidate_samples"
            require(self.consolidate_samples >= 1, key, self.consolidate_samples, rule)

    @property
    def every_samples(self) -> int | None:
        """Samples between two consolidations; None means at the end of each task."""
        return self.consolidate_samples
