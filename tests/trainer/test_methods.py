"""The method design: the loop calls five verbs, knows no method, and changes no bit of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from metabit import InputError, MetabitError
from metabit.trainer.loop import train
from metabit.trainer.methods.base import Method, evaluating
from metabit.trainer.methods.schedule import Schedule
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.network import Network, to_input
from metabit.trainer.networks.shapes import MLPConfig
from metabit.trainer.optim import MetaplasticAdam, parameter_groups
from metabit.trainer.recipe import Recipe, recipe_from_dict, registry
from metabit.trainer.recipe.method import ConsolidatingRecipe
from metabit.trainer.streams import build


def small(method: dict[str, Any], **tables: dict[str, Any]) -> Recipe:
    """Two permuted tasks of 203 digits, 9 steps an epoch: eight of 25 samples and one of 3."""
    recipe: dict[str, Any] = {
        "name": "small",
        "data": {"name": "digits", "stream": "permuted", "n_tasks": 2, "train_samples": 203},
        "network": {"hidden": [16]},
        "method": method,
        "train": {"epochs": 2, "batch": 25, "checkpoint_steps": 4},
    }
    for name, changes in tables.items():
        recipe[name] = recipe[name] | changes
    return recipe_from_dict(recipe)


def trained_by_hand(recipe: Recipe) -> BinaryMLP:
    """The training of before there were methods, written out."""
    dataset, stream = build(recipe.data)
    generator = torch.Generator().manual_seed(recipe.train.seed)
    model = BinaryMLP(MLPConfig(dataset.n_inputs, recipe.network.hidden, 10), generator)
    groups = parameter_groups(model, recipe.method.m)
    optimizer = MetaplasticAdam(groups, lr=recipe.method.lr)
    model.train()
    for task in stream:
        x = to_input(task.train.x.reshape(len(task.train), -1), dataset.zero_point)
        y = torch.from_numpy(task.train.y.astype(np.int64))
        for _ in range(recipe.train.epochs):
            order = torch.randperm(len(y), generator=generator)
            for chosen in torch.split(order, recipe.train.batch):
                optimizer.zero_grad()
                loss = functional.cross_entropy(model(x[chosen]), y[chosen])
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
    return model


@pytest.mark.parametrize("method", [{"m": 8.0}, {"m": 0.0}, {"name": "naive"}])
def test_metaplastic_and_naive_training_are_what_they_were(
    method: dict[str, Any], tmp_path: Path
) -> None:
    recipe = small(method, train={"norm_statistics": "running"})
    torch.set_flush_denormal(True)
    try:
        expected = trained_by_hand(recipe).state_dict()
    finally:
        torch.set_flush_denormal(False)
    found = train(recipe, tmp_path / "run").model.state_dict()
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name


@dataclass(frozen=True)
class SpyOptions(ConsolidatingRecipe):
    """No keys but those of every method that consolidates."""


@registry.register
class Spy(Method):
    """Writes down what it is asked, and keeps one tensor."""

    name = "spy"
    Options = SpyOptions
    calls: list[Any] = []  # noqa: RUF012  one spy at a time
    poison = False

    def __init__(self, options: Any, model: Any, setting: Any) -> None:
        super().__init__(options, model, setting)
        self.importance = torch.zeros(3)

    def batch(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        self.calls.append(("batch", x.dtype, len(y)))
        return x, y

    def penalty(self, model: Network) -> Tensor | None:
        self.calls.append("penalty")
        return None

    def gradients(self, model: Network) -> None:
        assert model.weights["linears.0.weight"].grad is not None
        self.calls.append("gradients")

    def after_step(self, model: Network) -> None:
        self.calls.append("after_step")

    def consolidate(self, model: Network, x: Tensor, y: Tensor, task: int) -> None:
        self.calls.append(("consolidate", len(x), len(y), task))
        if self.poison:
            self.importance[1] = float("nan")

    def state(self) -> dict[str, Tensor]:
        return {"importance/linears.1.weight": self.importance}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        self.importance = tensors["importance/linears.1.weight"]


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> type[Spy]:
    monkeypatch.setattr(Spy, "calls", [])
    return Spy


STEP = ["penalty", "gradients", "after_step"]


def test_the_loop_calls_the_verbs_in_order(spy: type[Spy], tmp_path: Path) -> None:
    run = train(small({"name": "spy"}), tmp_path / "run")
    full, short = ("batch", torch.uint8, 25), ("batch", torch.uint8, 3)
    epoch = [*([full, *STEP] * 8), short, *STEP]
    expected = [*epoch * 2, ("consolidate", 203, 203, 0), *epoch * 2, ("consolidate", 203, 203, 1)]
    assert spy.calls == expected
    assert run.metrics["state_bytes"] == {"importance": 12}


def test_a_schedule_of_samples_does_not_ask_where_tasks_end(spy: type[Spy], tmp_path: Path) -> None:
    run = train(small({"name": "spy", "consolidate_samples": 230}), tmp_path / "run")
    fired = [call for call in spy.calls if call[0] == "consolidate"]
    # 36 batches: eight of 25 and one of 3, four times over
    assert fired == [
        ("consolidate", 253, 253, 0),
        ("consolidate", 253, 253, 1),
        ("consolidate", 253, 253, 1),
    ]
    assert run.metrics["state_bytes"]["recent_samples"] == (229 + 25) * (64 + 8)


def test_a_schedule_resumes_with_the_samples_it_had() -> None:
    x, y = torch.arange(24, dtype=torch.uint8).reshape(6, 4), torch.arange(6)
    whole, first, second = Schedule(5), Schedule(5), Schedule(5)
    for schedule in (whole, first):
        assert schedule.after_step(x[:3], y[:3]) is None
    second.load_state(first.state())
    expected, found = whole.after_step(x[3:], y[3:]), second.after_step(x[3:], y[3:])
    assert expected is not None
    assert found is not None
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], y)
    assert second.state() == {}


def test_a_nan_that_a_method_keeps_stops_the_run_by_step_and_layer(
    spy: type[Spy], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spy, "poison", True)
    message = r"task 1, after 18 steps: .*the method's importance of layer 2"
    with pytest.raises(MetabitError, match=message) as caught:
        train(small({"name": "spy"}), tmp_path / "run")
    assert caught.value.code == "E-DIVERGED"


def test_evaluating_restores_every_mode_even_after_a_failure() -> None:
    model = BinaryMLP(MLPConfig(4, (3,), 2))
    model.train()
    model.norms[0].eval()  # a frozen part stays frozen
    before = [module.training for module in model.modules()]

    def fail() -> None:
        with evaluating(model):
            assert not any(module.training for module in model.modules())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [module.training for module in model.modules()] == before


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ({"name": "metaplastik"}, r'name = "metaplastik": did you mean "metaplastic"\?'),
        ({"m": 1.0, "mm": 2}, r'\[method\] unknown key "mm": did you mean'),
        ({"name": "naive", "m": 1.0}, r'm belongs to name = .*"metaplastic".* name = "naive"'),
        ({"consolidate_samples": 5}, 'consolidate_samples belongs to name = .*"spy"'),
        ({"name": "spy", "consolidate_samples": 0}, "consolidate_samples = 0: must be 1 or more"),
        ({"name": 3}, "must be a string"),
        ({"name": "ewc", "strength": -1.0}, "strength = -1.0: must be 0 or more"),
        ({"name": "ewc", "decay": 0.5}, "decay belongs to online = true"),
        ({"name": "mas", "decay": 0.5}, 'decay belongs to name = "ewc"; .* name = "mas"'),
        ({"name": "mas", "rule": "globl"}, 'rule = "globl": did you mean "global"'),
        ({"name": "si", "damping": 0.0}, "damping = 0.0: must be above 0"),
        ({"name": "si", "strenght": 1.0}, 'unknown key "strenght": did you mean "strength"'),
    ],
)
def test_options_are_strict(method: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        small(method)
    assert caught.value.code == "E-RECIPE"


def test_a_method_without_m_refuses_one() -> None:
    recipe = small({"name": "naive"})
    assert recipe.method.m == 0.0
    with pytest.raises(InputError, match="m belongs to name"):
        recipe.with_m(3.0)


def test_two_methods_cannot_have_one_name() -> None:
    class Other(Method):
        name = "naive"

    # Whether the built-in method has been imported yet makes no difference.
    with pytest.raises(InputError, match='two methods are named "naive"') as caught:
        registry.register(Other)
    assert caught.value.code == "E-METHOD"
    assert registry.find("naive") is not Other


@pytest.mark.parametrize("name", registry.BUILT_IN)
def test_every_built_in_method_is_found_by_its_name(name: str) -> None:
    kind = registry.find(name)
    assert kind.name == name
    assert issubclass(kind, Method)
    assert kind.Options is registry.options_of(name)
    assert kind.Options(name=name).name == name
