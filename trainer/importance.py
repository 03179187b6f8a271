"""What samples need of a trained network: importance by weight and by layer, without labels.

`metabit importance` shows it for a condition of use, such as the samples of one room or one person:
which weights serve them, and how few. `metabit.trainer.methods.mas` has the formulas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.picture import png
from metabit.trainer.methods.mas import importance_of
from metabit.trainer.networks.network import Network, to_input
from metabit.trainer.runs.plots import INK, new_figure

Importances = Mapping[str, NDArray[np.float32]]
"""Importance of each weight by parameter name, in the shape of the parameter."""

_COLOURS = ("#0b6e99", "#d1495b", "#2e8540", "#edae49", "#6a4c93", "#7b8794")


@dataclass(frozen=True)
class LayerImportance:
    """How the importance of one parameter is spread over its weights.

    Attributes:
        name: name of the parameter.
        n_weights: number of its weights.
        mean, largest: over its weights.
        half: share of its weights that hold half of its importance, the most important ones.
        idle: share of its weights that have no importance at all.
    """

    name: str
    n_weights: int
    mean: float
    largest: float
    half: float
    idle: float


def measure_importance(
    model: Network,
    x: NDArray[Any],
    zero_point: int = 0,
    rule: str = "global",
    classes: Sequence[int] | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Importance of every weight for these samples, with the active bank.

    Args:
        model: the network, which gets back its mode afterwards.
        x: uint8 or int8, as `Network.samples` takes them.
        zero_point: the integer that stands for zero.
        rule: "global", the sensitivity of the scores, or "local", Hebb's rule.
        classes: the classes whose scores count, as of one head of many. Default: all.

    Raises:
        InputError: wrong samples; a class that the network does not have (E-LABEL); a network whose
            layers have no such importance (E-METHOD).
    """
    n_classes = model.config.n_classes
    chosen = range(n_classes) if classes is None else sorted(set(classes))
    if not all(0 <= label < n_classes for label in chosen):
        raise InputError(
            f"classes {list(chosen)}: the network has classes 0 to {n_classes - 1}", code="E-LABEL"
        )
    inputs = to_input(model.samples(x), zero_point)
    found = importance_of(rule, model, inputs, torch.tensor(chosen))
    return {name: tensor.detach().cpu().numpy() for name, tensor in found.items()}


def by_layer(importances: Importances) -> list[LayerImportance]:
    """How the importance of each parameter is spread, in the order of the layers."""
    return [_spread(name, values.ravel()) for name, values in importances.items()]


def _spread(name: str, values: NDArray[np.float32]) -> LayerImportance:
    held = _held(values)
    half = 0.0 if held[-1] == 0 else float(np.searchsorted(held, 0.5 * held[-1]) + 1) / len(held)
    return LayerImportance(
        name, values.size, float(values.mean()), float(values.max()), half,
        float(np.mean(values == 0)),
    )  # fmt: skip


def _held(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Importance that the k most important weights hold together, for k from 1."""
    return np.cumsum(np.sort(values.astype(np.float64))[::-1])


def importance_figure(importances: Importances, title: str) -> bytes:
    """PNG of the share of the importance that the most important weights of each layer hold.

    Args:
        importances: as `measure_importance` gives them; biases are left out.
        title: title of the picture.
    """
    figure, axes = new_figure(5.6, 4.0)
    axes.set_title(title, color=INK, fontsize=11, loc="left", pad=12)
    weights = {name: values for name, values in importances.items() if values.ndim > 1}
    for number, (name, values) in enumerate(weights.items()):
        held = _held(values.ravel())
        at = np.unique(np.linspace(0, len(held) - 1, 400).astype(int))
        share = held[at] / max(held[-1], np.finfo(np.float64).tiny)
        colour, style = _COLOURS[number % len(_COLOURS)], ("-", "--")[number // len(_COLOURS) % 2]
        axes.plot(100 * (at + 1) / len(held), 100 * share, style, color=colour, label=name)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 102)
    axes.set_xlabel("weights of the layer in %, the most important first", color=INK)
    axes.set_ylabel("importance that they hold, in %", color=INK)
    axes.grid(color="#e4e7eb", linewidth=0.8)
    axes.legend(frameon=False)
    return png(figure)
