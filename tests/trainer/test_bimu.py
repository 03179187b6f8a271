"""Finite-memory beliefs: the update is the formula, and a long stream does not make them rigid."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from metabit import InputError
from metabit.trainer.loop import train
from metabit.trainer.methods.base import Setting
from metabit.trainer.methods.bimu import Bimu
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.outputs import single_head
from metabit.trainer.networks.quantizers import sign
from metabit.trainer.networks.shapes import MLPConfig
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.recipe.method_options import BimuOptions


def layer(beliefs: list[float]) -> BinaryMLP:
    """One layer whose weights have these beliefs."""
    model = BinaryMLP(MLPConfig(len(beliefs), (), 2))
    model.layers[0][0].weight.data = torch.tensor([beliefs, beliefs])
    return model


def test_a_step_is_what_the_formula_says() -> None:
    beliefs, gradients = [-1.5, -0.2, 0.0, 0.2, 1.5], [0.3, -0.1, 0.2, 0.4, -0.5]
    model = layer(beliefs)
    options = BimuOptions(name="bimu", window=50, rate=0.7, scale=0.4, max_rate=2.0)
    bimu = Bimu(options, model, Setting())
    weight = model.layers[0][0].weight
    bimu.batch(torch.zeros(10, 5, dtype=torch.uint8), torch.zeros(10, dtype=torch.int64))
    weight.grad = torch.tensor([gradients, gradients])
    bimu.gradients(model)
    size = math.sqrt(sum(g**2 for g in gradients) / 5)
    for found, before, gradient in zip(weight[0].tolist(), beliefs, gradients, strict=True):
        g, s = 0.4 * gradient / size, 1 / math.cosh(before) ** 2
        step = 1 / (s + 2 * g * math.tanh(before) + 2 * abs(g) + 1 / 2.0)
        assert found == pytest.approx(before - step * (0.7 * g + before * s * 10 / 50), rel=1e-5)
    assert weight.grad is None  # the optimizer of the normalisation does not see it


def test_confirming_moves_a_sure_belief_further_than_contradicting() -> None:
    moved = []
    for gradient in (-1.0, 1.0):
        model = layer([3.0])
        bimu = Bimu(BimuOptions(name="bimu", scale=1.0, window=10**9), model, Setting())
        bimu.batch(torch.zeros(2, 1), torch.zeros(2))
        weight = model.layers[0][0].weight
        weight.grad = torch.full((2, 1), gradient)
        bimu.gradients(model)
        moved.append((weight.detach() - 3.0)[0, 0].item())
    confirmed, contradicted = moved
    assert confirmed > 0 > contradicted
    assert confirmed > 4 * -contradicted


def test_a_belief_that_nothing_confirms_fades_within_the_window() -> None:
    model = layer([0.5])
    bimu = Bimu(BimuOptions(name="bimu", window=1000, max_rate=1e9), model, Setting())
    weight = model.layers[0][0].weight
    for _ in range(100):
        bimu.batch(torch.zeros(10, 1), torch.zeros(10))
        weight.grad = torch.zeros(2, 1)
        bimu.gradients(model)
    assert weight[0, 0].item() == pytest.approx(0.5 / math.e, rel=0.01)


def test_drawn_networks_leave_beliefs_in_place_and_statistics_of_the_likelier_signs() -> None:
    torch.manual_seed(0)
    model = BinaryMLP(MLPConfig(6, (5,), 3))
    setting = Setting(outputs=single_head(3))
    options = BimuOptions(name="bimu", samples=3, rate=1e-12, window=10**12)
    bimu = Bimu(options, model, setting)
    x, y = torch.randint(0, 9, (20, 6), dtype=torch.uint8), torch.randint(0, 3, (20,))
    before = [p.detach().clone() for p in model.weights.values()]
    seen: list[Any] = []
    model.linears[0].register_forward_hook(lambda m, _, out: seen.append(m.weight.detach().clone()))
    bimu.step(model, torch.optim.SGD(model.parameters(), lr=0.0), x, y)
    for belief, weight in zip(before, model.weights.values(), strict=True):
        torch.testing.assert_close(weight.detach(), belief, atol=1e-6, rtol=0)
    likelier, *drawn = seen
    assert torch.equal(likelier, before[0])
    assert len(drawn) == 3
    assert all(set(weight.unique().tolist()) == {-1.0, 1.0} for weight in drawn)
    assert not torch.equal(drawn[0], drawn[1])
    sums = functional.linear(x.float(), sign(before[0]))
    norm = model.layers[0][1]
    torch.testing.assert_close(norm.running_mean[0], 0.1 * sums.mean(0))
    assert norm.momentum == 0.1


def test_the_chance_of_a_weight_is_that_of_its_belief() -> None:
    model = layer([-2.0, 0.0, 0.3])
    bimu = Bimu(BimuOptions(name="bimu", samples=1), model, Setting())
    weight, total = model.layers[0][0].weight, torch.zeros(2, 3)
    with bimu._drawing(model) as draw:
        for _ in range(4000):
            draw()
            total += weight.detach()
    mean = (total / 4000).mean(0)
    assert (mean - torch.tanh(torch.tensor([-2.0, 0.0, 0.3]))).abs().max() < 0.05


def newest(method: dict[str, Any], folder: Path) -> float:
    """Mean accuracy on each of the last five of 10 permuted tasks, just after it was learnt."""
    recipe = {
        "name": "long",
        "data": {"name": "digits", "stream": "permuted", "n_tasks": 10, "test_samples": 250},
        "network": {"hidden": [64]},
        "method": method,
        "train": {"epochs": 2, "batch": 20, "checkpoint_steps": 100_000},
    }
    matrix = np.array(train(recipe_from_dict(recipe), folder).metrics["accuracy_matrix"], float)
    return float(np.diag(matrix)[-5:].mean())


@pytest.mark.long
def test_a_long_stream_does_not_make_it_rigid_as_it_does_metaplasticity(tmp_path: Path) -> None:
    frozen = newest({"name": "metaplastic", "m": 20.0}, tmp_path / "metaplastic")
    fading = newest({"name": "bimu"}, tmp_path / "bimu")
    drawn = newest({"name": "bimu", "samples": 1}, tmp_path / "drawn")
    assert frozen < 0.45
    assert fading > 0.75
    assert drawn > 0.6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": {"name": "bimu", "window": 0}}, "window = 0: must be 1 or more"),
        ({"method": {"name": "bimu", "scale": 0.0}}, "scale = 0.0: must be above 0"),
        ({"method": {"name": "bimu", "samples": -1}}, "samples = -1: must be 0 or more"),
        (
            {"method": {"name": "bimu"}, "network": {"hidden": [4], "kind": "real"}},
            'needs kind = "binary": it is a rule for the belief in a sign',
        ),
        (
            {"method": {"name": "bop"}, "network": {"hidden": [4], "kind": "real"}},
            'needs kind = "binary": it flips signs',
        ),
    ],
)
def test_what_it_cannot_do_is_refused(changes: dict[str, Any], message: str) -> None:
    tables = {
        "name": "x",
        "data": {"name": "digits", "stream": "single"},
        "network": {"hidden": [4]},
        "train": {"epochs": 1},
    }
    with pytest.raises(InputError, match=message):
        recipe_from_dict(tables | changes)
