"""[network] of a recipe."""

from __future__ import annotations

from dataclasses import dataclass

from metabit.trainer.tables import require, require_choice

BANKS = ("task", "shared")


@dataclass(frozen=True)
class NetworkRecipe:
    """[network]: the binary multilayer perceptron.

    Attributes:
        hidden: widths of the hidden layers.
        affine: whether normalisation learns a scale and an offset.
        banks: "task" for a normalisation bank per task, "shared" for one in all.
        init_width: hidden weights start uniformly in [-init_width / 2, init_width / 2].
    """

    hidden: tuple[int, ...]
    affine: bool = True
    banks: str = "shared"
    init_width: float = 0.1

    def __post_init__(self) -> None:
        require_choice("[network] banks", self.banks, BANKS)
        widths_are_good = all(1 <= width <= 65536 for width in self.hidden)
        require(widths_are_good, "[network] hidden", self.hidden, "widths must be 1 to 65536")
        require(self.init_width > 0, "[network] init_width", self.init_width, "must be above 0")
