"""The pull of a quadratic penalty never swings a weight away, however important the weight is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.small_networks import real
from torch import Tensor

from metabit import MetabitError
from metabit.trainer.loop import train
from metabit.trainer.methods.base import Setting
from metabit.trainer.methods.ewc import Ewc
from metabit.trainer.methods.per_sample import protected
from metabit.trainer.methods.quadratic import QuadraticMethod
from metabit.trainer.networks.outputs import single_head
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.recipe.method_options import EwcOptions

RATE, STRENGTH = 0.1, 3.0
MOST = 1 / (RATE * 2 * STRENGTH)
"""The importance with which one step reaches the anchor."""


def off_the_anchor(model: Any, importance: float, **options: Any) -> QuadraticMethod:
    """EWC with one importance for every weight, and all weights 0.5 above their anchor."""
    given: dict[str, Any] = {"optimizer": "sgd", "lr": RATE, "strength": STRENGTH} | options
    method = Ewc(EwcOptions(name="ewc", **given), model, Setting(outputs=single_head(3)))
    method.remember(
        model, {name: torch.full_like(p, importance) for name, p in protected(model).items()}
    )
    with torch.no_grad():
        for p in protected(model).values():
            p.add_(0.5)
    return method


def distances(method: QuadraticMethod, model: Any) -> Tensor:
    """How far every weight is above its anchor."""
    weights = protected(model)
    return torch.cat([(weights[k] - a).flatten().detach() for k, a in method.anchor.items()])


def pull(method: QuadraticMethod, model: Any, optimizer: torch.optim.Optimizer) -> None:
    """A step in which nothing but the penalty pulls."""
    optimizer.zero_grad()
    method.gradients(model)
    optimizer.step()


@pytest.mark.parametrize("times", [1.0, 1.5, 2.5, 1e6])
def test_a_weight_too_important_for_the_rate_ends_at_its_anchor(times: float) -> None:
    model: Any = real()
    method = off_the_anchor(model, times * MOST)
    pull(method, model, method.optimizer(model))
    assert distances(method, model).abs().max() < 1e-6


def test_a_weight_below_the_limit_gets_the_bits_of_the_formula() -> None:
    model: Any = real()
    method = off_the_anchor(model, 0.9 * MOST)
    optimizer = method.optimizer(model)
    optimizer.zero_grad()
    method.gradients(model)
    for name, p in protected(model).items():
        expected = torch.zeros_like(p)
        expected.addcmul_(method.importance[name], p.detach() - method.anchor[name],
                          value=2 * STRENGTH)  # fmt: skip
        assert p.grad is not None
        assert torch.equal(p.grad, expected)


def test_the_penalty_is_that_of_the_importances_that_count() -> None:
    model: Any = real()
    method = off_the_anchor(model, 4 * MOST)
    n_weights = len(distances(method, model))
    unlimited = method.penalty(model)
    method.optimizer(model)
    limited = method.penalty(model)
    assert unlimited is not None
    assert limited is not None
    assert unlimited.item() == pytest.approx(n_weights * STRENGTH * 4 * MOST * 0.25, rel=1e-5)
    assert limited.item() == pytest.approx(unlimited.item() / 4, rel=1e-5)


def test_the_limit_follows_a_rate_that_falls() -> None:
    model: Any = real()
    method = off_the_anchor(model, MOST)
    optimizer = method.optimizer(model)
    assert method.most == pytest.approx(MOST)
    for group in optimizer.param_groups:
        group["lr"] = RATE / 5
    assert method.most == pytest.approx(5 * MOST)
    pull(method, model, optimizer)
    after = distances(method, model)
    torch.testing.assert_close(after, torch.full_like(after, 0.4))


def test_with_momentum_a_weight_swings_but_comes_to_rest() -> None:
    model: Any = real()
    method = off_the_anchor(model, 1e3 * MOST, momentum=0.9)
    optimizer = method.optimizer(model)
    for _ in range(300):
        pull(method, model, optimizer)
        assert distances(method, model).abs().max() < 0.51
    assert distances(method, model).abs().max() < 1e-5


def test_adam_needs_no_limit() -> None:
    model: Any = real()
    method = off_the_anchor(model, 1e6 * MOST, optimizer="adam")
    optimizer = method.optimizer(model)
    assert method.most == math.inf
    for _ in range(20):
        pull(method, model, optimizer)
        assert distances(method, model).abs().max() < 0.5 + RATE


METHODS: dict[str, dict[str, Any]] = {
    "ewc": {"name": "ewc", "strength": 1e5},
    "online ewc": {"name": "ewc", "online": True, "strength": 1e5},
    "si": {"name": "si", "strength": 1e5},
    "mas": {"name": "mas", "strength": 1e3},
    "anpyc": {"name": "anpyc", "strength": 1e5},
    "anpyc pruning": {"name": "anpyc", "strength": 1e5, "prune": 50, "prune_step": 25},
}

HOLDS = ("ewc", "online ewc", "mas")
"""Methods whose every weight is so important here that the first task is hardly forgotten."""


@pytest.mark.parametrize("name", METHODS)
def test_a_run_with_a_pull_that_would_overshoot_stays_finite(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_from_dict(
        {
            "name": "steep",
            "data": {"name": "digits", "stream": "permuted", "n_tasks": 3, "train_samples": 300},
            "network": {
                "kind": "real", "hidden": [16], "standardized": True, "normalized": True,
                "banks": "task",
            },
            "method": {"optimizer": "sgd", "lr": 0.05, **METHODS[name]},
            "train": {"epochs": 10, "batch": 25},
        }
    )  # fmt: skip
    matrix = train(recipe, tmp_path / "run").metrics["accuracy_matrix"]
    assert matrix[0][0] > 0.8
    if name in HOLDS:
        assert matrix[-1][0] > matrix[0][0] - 0.05
    monkeypatch.setattr(QuadraticMethod, "most", math.inf)
    with pytest.raises(MetabitError, match="the penalty of the method is inf"):
        train(recipe, tmp_path / "without")
