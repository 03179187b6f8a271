"""RAM and flash of a candidate, to the byte, before anything is trained.

A network of random weights has the size of a trained one. It is packed as the trained one will be,
and the C core's own plan says what it needs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import fit as plan
from metabit.edge_runtime.sizes import format_kib
from metabit.export import container
from metabit.export.bits import words
from metabit.export.blob import Blob
from metabit.export.heads.home import HeadChoice, least_bytes, obstacle
from metabit.export.spec import Model
from metabit.fitting.candidate import Candidate, M
from metabit.fitting.features import Features
from metabit.fitting.packing import packed, with_known
from metabit.fitting.question import Budgets
from metabit.trainer.data.dataset import Split
from metabit.trainer.networks.build import untrained_network
from metabit.trainer.streams import single_task

BITS = (8, 4, 0)
"""Bits per hidden weight in the file, the best first; 0: the head learns, and the layers cannot."""
HEAD_BYTES = 24 * 1024
"""RAM for the head where no budget is given."""
MOST_HEAD_BYTES = 72 * 1024
"""A head with the most features, 192, takes less."""
OVERHEAD_BYTES = 64
"""What rounding to words may add to the arena beside the head."""
PER_CLASS = 4
"""Samples per class that a head is made of when only its size is asked for."""

SECONDS_PER_STEP = 1.5e-3
SECONDS_PER_MAC = 2e-8
"""Of training, for each step and each weight that a step of a batch uses: what a desk takes."""


@dataclass(frozen=True)
class Cost:
    """What a candidate needs on the device.

    Attributes:
        ram_bytes: arena with which it predicts and learns.
        predict_ram_bytes: arena with which it only predicts.
        flash_bytes: the .mbit file, without golden samples and probes.
        weight_bytes: packed binary weights.
        n_weights: their number.
        n_macs: multiplications by a weight for one sample.
        head_ram_bytes: what the head may take; None for no head.
        bits: bits per hidden weight in the file.
    """

    ram_bytes: int
    predict_ram_bytes: int
    flash_bytes: int
    weight_bytes: int
    n_weights: int
    n_macs: int
    head_ram_bytes: int | None
    bits: int

    @property
    def step_seconds(self) -> float:
        """Rule of thumb for a training step on one core of a desk."""
        return SECONDS_PER_STEP + SECONDS_PER_MAC * self.n_macs

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Refused:
    """Why a candidate is not tried.

    Attributes:
        kind: "RAM", "flash", "head" or "training time".
        why: in words.
    """

    kind: str
    why: str


def cost_of(
    candidate: Candidate, features: Features, budgets: Budgets, *, learns: bool = True
) -> Cost | Refused:
    """What a candidate needs, or why it is refused.

    Args:
        candidate: the network.
        features: samples after its front end.
        budgets: what the device has.
        learns: whether a head is to learn on the device.
    """
    dataset = features.dataset
    net = untrained_network(candidate.network, dataset, single_task(dataset), 0)
    bare = packed(net, dataset, M, 0)
    predict = _plan(bare, "none")[0]
    if budgets.ram_bytes is not None and predict > budgets.ram_bytes:
        return Refused("RAM", f"needs {format_kib(predict)} of RAM to predict")
    heads: list[HeadChoice | None] = [None]
    if learns:
        room = _room(budgets, predict)
        reason = obstacle(bare, HeadChoice(ram_bytes=room))
        least = least_bytes(bare)
        if reason is not None:
            return Refused("head", reason)
        if least > room:
            return Refused("RAM", f"needs {format_kib(predict + least)} of RAM to learn")
        heads = [HeadChoice(ram_bytes=n) for n in dict.fromkeys((room, room // 2, least))]
    few = _few(dataset.train)
    for head in heads:
        for bits in BITS if learns else (0,):
            model = packed(net, dataset, M, bits)
            if head is not None:
                model = with_known(model, net, few, head)
            ram, flash = _plan(model, "none" if head is None else "counting")
            fits = budgets.ram_bytes is None or ram <= budgets.ram_bytes
            if fits and (budgets.flash_bytes is None or flash <= budgets.flash_bytes):
                return Cost(
                    ram_bytes=ram,
                    predict_ram_bytes=predict,
                    flash_bytes=flash,
                    weight_bytes=sum(4 * words(at.n_in) * at.n_out for at in model.layers),
                    n_weights=model.n_weights,
                    n_macs=model.n_macs,
                    head_ram_bytes=None if head is None else head.ram_bytes,
                    bits=bits,
                )
    return Refused("flash", f"needs {format_kib(flash)} of flash")


def blob_of(candidate: Candidate, features: Features, cost: Cost) -> bytes:
    """The .mbit file that was weighed: random weights, and no samples for tests."""
    dataset = features.dataset
    net = untrained_network(candidate.network, dataset, single_task(dataset), 0)
    model = packed(net, dataset, M, cost.bits)
    if cost.head_ram_bytes is not None:
        head = HeadChoice(ram_bytes=cost.head_ram_bytes)
        model = with_known(model, net, _few(dataset.train), head)
    return container.dumps(model)


def _room(budgets: Budgets, predict_bytes: int) -> int:
    """RAM that a head may take beside the network."""
    if budgets.ram_bytes is None:
        return HEAD_BYTES
    return min(budgets.ram_bytes - predict_bytes - OVERHEAD_BYTES, MOST_HEAD_BYTES)


def _few(train: Split) -> Split:
    """A few samples of every class: the size of a head does not depend on which."""
    places = [np.flatnonzero(train.y == label)[:PER_CLASS] for label in np.unique(train.y)]
    return train.take(np.concatenate(places))


def _plan(model: Model, learn: str) -> tuple[int, int]:
    """Bytes of the arena and of the file."""
    blob = Blob(container.dumps(model))
    return plan(Mapped(blob), learn, Options(), None).arena_bytes, len(blob.data)
