"""The shape of the network that a recipe asks for. Needs no PyTorch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from metabit.errors import InputError
from metabit.trainer.networks.shapes import (
    ConvBlock,
    ConvNetConfig,
    MapShape,
    MLPConfig,
    Padding,
    RealConvNetConfig,
    RealMLPConfig,
)
from metabit.trainer.recipe.network import NetworkRecipe
from metabit.trainer.streams import Stream

MODEL = "model.safetensors"
"""The trained network in a run folder."""

Shape = MLPConfig | ConvNetConfig | RealMLPConfig | RealConvNetConfig


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
        return _convolutional(recipe, _maps(input_shape), n_classes, n_banks)
    n_inputs = math.prod(input_shape)
    if recipe.kind == "real":
        return RealMLPConfig(
            n_inputs,
            recipe.hidden,
            n_classes,
            n_banks,
            recipe.normalized,
            normalization=recipe.normalization,
            dropout=recipe.dropout,
        )
    return MLPConfig(
        n_inputs,
        recipe.hidden,
        n_classes,
        n_banks,
        recipe.affine,
        init_width=recipe.init_width,
        normalization=recipe.normalization,
        dropout=recipe.dropout,
    )


def _convolutional(
    recipe: NetworkRecipe, maps: MapShape, n_classes: int, n_banks: int
) -> ConvNetConfig | RealConvNetConfig:
    real = recipe.kind == "real"
    padding: Padding = "zero" if real else "one"
    blocks = tuple(ConvBlock(c, k, padding=padding, pool=p) for c, k, p in recipe.convolutions)
    if real:
        return RealConvNetConfig(
            maps,
            blocks,
            recipe.hidden,
            n_classes,
            n_banks,
            recipe.normalized,
            normalization=recipe.normalization,
            dropout=recipe.dropout,
        )
    return ConvNetConfig(
        input_shape=maps,
        blocks=blocks,
        hidden=recipe.hidden,
        n_classes=n_classes,
        n_banks=n_banks,
        affine=recipe.affine,
        init_width=recipe.init_width,
        normalization=recipe.normalization,
        dropout=recipe.dropout,
    )


def heads_of(
    n_classes: int, groups: Sequence[tuple[int, ...]], kind: str
) -> dict[int, tuple[int, ...]]:
    """The classes that compete with each class of a multi-head output; empty for other outputs.

    Args:
        n_classes: number of outputs of the network.
        groups: the classes of each task.
        kind: "all", "seen" or "task", which is the multi-head output.

    Raises:
        InputError: code E-NETWORK: the network has no output for a class; or two tasks of a
            multi-head output share a class and not all others, so that a label would not say
            which task it belongs to.
    """
    heads: dict[int, tuple[int, ...]] = {}
    for group in groups:
        for label in group:
            if not 0 <= label < n_classes:
                raise InputError(
                    f"class {label}: the network has outputs 0 to {n_classes - 1}",
                    code="E-NETWORK",
                )
            if kind == "task" and heads.setdefault(label, group) != group:
                raise InputError(
                    f"class {label} is in two tasks with other classes: a multi-head output "
                    "needs labels that belong to one task",
                    code="E-NETWORK",
                )
    return heads


def outputs_of(recipe: NetworkRecipe, stream: Stream) -> str:
    """Which outputs compete: "all", "seen" or "task". Some streams decide it themselves."""
    return "task" if stream.outputs == "task" else recipe.outputs


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
