"""Networks that are tried: from a head alone to three hidden layers, and convolutions of maps."""

from __future__ import annotations

from metabit.trainer.recipe.network import NetworkRecipe

HIDDEN: tuple[tuple[int, ...], ...] = (
    (), (32,), (64,), (96,), (128,), (192,), (256,), (384,), (512,), (768,), (1024,),
    (64, 64), (128, 128), (256, 256), (512, 512), (128, 128, 128), (256, 256, 256),
)  # fmt: skip
CONVOLUTIONS: tuple[tuple[tuple[int, int, int], ...], ...] = (
    ((16, 3, 2), (32, 3, 2)),
    ((32, 3, 2), (64, 3, 2)),
    ((16, 3, 2), (32, 3, 2), (64, 3, 2)),
    ((32, 3, 2), (64, 3, 2), (128, 3, 2)),
    ((64, 3, 2), (128, 3, 2)),
)
BEHIND_MAPS: tuple[tuple[int, ...], ...] = ((), (64,), (128,))
LEAST_SIDE = 8
"""Rows and columns of a picture that convolutions are tried with."""


def proposals(input_shape: tuple[int, ...], is_picture: bool) -> list[NetworkRecipe]:
    """Networks for samples of this shape.

    Args:
        input_shape: shape of a sample.
        is_picture: whether its values have neighbours.
    """
    found = [NetworkRecipe(hidden=hidden) for hidden in HIDDEN]
    if is_picture and min(input_shape[-2:]) >= LEAST_SIDE:
        found += [
            NetworkRecipe(hidden=hidden, convolutions=convolutions)
            for convolutions in CONVOLUTIONS
            for hidden in BEHIND_MAPS
        ]
    return found
