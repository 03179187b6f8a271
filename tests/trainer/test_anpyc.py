"""ANPyC: importance is its formula, pruned weights do nothing, what earlier tasks use stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from metabit import InputError
from metabit.trainer.loop import train
from metabit.trainer.methods.anpyc import (
    BATCH,
    Anpyc,
    binary_weights,
    entropy_importance,
    sample_importance,
)
from metabit.trainer.methods.base import Setting
from metabit.trainer.methods.per_sample import protected
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.network import Network
from metabit.trainer.networks.outputs import single_head
from metabit.trainer.networks.real_mlp import RealMLP
from metabit.trainer.networks.shapes import MLPConfig, RealMLPConfig
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.recipe.method_options import AnpycOptions

HIDDEN = ("linears.0.weight", "linears.1.weight")


def real() -> Network:
    return RealMLP(RealMLPConfig(6, (20, 10), 3), torch.Generator().manual_seed(1)).train()


def binary() -> Network:
    return BinaryMLP(MLPConfig(6, (20, 10), 3), torch.Generator().manual_seed(1)).train()


def samples(n: int = 150) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    x = torch.randint(0, 17, (n, 6), generator=generator, dtype=torch.uint8)
    return x, torch.randint(0, 3, (n,), generator=generator)


def method(model: Network, n_tasks: int = 3, **options: Any) -> Anpyc:
    setting = Setting(n_tasks=n_tasks, epochs=2, outputs=single_head(3, n_tasks))
    return Anpyc(AnpycOptions(name="anpyc", **options), model, setting)


def steps(anpyc: Anpyc, model: Network, n: int = 20) -> None:
    """Training with moments and decay, which would move a weight that has no gradient."""
    x, y = samples()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=0.01)
    for _ in range(n):
        anpyc.step(model, optimizer, x, y)


@pytest.mark.parametrize("columns", [[0, 1, 2], [1, 2]])
def test_importance_is_the_estimate_of_what_taking_a_weight_out_does_to_entropy(
    columns: list[int],
) -> None:
    model, (x, _) = real(), samples()
    found = entropy_importance(model, x.float(), torch.tensor(columns))
    expected = {name: torch.zeros_like(p) for name, p in protected(model).items()}
    parts = (x[:BATCH].float(), x[BATCH:].float())
    for part in parts:
        model.zero_grad()
        p = model(part)[:, columns].softmax(1)
        (-(p * p.log()).sum()).backward()
        for name, weight in protected(model).items():
            assert weight.grad is not None
            change = weight.grad * weight + 0.5 * weight**2 * weight.grad**2
            expected[name] += change.detach().clamp(min=0) / len(parts)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-7)
        assert value.max() > 0


def test_a_network_that_is_certain_gives_numbers() -> None:
    """log 0 times 0 would be NaN."""
    model = real()
    with torch.no_grad():
        for weight in protected(model).values():
            weight.mul_(100)
    found = entropy_importance(model, samples()[0].float(), torch.arange(3))
    assert all(torch.isfinite(value).all() for value in found.values())


def test_the_weight_of_a_sign_is_its_size() -> None:
    model, x = binary(), samples()[0].float()
    before = entropy_importance(model, x, torch.arange(3))
    with torch.no_grad():
        for name in binary_weights(model):
            protected(model)[name].mul_(3)  # no sign changes
    after = entropy_importance(model, x, torch.arange(3))
    assert binary_weights(model) == {*HIDDEN, "linears.2.weight"}
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_phases_take_out_more_and_more_and_leave_the_last_task_alone() -> None:
    anpyc = method(real(), prune=50, prune_step=20, retrain_epochs=1)
    assert [anpyc.options.percents(task) for task in range(3)] == [[20, 40, 50], [20, 40], [20, 32]]
    assert [anpyc.phases(task) for task in range(3)] == [(2, 1, 1, 1), (2, 1, 1), (2,)]
    assert method(real(), prune=50).phases(0) == (2, 2, 2, 2, 2, 2)
    assert method(real()).phases(0) == (2,)
    assert AnpycOptions(name="anpyc", prune=10, prune_decay=0.0).percents(1) == []


@pytest.mark.parametrize("make", [real, binary])
def test_what_is_pruned_is_of_least_importance_and_does_not_move(make: Any) -> None:
    model, (x, y) = make(), samples()
    anpyc = method(model, prune=50, prune_step=25)
    anpyc.start_phase(model, x, y, 0, 0)
    steps(anpyc, model)
    first = entropy_importance(model, x.float(), torch.arange(3))
    anpyc.start_phase(model, x, y, 0, 1)
    quarter = {name: mask.clone() for name, mask in anpyc.pruned.items()}
    assert tuple(quarter) == HIDDEN  # not the head, no bias
    for name, mask in quarter.items():
        assert int(mask.sum()) == mask.numel() // 4
        assert first[name][mask].max() <= first[name][~mask].min()
    steps(anpyc, model)
    anpyc.start_phase(model, x, y, 0, 2)
    before = {name: weight.detach().clone() for name, weight in protected(model).items()}
    steps(anpyc, model)
    for name, weight in protected(model).items():
        mask = anpyc.pruned.get(name, torch.zeros_like(weight, dtype=torch.bool))
        assert (weight[mask].abs() < 2e-6).all()
        assert (weight != before[name])[~mask].all()
        if name in quarter:
            assert mask[quarter[name]].all()  # nothing wakes within a task
            assert int(mask.sum()) == mask.numel() // 2
            if name not in binary_weights(model):
                assert (weight[mask] == 0).all()


def test_a_pruned_weight_gets_a_new_sign_in_every_step() -> None:
    model, (x, y) = binary(), samples()
    anpyc = method(model, prune=50, prune_step=50)
    anpyc.start_phase(model, x, y, 0, 1)
    weight, mask = protected(model)[HIDDEN[0]], anpyc.pruned[HIDDEN[0]]
    seen = []
    for _ in range(30):
        steps(anpyc, model, 1)
        seen.append((weight[mask] >= 0).float())
    share = torch.stack(seen).mean(0)
    assert share.min() > 0.1
    assert share.max() < 0.9


@pytest.mark.parametrize("make", [real, binary])
def test_later_tasks_take_out_only_what_was_free_before_them(make: Any) -> None:
    model, (x, y) = make(), samples()
    anpyc = method(model, prune=50, prune_step=50)
    for task, share in enumerate((0.5, 0.4)):
        free = {name: mask.clone() for name, mask in anpyc.free.items()}
        anpyc.start_phase(model, x, y, task, 0)
        assert not any(mask.any() for mask in anpyc.pruned.values())  # all of it learns
        steps(anpyc, model, 5)
        anpyc.start_phase(model, x, y, task, 1)
        steps(anpyc, model, 5)
        anpyc.consolidate(model, x, y, task)
        for name, mask in anpyc.free.items():
            assert int(mask.sum()) == int(share * mask.numel())
            assert not (mask & ~free[name]).any()
            assert (anpyc.importance[name][mask] == 0).all()
    anpyc.start_phase(model, x, y, 2, 0)
    anpyc.consolidate(model, x, y, 2)
    assert list(anpyc.extra_metrics().values()) == pytest.approx([0.5, 0.4, 0.0])


def test_a_task_is_asked_of_the_weights_it_had() -> None:
    """What free weights become later is not heard, and all weights are put back."""
    model, (x, y) = real(), samples()
    anpyc = method(model, prune=50, prune_step=50, own_weights=True)
    anpyc.start_phase(model, x, y, 0, 1)
    steps(anpyc, model, 5)
    anpyc.consolidate(model, x, y, 0)
    learnt, was_free = model(x.float()), anpyc.free
    anpyc.setting.outputs.start_task(1)
    anpyc.start_phase(model, x, y, 1, 0)
    with torch.no_grad():
        for name, free in was_free.items():
            protected(model)[name][free] += 1.0
    changed = model(x.float())
    assert not torch.equal(changed, learnt)
    with anpyc.while_tested(model, 0):
        assert torch.equal(model(x.float()), learnt)
    with anpyc.while_tested(model, 1):  # the task being learnt has all of them
        assert torch.equal(model(x.float()), changed)
    assert torch.equal(model(x.float()), changed)
    anpyc.consolidate(model, x, y, 1)
    anpyc.setting.outputs.start_task(2)
    with anpyc.while_tested(model, 1):
        assert torch.equal(model(x.float()), changed)
    heard = method(model, prune=50)
    heard.setting.outputs.start_task(2)
    with heard.while_tested(model, 0):
        assert torch.equal(model(x.float()), changed)


def test_importances_add_up_with_pruning_and_the_largest_counts_without() -> None:
    model, (x, y) = real(), samples()
    once = entropy_importance(model, x.float(), torch.arange(3))
    for prune, times in ((50, 2), (0, 1)):
        anpyc = method(model, prune=prune)
        for task in range(2):
            anpyc.consolidate(model, x, y, task)
        for name, value in once.items():
            torch.testing.assert_close(anpyc.importance[name], times * value)


def run(
    method: dict[str, Any],
    network: dict[str, Any],
    folder: Path,
    n_tasks: int = 5,
    epochs: int = 10,
) -> dict[str, Any]:
    recipe = {
        "name": "permuted",
        "data": {"name": "digits", "stream": "permuted", "n_tasks": n_tasks},
        "network": network,
        "method": {"reset_optimizer": True, **method},
        "train": {"epochs": epochs, "batch": 50, "checkpoint_steps": 100_000},
    }
    return train(recipe_from_dict(recipe), folder).metrics


def test_a_part_of_the_weights_per_task_keeps_more_than_plain_training(tmp_path: Path) -> None:
    network = {"hidden": [64, 32], "kind": "real", "banks": "shared"}
    own = {"name": "anpyc", "strength": 1.0, "prune": 50, "lr": 0.002, "own_weights": True}
    kept = run(own, network, tmp_path / "own", n_tasks=4, epochs=5)
    plain = run({"name": "naive", "lr": 0.002}, network, tmp_path / "naive", n_tasks=4, epochs=5)
    assert kept["acc"] > plain["acc"] + 0.1
    shares = [kept["extra_metrics"][f"free_after_task_{n}"] for n in range(1, 5)]
    assert shares == pytest.approx([0.5, 0.4, 0.32, 0.0], abs=0.001)


@pytest.mark.long
def test_pruning_makes_room_in_a_small_real_network(tmp_path: Path) -> None:
    """Above EWC and MAS at the best of seven strengths each, as the paper has it."""
    network = {"hidden": [64, 32], "kind": "real"}
    pruned = run(
        {"name": "anpyc", "strength": 1.0, "prune": 50, "lr": 0.002}, network, tmp_path / "anpyc"
    )
    ewc = run({"name": "ewc", "strength": 100.0, "lr": 0.002}, network, tmp_path / "ewc")
    mas = run({"name": "mas", "strength": 0.03, "lr": 0.002}, network, tmp_path / "mas")
    own = run(
        {"name": "anpyc", "strength": 1.0, "prune": 50, "lr": 0.002, "own_weights": True},
        network | {"banks": "shared"}, tmp_path / "own",
    )  # fmt: skip
    assert pruned["acc"] > max(ewc["acc"], mas["acc"]) + 0.03
    assert own["acc"] > pruned["acc"] + 0.05
    shares = [pruned["extra_metrics"][f"free_after_task_{n}"] for n in range(1, 6)]
    assert shares == pytest.approx([0.5, 0.4, 0.32, 0.25, 0.0], abs=0.001)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ({"prune": 100}, "prune = 100: must be 0 to 99 percent"),
        ({"prune_step": 0}, "prune_step = 0: must be 1 to 100 percent"),
        ({"prune_decay": 1.5}, "prune_decay = 1.5: must be from 0 to 1"),
        ({"retrain_epochs": 0}, "retrain_epochs = 0: must be 1 or more"),
        ({"prune": 10, "consolidate_samples": 50}, "does not go with prune"),
        ({"own_weights": True}, "own_weights needs prune"),
        ({"prune": 10, "own_weights": True}, "a sign has no zero"),
    ],
)
def test_wrong_options_are_named(method: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        run({"name": "anpyc", **method}, {"hidden": [4]}, tmp_path)


def test_a_single_layer_has_nothing_to_prune() -> None:
    model = RealMLP(RealMLPConfig(6, (), 3))
    anpyc = method(model, prune=50)
    x, y = samples()
    anpyc.start_phase(model, x, y, 0, 1)
    anpyc.consolidate(model, x, y, 0)
    assert anpyc.extra_metrics() == {"free_after_task_1": 0.0}


def test_importance_of_samples_does_not_cancel_and_counts_what_a_pruned_weight_may_become() -> None:
    model, (x, _) = real(), samples(20)
    name = HIDDEN[0]
    weight = protected(model)[name]
    mask = torch.zeros_like(weight, dtype=torch.bool)
    mask[:, 0] = True
    with torch.no_grad():
        weight[mask] = 0.0
    found = sample_importance(model, x.float(), torch.arange(3), {name: mask})
    expected = torch.zeros_like(weight)
    model.eval()
    for one in x.float():
        p = model(one[None]).softmax(1)
        gradient = torch.autograd.grad(-(p * p.log()).sum(), weight)[0]
        size = torch.where(mask, weight[~mask].abs().mean(), weight.abs()).detach()
        expected += gradient.abs() * size / len(x)
    torch.testing.assert_close(found[name], expected, rtol=1e-4, atol=1e-7)
    assert found[name][:, 0].max() > 0


def test_pruned_weights_keep_a_sensitivity_with_importance_of_samples() -> None:
    for importance, protects in (("batches", False), ("samples", True)):
        model, (x, y) = real(), samples()
        anpyc = method(model, prune=50, prune_step=50, importance=importance)
        for phase in range(2):
            anpyc.start_phase(model, x, y, 0, phase)
            steps(anpyc, model, 3)
        anpyc.consolidate(model, x, y, 0)
        pruned = anpyc.importance[HIDDEN[1]][anpyc.pruned[HIDDEN[1]]]
        assert bool((pruned > 0).any()) == protects
