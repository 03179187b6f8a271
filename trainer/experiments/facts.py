"""Facts learnt one group after the other in an embedding: "a seven, upside down".

A fact is a thing and its state: a digit that stands upright or is turned by 90, 180 or 270 degrees.
Its point in the embedding is made of a vector for the thing and a vector for the state, so a state
means the same for every thing. Two digits in all states come at a time. At the end, samples of all
facts are asked which point of their group is nearest, as in the paper, and which of all points.
There are no heads: all facts share all outputs.

Reference:
    Aljundi et al. 2018, section 5.3: facts of subjects, predicates and objects in pictures, with a
    triplet loss. Their data are not public; these are small and come with metabit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metabit.trainer.data import load
from metabit.trainer.data.dataset import Split
from metabit.trainer.experiments.outcome import Outcome
from metabit.trainer.methods.base import Method, Setting
from metabit.trainer.networks.embedding import Embedding
from metabit.trainer.networks.real_mlp import RealMLP
from metabit.trainer.networks.shapes import RealMLPConfig
from metabit.trainer.recipe import registry

N_THINGS, N_STATES, THINGS_AT_A_TIME = 10, 4, 2
GROUPS = [
    tuple(range(first * N_STATES, (first + THINGS_AT_A_TIME) * N_STATES))
    for first in range(0, N_THINGS, THINGS_AT_A_TIME)
]
"""The facts of each group, in the order in which they are learnt."""

HALF = 8
"""Outputs for the thing, and as many for the state."""

LR, BATCH = 0.002, 50


@dataclass(frozen=True)
class Extent:
    """One extent of the experiment: training samples, width of the hidden layer, and epochs."""

    n_samples: int
    hidden: int
    epochs: int


SIZES = {"small": Extent(1297, 64, 15), "paper": Extent(1297, 256, 40)}

METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "naive": ("naive", {}),
    "mas": ("mas", {"strength": 1.0}),
    "mas_local": ("mas", {"strength": 1.0, "rule": "local"}),
}
"""The number that a method becomes, its name, and its keys; strengths are chosen on other seeds."""

Facts = tuple[Tensor, Tensor]
"""Samples, uint8, (n, 64), and the number of the fact of each, int64."""


def measure(seed: int, scale: str) -> Outcome:
    """Accuracy of each method on all facts, after the last group.

    Args:
        seed: of the points, of the initial weights and of the order of samples.
        scale: one of `SIZES`.

    Returns:
        by method the share of test samples whose nearest point in their group is of the right
        fact; joint, with all groups learnt at once; and for each of them ..._among_all, the same
        among all points, and ..._state, the share in which the nearest of all has the right state.
    """
    numbers: dict[str, float] = {}
    one_group = [tuple(range(N_THINGS * N_STATES))]
    for label, (name, keys) in METHODS.items():
        numbers |= learnt(SIZES[scale], seed, GROUPS, name, keys, label)
    return Outcome(numbers | learnt(SIZES[scale], seed, one_group, "naive", {}, "joint"))


def learnt(
    extent: Extent,
    seed: int,
    groups: list[tuple[int, ...]],
    name: str,
    keys: dict[str, Any],
    label: str,
) -> dict[str, float]:
    """Learn groups of facts one after the other with a method, and ask all facts.

    Args:
        extent: of the experiment.
        seed: of everything that is random.
        groups: numbers of the facts of each group.
        name: of the method.
        keys: of the method.
        label: what the numbers begin with.
    """
    dataset = load("digits").limited(extent.n_samples, None, seed)
    generator = torch.Generator().manual_seed(seed)
    outputs = Embedding(points(seed), groups)
    config = RealMLPConfig(dataset.n_inputs, (extent.hidden,), outputs.n_classes, scale=1 / 16)
    model = RealMLP(config, generator)
    options = registry.options_of(name)(name=name, lr=LR, **keys)
    kind: type[Method] = registry.find(name)
    method = kind(options, model, Setting(n_tasks=len(groups), seed=seed, outputs=outputs))
    x, y = facts(dataset.train)
    for task, group in enumerate(groups):
        outputs.start_task(task)
        of_group = torch.isin(y, torch.tensor(group))
        _learn(method, model, (x[of_group], y[of_group]), extent.epochs, generator)
        method.consolidate(model, x[of_group], y[of_group], task)
    return _asked(model, outputs, facts(dataset.test), label)


def points(seed: int) -> Tensor:
    """The point of each fact: unit vectors of its thing and of its state, (40, 16)."""
    generator = torch.Generator().manual_seed(seed)
    halves = [
        torch.nn.functional.normalize(torch.randn(n, HALF, generator=generator), dim=1)
        for n in (N_THINGS, N_STATES)
    ]
    things = halves[0].repeat_interleave(N_STATES, 0)
    return torch.cat([things, halves[1].repeat(N_THINGS, 1)], 1)


def facts(split: Split) -> Facts:
    """Every digit in every state; fact number `thing * 4 + state`."""
    turned = [np.rot90(split.x, state, (1, 2)) for state in range(N_STATES)]
    x = np.concatenate([each.reshape(len(each), -1) for each in turned])
    numbers = [split.y.astype(np.int64) * N_STATES + state for state in range(N_STATES)]
    return torch.from_numpy(x.copy()), torch.from_numpy(np.concatenate(numbers))


def _learn(
    method: Method, model: RealMLP, given: Facts, epochs: int, generator: torch.Generator
) -> None:
    x, y = given
    optimizer = method.optimizer(model)
    model.train()
    for _ in range(epochs):
        for chosen in torch.split(torch.randperm(len(x), generator=generator), BATCH):
            method.step(model, optimizer, x[chosen], y[chosen])


@torch.no_grad()
def _asked(model: RealMLP, outputs: Embedding, test: Facts, label: str) -> dict[str, float]:
    x, y = test
    given = model.eval()(x.float())
    said = outputs.nearest(given, torch.arange(len(outputs.points)))
    within = torch.cat(
        [
            outputs.nearest(given[torch.isin(y, group)], group) == y[torch.isin(y, group)]
            for group in map(torch.tensor, GROUPS)
        ]
    )
    return {
        label: float(within.float().mean()),
        f"{label}_among_all": float((said == y).float().mean()),
        f"{label}_state": float((said % N_STATES == y % N_STATES).float().mean()),
    }
