"""Flips weights of a trained network: the larger their hidden weights, the more it harms.

The weights of a layer are sorted into bins of |hidden weight|. In each bin some weights are drawn,
their signs are flipped, the growth of the loss is noted, and the signs are restored. If the size of
a hidden weight says how important the weight is, the mean growth rises from bin to bin.

Reference:
    Laborieux et al. 2021, figure 5 c to e: MNIST, two hidden layers of 1024, m = 1.35, 40 epochs;
    1000, 2000 and 100 weights of the three layers, 100 draws.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from metabit.trainer.experiments.magnitude_bins import N_BINS, magnitude_bins, rank_correlation
from metabit.trainer.experiments.outcome import Outcome
from metabit.trainer.loop import train
from metabit.trainer.networks.layers import BinaryLinear
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.network import to_input
from metabit.trainer.networks.quantizers import sign_activation
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.streams import build

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """One size of the experiment.

    Attributes:
        data, hidden, m, epochs: values of the recipe that is trained.
        flips: weights flipped at once, one number per layer; bins with fewer weights are left out.
        draws: how often weights of a bin are drawn, one number per layer.
        samples: number of training samples on which the loss is measured.
    """

    data: dict[str, Any]
    hidden: tuple[int, ...]
    m: float
    epochs: int
    flips: tuple[int, ...]
    draws: tuple[int, ...]
    samples: int


SCALES = {
    "paper": Scale(
        data={"name": "mnist"},
        hidden=(1024, 1024),
        m=1.35,
        epochs=40,
        flips=(1000, 2000, 100),
        draws=(100, 100, 100),
        samples=5000,
    ),
    # Fewer weights make each draw noisier, so a larger share of them is flipped.
    "small": Scale(
        data={"name": "mnist", "train_samples": 10_000},
        hidden=(256, 256),
        m=1.35,
        epochs=20,
        flips=(3000, 1000, 50),
        draws=(10, 40, 400),
        samples=5000,
    ),
}


def measure(seed: int, scale: str) -> Outcome:
    """Rank correlation of magnitude and harm, for each layer of a network that is trained here.

    Args:
        seed: seed of the training and of the draws.
        scale: one of `SCALES`.

    Returns:
        rank_correlation_layer_1, ..., over the bins that have enough weights; bins_layer_1, ...,
        the number of these bins; accuracy of the network, from 0 to 1; and one curve per layer.
    """
    wanted = SCALES[scale]
    model, x, y, accuracy = trained(wanted, seed)
    found = correlations(wanted, model, x, y, seed)
    return Outcome({"accuracy": accuracy, **found.numbers}, found.curves)


def correlations(wanted: Scale, model: BinaryMLP, x: Tensor, y: Tensor, seed: int) -> Outcome:
    """The part of `measure` that comes after training."""
    generator = np.random.default_rng(seed)
    found = Outcome({})
    with torch.no_grad():
        model.eval()
        for layer, (flips, draws) in enumerate(zip(wanted.flips, wanted.draws, strict=True)):
            bins, harm = switch_harm(model, x, y, layer, flips, draws, generator)
            found.numbers[f"rank_correlation_layer_{layer + 1}"] = rank_correlation(bins, harm)
            found.numbers[f"bins_layer_{layer + 1}"] = float(len(bins))
            found.curves[f"layer {layer + 1}"] = (bins, harm)
            if layer + 1 < len(wanted.flips):
                linear, norm = model.layers[layer]
                x = sign_activation(norm(linear(x)))
    return found


def trained(wanted: Scale, seed: int) -> tuple[BinaryMLP, Tensor, Tensor, float]:
    """A trained network, training samples as it reads them, their labels, and its accuracy."""
    recipe = recipe_from_dict(
        {
            "name": "sign-switch",
            "data": {**wanted.data, "stream": "single", "seed": seed},
            "network": {"hidden": list(wanted.hidden)},
            "method": {"m": wanted.m, "lr": 0.005, "weight_decay": 1e-7},
            "train": {
                "epochs": wanted.epochs, "batch": 100, "seed": seed, "norm_statistics": "running",
            },
        }
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        finished = train(recipe, Path(folder) / "run")
        model = cast(BinaryMLP, finished.model)  # read from the folder, while it is there
    dataset, stream = build(recipe.data, recipe.frontend)
    split = stream[0].train
    x = to_input(model.samples(split.x[: wanted.samples]), dataset.zero_point)
    y = torch.from_numpy(split.y[: wanted.samples].astype(np.int64))
    return model, x, y, float(finished.metrics["accuracy_matrix"][-1][-1])


def switch_harm(
    model: BinaryMLP,
    x: Tensor,
    y: Tensor,
    layer: int,
    flips: int,
    draws: int,
    generator: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Mean growth of the loss when weights of a bin are flipped, for each bin.

    Args:
        model: a trained network in evaluation mode. Afterwards it has the same bits as before.
        x: what layer number `layer` reads, float32, shape (n, n_inputs of that layer).
        y: labels, int64, shape (n,).
        layer: number of the layer, from 0.
        flips: number of weights that are flipped at once.
        draws: number of draws.
        generator: random generator of the draws.

    Returns:
        numbers of the bins with at least `flips` weights, and the growth in each of them.
    """
    linear, _ = model.layers[layer]
    before = _loss(model, x, y, layer)
    bins, harm = [], []
    for number, members in _large_bins(linear, flips):
        grown = 0.0
        for _ in range(draws):
            with _flipped(linear, generator.choice(members, flips, replace=False)):
                grown += _loss(model, x, y, layer) - before
        bins.append(float(number))
        harm.append(grown / draws)
    return np.array(bins), np.array(harm)


def _large_bins(linear: BinaryLinear, least: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Numbers of the bins with at least so many weights, and the indices of their weights."""
    bins = magnitude_bins(linear.weight.numpy().ravel())
    for number in range(N_BINS):
        members = np.flatnonzero(bins == number)
        if len(members) >= least:
            yield number, members


@contextlib.contextmanager
def _flipped(linear: BinaryLinear, which: NDArray[np.int64]) -> Iterator[None]:
    """A context in which these weights have the opposite sign."""
    weights, places = linear.weight.view(-1), torch.from_numpy(which)
    before = weights[places]
    weights[places] = -before
    try:
        yield
    finally:
        weights[places] = before


def _loss(model: BinaryMLP, x: Tensor, y: Tensor, layer: int) -> float:
    """Cross-entropy of the network from layer number `layer` on."""
    rest = model.layers[layer:]
    for linear, norm in rest[:-1]:
        x = sign_activation(norm(linear(x)))
    linear, norm = rest[-1]
    return functional.cross_entropy(norm(linear(x)), y).item()
