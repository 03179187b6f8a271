"""Writes the results of a run into its folder: numbers, network and pictures."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import metabit
from metabit.files import write_whole
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.metaplasticity import plasticity
from metabit.trainer.metrics import Matrix, summary
from metabit.trainer.networks.build import write_network
from metabit.trainer.networks.network import BinaryNetwork, Network
from metabit.trainer.networks.recipe_shape import MODEL
from metabit.trainer.recipe import Recipe
from metabit.trainer.runs import plots, run_folder
from metabit.trainer.streams import Stream


def accuracies(
    rows: list[list[float]], ahead: list[float], untrained: list[float]
) -> dict[str, Any]:
    """The accuracy matrix and all metrics that follow from it, for metrics.json.

    Args:
        rows: for each task, the accuracies on the tasks up to it after it was learnt.
        ahead: accuracy on each task, except the first, just before it was learnt.
        untrained: accuracy of the untrained network on each task.
    """
    matrix: Matrix = np.full((len(rows), len(rows)), np.nan)
    for i, row in enumerate(rows):
        matrix[i, : len(row)] = row
    return {
        "accuracy_matrix": matrix.tolist(),
        "accuracy_ahead": ahead,
        "accuracy_untrained": untrained,
        **summary(matrix, np.array(ahead), np.array(untrained)),
    }


def optimizer_bytes(optimizer: torch.optim.Optimizer) -> dict[str, int]:
    """Bytes of the tensors that an optimizer keeps, by kind."""
    moments: dict[str, int] = {}
    for state in optimizer.state.values():
        for name, value in state.items():
            if isinstance(value, Tensor):
                moments[name] = moments.get(name, 0) + value.nbytes
    return moments


def write(
    out: Path,
    recipe: Recipe,
    dataset: DataSet,
    stream: Stream,
    model: Network,
    measured: Mapping[str, Any],
) -> None:
    """Write all results into the run folder; metrics.json comes last, and finishes the run.

    Args:
        out: the folder.
        recipe, dataset, stream: what was trained on which data.
        model: the trained network.
        measured: fields of metrics.json, among them the accuracy matrix.
    """
    matrix = np.array(measured["accuracy_matrix"])
    names = [task.name for task in stream]
    m = recipe.method.m
    title = f"{recipe.name} ({f'm = {m}' if m else recipe.method.name})"
    write_network(out / MODEL, model)
    write_whole(out / run_folder.ACCURACY_PLOT, plots.accuracy_figure(matrix, names, title))
    layer_m = m if isinstance(m, tuple) else (m,) * len(model.weights)
    weights = [weight.detach().numpy() for weight in model.weights.values()]
    what = "hidden weight h" if isinstance(model, BinaryNetwork) else "weight"
    histograms = plots.weights_figure(weights, layer_m, title, what)
    write_whole(out / run_folder.WEIGHTS_PLOT, histograms)
    if curves := plots.by_task(measured["extra_metrics"]):
        write_whole(out / run_folder.BY_TASK_PLOT, plots.by_task_figure(curves, title))
    run_folder.write_metrics(
        out / run_folder.METRICS,
        {
            "name": recipe.name,
            "recipe": recipe.to_dict(),
            "stream": stream.description,
            "citation": dataset.citation,
            "tasks": names,
            **measured,
            "n_weights": sum(weight.numel() for weight in model.weights.values()),
            "plasticity_left": plasticity(list(model.weights.values()), layer_m),
            "versions": {
                "metabit": metabit.__version__,
                "torch": torch.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
            },
        },
    )
