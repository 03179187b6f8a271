"""The keys that dgm adds to [method]; `method_options.py` has the keys of all other methods."""

from __future__ import annotations

from dataclasses import dataclass

from metabit.trainer.recipe.method import MIXED_BATCH, MethodRecipe
from metabit.trainer.recipe.tables import require, require_choice

GENERATOR_MASKS = ("weights", "units")
"""What the masks of dgm's generator select."""

GENERATOR_LAYERS = ("dense", "conv")
"""Kinds of layers of dgm's generator and critic."""


@dataclass(frozen=True)
class DgmOptions(MethodRecipe):
    """[method] with name = "dgm".

    Attributes:
        variant: "weights" for a mask on every weight, "units" for a mask on every hidden unit.
        layers: kind of the generator's layers: "dense", or "conv" for images.
        noise: random numbers that a sample is drawn from, in addition to the code of its class.
        generator: widths of the generator's hidden layers at the start.
        critic: widths of the critic's hidden layers.
        critic_layers: kind of the critic's layers: "dense", or "conv" for images, whose sides each
            layer halves.
        generator_lr, critic_lr: their learning rates, which fall to 0 in the second half of a task.
        gradient_penalty: factor of the critic's gradient penalty.
        mask_strength: factor of the penalty that keeps masks sparse.
        class_strength: factor of the critic's class head; 0 leaves the head out.
        s_max: slope of the masks at the end of a task.
        grow: after a task, enlarge the generator by as much as the task has reserved.
        replayed: drawn samples of each earlier task in a step; 0 takes as many as the stream gives.
        drawn: samples that are drawn of each earlier task when a new task begins; 0 draws as many
            as the new task has.
        input_noise: standard deviation of normal noise that is added to all training samples, as a
            share of the range of values. It hides what tells drawn samples from real ones.
    """

    @property
    def needs_shared_bank(self) -> str:
        """Why the method cannot work with a normalisation bank per task; empty where it can."""
        return MIXED_BATCH

    variant: str = "weights"
    layers: str = "dense"
    noise: int = 32
    generator: tuple[int, ...] = (64, 128)
    critic: tuple[int, ...] = (256, 128)
    critic_layers: str = "dense"
    generator_lr: float = 0.002
    critic_lr: float = 0.002
    gradient_penalty: float = 1.0
    mask_strength: float = 0.1
    class_strength: float = 1.0
    s_max: float = 1e4
    grow: bool = True
    replayed: int = 0
    drawn: int = 0
    input_noise: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_choice("[method] variant", self.variant, GENERATOR_MASKS)
        require_choice("[method] layers", self.layers, GENERATOR_LAYERS)
        require_choice("[method] critic_layers", self.critic_layers, GENERATOR_LAYERS)
        for key in ("generator", "critic"):
            widths = getattr(self, key)
            good = bool(widths) and all(1 <= width <= 65536 for width in widths)
            require(good, f"[method] {key}", widths, "needs one width or more, from 1 to 65536")
        require(self.noise >= 1, "[method] noise", self.noise, "must be 1 or more")
        for key in ("generator_lr", "critic_lr"):
            value = getattr(self, key)
            require(value > 0, f"[method] {key}", value, "must be above 0")
        strengths = ("gradient_penalty", "mask_strength", "class_strength")
        for key in (*strengths, "replayed", "drawn", "input_noise"):
            value = getattr(self, key)
            require(value >= 0, f"[method] {key}", value, "must be 0 or more")
        require(self.s_max > 1, "[method] s_max", self.s_max, "must be above 1")

    def cannot_read(self, input_shape: tuple[int, ...]) -> str:
        """Why the generator cannot draw samples of this shape; empty where it can."""
        height, width = input_shape[-2:] if len(input_shape) in (2, 3) else (0, 0)
        if self.critic_layers == "conv" and min(height, width) < 2 ** len(self.critic):
            return (
                f'critic_layers = "conv" with {len(self.critic)} hidden layers halves sides so '
                f"often, and samples have shape {input_shape}: use fewer layers, or critic_layers "
                '= "dense"'
            )
        factor = 2 ** len(self.generator)
        if self.layers == "dense" or (height >= factor and height % factor == width % factor == 0):
            return ""
        return (
            f'layers = "conv" with {len(self.generator)} hidden layers draws images whose sides '
            f"are multiples of {factor}, and samples have shape {input_shape}: use another number "
            'of layers, or layers = "dense"'
        )
