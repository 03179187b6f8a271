"""A network of PyTorch as a packed model with a head that learns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.engine import Engine
from metabit.export import container
from metabit.export.from_torch import from_model, input_spec, map_input
from metabit.export.heads.home import HOME_CAP, HeadChoice, with_chosen_head
from metabit.export.shapes import map_samples
from metabit.export.spec import Model
from metabit.trainer.data.dataset import DataSet, Split
from metabit.trainer.networks.convnet import BinaryConvNet
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.network import Network


def packed(net: Network, dataset: DataSet, m: float, bits: int) -> Model:
    """A network as a packed model without a head.

    Args:
        net: a binary network that reads samples of `dataset`.
        dataset: the set; its front end goes with the model.
        m: metaplasticity.
        bits: bits per hidden weight, 8 or 4; 0 for none, so that its layers cannot learn.
    """
    binary = cast(BinaryMLP | BinaryConvNet, net)
    spec = input_spec(dataset)
    if isinstance(binary, BinaryConvNet):
        spec = map_input(spec)
    model = from_model(binary, spec, m=m, bits=bits or 8, learnable=bits > 0)
    return replace(model, front_end=dataset.front_end)


def rows(net: Network, x: NDArray[Any]) -> NDArray[Any]:
    """Samples as the packed model reads them, shape (n, n_inputs)."""
    return (map_samples(x) if isinstance(net, BinaryConvNet) else x).reshape(len(x), -1)


def with_known(
    model: Model, net: Network, split: Split, head: HeadChoice, per_class: int = HOME_CAP
) -> Model:
    """The model with a counting head that knows some samples of each class.

    Args:
        model: from `packed`.
        net: the network that it was made of.
        split: samples that the network was trained on.
        head: what the head may take.
        per_class: samples of each class at most, drawn.
    """
    generator = np.random.default_rng(0)
    which = np.concatenate(
        [
            _some(np.flatnonzero(split.y == label), per_class, generator)
            for label in np.unique(split.y)
        ]
    )
    return with_chosen_head(model, rows(net, split.x[which]), split.y[which], head)


def _some(
    places: NDArray[np.int64], most: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    return places if len(places) <= most else generator.choice(places, most, replace=False)


def accuracy(model: Model, x: NDArray[Any], y: NDArray[np.integer], by_head: bool) -> float:
    """Accuracy on samples, shape (n, n_inputs), as the C engine answers.

    Args:
        model: a packed model.
        x, y: samples and their labels.
        by_head: whether the head answers, and not the network.
    """
    engine = Engine(container.dumps(answering(model, by_head)), learn=None if by_head else "none")
    return float((engine.predict(x) == y).mean())


def answering(model: Model, by_head: bool) -> Model:
    """The model, in which the head answers where nobody says what answers, or does not."""
    if model.head is None:
        return model
    return replace(model, head=replace(model.head, answers=by_head))
