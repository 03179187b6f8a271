"""Means and variances of normalisation, measured after the last step of a task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from metabit.trainer.loop import train
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.quantizers import sign_activation
from metabit.trainer.networks.shapes import MLPConfig
from metabit.trainer.networks.statistics import measure_statistics
from metabit.trainer.recipe import recipe_from_dict


@pytest.fixture
def model() -> BinaryMLP:
    return BinaryMLP(MLPConfig(8, (16,), 4), torch.Generator().manual_seed(0))


def samples(n: int) -> Tensor:
    return torch.randint(-20, 20, (n, 8), generator=torch.Generator().manual_seed(1)).float()


def test_they_are_those_of_the_samples(model: BinaryMLP) -> None:
    x = samples(1500)
    model.train()
    measure_statistics(model, x.chunk(3))
    (first, norm), (_, last) = model.layers
    sums = first(x)
    assert torch.allclose(norm.running_mean[0], sums.mean(0), atol=1e-4)
    parts = torch.stack([part.var(0) for part in sums.chunk(3)]).mean(0)
    assert torch.allclose(norm.running_var[0], parts, rtol=1e-4)
    assert norm.momentum == BinaryMLP(model.config, torch.Generator()).layers[0][1].momentum
    assert model.training
    assert last.training
    hidden = [sign_activation((s - s.mean(0)) / s.std(0, correction=0)) for s in sums.chunk(3)]
    scores = model.layers[1][0](torch.cat(hidden))
    assert torch.allclose(last.running_mean[0], scores.mean(0), atol=0.05)


def test_other_banks_and_weights_stay(model: BinaryMLP) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    measure_statistics(model, [samples(100)])
    moved = {n for n, value in model.state_dict().items() if not torch.equal(value, before[n])}
    assert moved == {f"norms.{i}.running_{what}" for i in (0, 1) for what in ("mean", "var")}


def test_frozen_layers_keep_theirs(model: BinaryMLP) -> None:
    other = BinaryMLP(model.config, torch.Generator().manual_seed(5))
    model.take_trunk(other)
    model.train()
    measure_statistics(model, [samples(100)])
    frozen, last = (norm for _, norm in model.layers)
    assert torch.equal(frozen.running_mean, other.layers[0][1].running_mean)
    assert not torch.equal(last.running_mean, other.layers[1][1].running_mean)


def accuracy(folder: Path, seed: int, **train_keys: Any) -> float:
    tables = {
        "name": "x",
        "data": {"name": "digits", "stream": "single", "seed": seed},
        "network": {"hidden": [128, 128]},
        "train": {"epochs": 20, "batch": 50, "seed": seed, **train_keys},
    }
    run = train(recipe_from_dict(tables), folder / f"{seed}-{len(train_keys)}")
    return float(run.metrics["accuracy_matrix"][-1][-1])


def test_a_trained_network_is_better_with_them(tmp_path: Path) -> None:
    """On digits by 2.75 points with eight seeds, which are not those of this test."""
    measured = [accuracy(tmp_path, seed) for seed in (31, 32, 33)]
    running = [accuracy(tmp_path, seed, norm_statistics="running") for seed in (31, 32, 33)]
    assert np.mean(measured) > np.mean(running) + 0.01


def test_methods_that_mix_tasks_keep_running_averages(tmp_path: Path) -> None:
    def matrix(statistics: str) -> Any:
        tables = {
            "name": "x",
            "data": {"name": "digits", "stream": "permuted", "n_tasks": 2, "train_samples": 200},
            "network": {"hidden": [32]},
            "method": {"name": "joint"},
            "train": {"epochs": 1, "batch": 50, "norm_statistics": statistics},
        }
        return train(recipe_from_dict(tables), tmp_path / statistics).metrics["accuracy_matrix"]

    assert matrix("measured") == matrix("running")
