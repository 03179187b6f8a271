"""Builds the network that a recipe asks for; writes networks to files and reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from metabit.errors import CorruptError, FormatError, InputError
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.networks.convnet import BinaryConvNet
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.network import BinaryNetwork, Network
from metabit.trainer.networks.real_convnet import RealConvNet
from metabit.trainer.networks.real_mlp import RealMLP
from metabit.trainer.networks.recipe_shape import banks_of, recipe_shape, trunk_file
from metabit.trainer.networks.shapes import (
    ConvBlock,
    ConvNetConfig,
    MLPConfig,
    RealConvNetConfig,
    RealMLPConfig,
)
from metabit.trainer.recipe.network import NetworkRecipe
from metabit.trainer.streams import Stream
from metabit.trainer.tensor_files import read_tensors, write_tensors

SCHEMA = "metabit.model"
VERSION = 2

KINDS: dict[type[Network], str] = {
    BinaryMLP: "binary",
    BinaryConvNet: "convolutional",
    RealMLP: "real",
    RealConvNet: "real-convolutional",
}
"""The name of each kind of network in a file."""


def build_network(
    recipe: NetworkRecipe, dataset: DataSet, stream: Stream, generator: torch.Generator
) -> Network:
    """A fresh network of the shape that a recipe asks for.

    Args:
        recipe: the table [network].
        dataset: the data set whose samples it will read.
        stream: the stream, which says how many classes and tasks there are.
        generator: random numbers for the initial weights.

    Raises:
        InputError: the shape does not fit the samples, or the trunk cannot be read.
    """
    n_banks = banks_of(recipe, len(stream))
    if recipe.trunk is not None:
        return _on_trunk(recipe, dataset, stream, n_banks, generator)
    shape = recipe_shape(recipe, dataset.input_shape, stream.n_classes, n_banks)
    if isinstance(shape, (RealMLPConfig, RealConvNetConfig)):
        scale, shift = _input_scaling(dataset, recipe.standardized)
        shape = replace(shape, scale=scale, shift=shift)
    if isinstance(shape, RealConvNetConfig):
        return RealConvNet(shape, generator)
    if isinstance(shape, RealMLPConfig):
        return RealMLP(shape, generator)
    if isinstance(shape, ConvNetConfig):
        return BinaryConvNet(shape, generator)
    return BinaryMLP(shape, generator)


def untrained_network(
    recipe: NetworkRecipe, dataset: DataSet, stream: Stream, seed: int
) -> Network:
    """As `build_network`, in evaluation mode, with random weights from a seed."""
    return build_network(recipe, dataset, stream, torch.Generator().manual_seed(seed)).eval()


def _on_trunk(
    recipe: NetworkRecipe,
    dataset: DataSet,
    stream: Stream,
    n_banks: int,
    generator: torch.Generator,
) -> BinaryNetwork:
    """A trained network with a fresh last layer, which is the only layer that learns."""
    source = read_network(trunk_file(str(recipe.trunk)))
    if not isinstance(source, BinaryNetwork) or len(source.layers) < 2:
        raise InputError(
            f"[network] trunk {recipe.trunk}: needs a binary network with a hidden layer",
            code="E-NETWORK",
        )
    source.samples(np.zeros((1, *dataset.input_shape), dtype=dataset.dtype))  # or it is refused
    shape = replace(
        cast(Any, source.config),
        n_classes=stream.n_classes,
        n_banks=n_banks,
        affine=recipe.affine,
        init_width=recipe.init_width,
    )
    kind: Any = type(source)
    model: BinaryNetwork = kind(shape, generator)
    model.take_trunk(source)
    return model


def _input_scaling(dataset: DataSet, standardized: bool) -> tuple[float, float]:
    """Factor and shift that scale inputs to at most 1 or, if standardised, to mean 0 and std 1."""
    values = dataset.train.x.astype(np.float64) - dataset.zero_point
    if not standardized:
        return 1 / max(float(np.abs(values).max()), 1.0), 0.0
    mean, std = float(values.mean()), max(float(values.std()), 1e-6)
    return 1 / std, mean / std


def write_network(path: Path, model: Network) -> None:
    """Write a network, its shape and its tensors, to a .safetensors file."""
    content = {
        "schema": SCHEMA,
        "version": VERSION,
        "active_bank": model.active_bank,
        **_described(model),
    }
    write_tensors(path, model.state_dict(), content)


def read_network(path: Path) -> Network:
    """A network written by `write_network`, in evaluation mode.

    Raises:
        StorageError: the file cannot be read.
        FormatError: not a network, or of a version that this metabit does not know.
        CorruptError: truncated or damaged.
    """
    tensors, content = read_tensors(path)
    if content.get("schema") != SCHEMA:
        raise FormatError(f"{path}: does not hold {SCHEMA}", code="E-SCHEMA")
    if content.get("version") != VERSION:
        raise FormatError(
            f"{path}: {SCHEMA} version {content.get('version')}, this metabit reads {VERSION}",
            code="E-SCHEMA",
        )
    try:
        model = _from_description(content)
        model.load_state_dict(tensors)
        model.use_bank(content["active_bank"])
    except (KeyError, TypeError, ValueError, RuntimeError, InputError) as error:
        raise CorruptError(f"{path}: not a network ({error})", code="E-MODEL") from error
    return model.eval()


def _described(model: Network) -> dict[str, Any]:
    """Kind and shape of a network as values for JSON."""
    config: Any = model.config
    return {"kind": KINDS[type(model)], "config": asdict(config)}


def _from_description(content: Mapping[str, Any]) -> Network:
    config = dict(content["config"])
    config["hidden"] = tuple(config["hidden"])
    generator = torch.Generator()  # leaves PyTorch's global generator alone
    kind = content["kind"]
    if kind == KINDS[RealMLP]:
        return RealMLP(RealMLPConfig(**config), generator)
    if kind == KINDS[BinaryMLP]:
        return BinaryMLP(MLPConfig(**config), generator)
    if kind not in (KINDS[BinaryConvNet], KINDS[RealConvNet]):
        raise ValueError(f"a network of kind {kind!r}")
    config["input_shape"] = tuple(config["input_shape"])
    config["blocks"] = tuple(ConvBlock(**block) for block in config["blocks"])
    if kind == KINDS[RealConvNet]:
        return RealConvNet(RealConvNetConfig(**config), generator)
    return BinaryConvNet(ConvNetConfig(**config), generator)
