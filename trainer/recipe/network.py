"""[network] of a recipe."""

from __future__ import annotations

from dataclasses import dataclass, fields

from metabit.trainer.recipe.tables import refuse, require, require_choice

KINDS = ("binary", "real")
BANKS = ("task", "shared")
OUTPUTS = ("all", "seen")
NORMALIZATIONS = ("batch", "instance", "sample")
"""What mean and variance are taken of: a batch, each channel of a sample, or a whole sample."""


@dataclass(frozen=True)
class NetworkRecipe:
    """[network]: the network that learns.

    Attributes:
        kind: "binary", or "real" for a real-valued network to compare with.
        hidden: widths of the dense hidden layers, which follow the convolutions if there are any.
        convolutions: [channels, kernel size, pooling] of each convolution; pooling 1 means none.
        trunk: folder of a finished run. Its network is used with a new last layer, and all other
            layers are frozen. Binary only.
        banks: "task" for one normalisation bank per task, "shared" for a single bank.
        outputs: "all" if all classes compete, "seen" if the classes of the tasks so far compete (a
            growing head). In a stream with scenario = "task" each task has a head of its own.
        affine: whether normalisation learns a scale and an offset. Binary only.
        init_width: hidden weights start uniformly in [-init_width / 2, init_width / 2]. Binary
            only.
        normalized: whether hidden layers are normalised, as in all binary networks. Real only.
        standardized: scale inputs to mean 0 and standard deviation 1, and not to at most 1. Real
            only.
        normalization: "batch"; "instance" takes mean and variance of each channel of a sample by
            itself, and "sample" of all its values. A network with the latter two cannot be
            exported.
        dropout: share of the values that a dense layer reads which are zero in training; samples
            are read whole.
    """

    kind: str = "binary"
    hidden: tuple[int, ...] = ()
    convolutions: tuple[tuple[int, ...], ...] = ()
    trunk: str | None = None
    banks: str = "shared"
    outputs: str = "all"
    affine: bool = True
    init_width: float = 0.1
    normalized: bool = False
    standardized: bool = False
    normalization: str = "batch"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require_choice("[network] kind", self.kind, KINDS)
        require_choice("[network] banks", self.banks, BANKS)
        require_choice("[network] outputs", self.outputs, OUTPUTS)
        widths_are_good = all(1 <= width <= 65536 for width in self.hidden)
        require(widths_are_good, "[network] hidden", self.hidden, "widths must be 1 to 65536")
        require(self.init_width > 0, "[network] init_width", self.init_width, "must be above 0")
        rule = "needs [channels, kernel size, pooling] each, whole numbers from 1"
        good = all(len(block) == 3 and min(block) >= 1 for block in self.convolutions)
        require(good, "[network] convolutions", self.convolutions, rule)
        require_choice("[network] normalization", self.normalization, NORMALIZATIONS)
        rule = "must be 0 or more, below 1"
        require(0 <= self.dropout < 1, "[network] dropout", self.dropout, rule)
        self._require_kind()

    def _require_kind(self) -> None:
        """Refuse keys of the other kind of network, and a trunk together with layers."""
        kinds = {
            "binary": ("trunk", "affine", "init_width"),
            "real": ("normalized", "standardized"),
        }
        defaults = {f.name: f.default for f in fields(self)}
        for kind, keys in kinds.items():
            for key in keys:
                value = getattr(self, key)
                if kind != self.kind and value != defaults[key]:
                    rule = f'belongs to kind = "{kind}"'
                    require(False, f"[network] {key}", value, rule)
        if self.kind == "real" and self.banks == "task" and not self.normalized:
            raise refuse(
                '[network] banks = "task" needs normalized = true: there is nothing to bank'
            )
        layers = (self.hidden, self.convolutions, self.normalization != "batch", self.dropout)
        if self.trunk is not None and any(layers):
            raise refuse(
                "[network] trunk brings its layers: leave hidden, convolutions, normalization and "
                "dropout out"
            )
        if self.kind == "real" and self.normalization != "batch" and not self.normalized:
            rule = "needs normalized = true"
            require(False, "[network] normalization", self.normalization, rule)
