"""The shape of the network that a recipe asks for. Needs no PyTorch."""

from __future__ import annotations

import math
from pathlib import Path

from metabit.errors import InputError
from metabit.trainer.networks.shapes import (
    ConvBlock,
    ConvNetConfig,
    MapShape,
    MLPConfig,
    RealMLPConfig,
)
from metabit.trainer.recipe.network import NetworkRecipe

MODEL = "model.safetensors"
"""The trained network in a run folder."""

Shape = MLPConfig | ConvNetConfig | RealMLPConfig


def recipe_shape(
    recipe: NetworkRecipe, input_shape: tuple[int, ...], n_classes: int, n_banks: int
) -> Shape:
    """The shape of a network without a trunk.

    Args:
        recipe: [network].
        input_shape: shape of one sample.
        n_classes: number of outputs.
        n_banks: number of normalisation banks.

    Raises:
        InputError: code E-NETWORK: the layers do not fit the samples, or a value is out of range.
    """
    if recipe.convolutions:
        return ConvNetConfig(
            input_shape=_maps(input_shape),
            blocks=tuple(ConvBlock(c, kernel_size=k, pool=p) for c, k, p in recipe.convolutions),
            hidden=recipe.hidden,
            n_classes=n_classes,
            n_banks=n_banks,
            affine=recipe.affine,
            init_width=recipe.init_width,
        )
    n_inputs = math.prod(input_shape)
    if recipe.kind == "real":
        return RealMLPConfig(n_inputs, recipe.hidden, n_classes, n_banks, recipe.normalized)
    return MLPConfig(
        n_inputs, recipe.hidden, n_classes, n_banks, recipe.affine, init_width=recipe.init_width
    )


def banks_of(recipe: NetworkRecipe, n_tasks: int) -> int:
    """Number of normalisation banks for a stream of so many tasks."""
    return n_tasks if recipe.banks == "task" else 1


def trunk_file(trunk: str) -> Path:
    """The file of the trained network in the folder that [network] trunk names.

    Raises:
        InputError: code E-NETWORK: there is none.
    """
    path = Path(trunk) / MODEL
    if not path.is_file():
        raise InputError(
            f"[network] trunk {trunk}: holds no {MODEL}; name the folder of a finished run",
            code="E-NETWORK",
        )
    return path


def _maps(shape: tuple[int, ...]) -> MapShape:
    if len(shape) == 2:
        return (1, *shape)
    if len(shape) == 3:
        return shape
    raise InputError(
        f"[network] convolutions: samples of shape {shape} are not images: leave the key out",
        code="E-NETWORK",
    )
