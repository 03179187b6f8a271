"""Dynamic generative memory: classes learnt one after the other, without a sample kept."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from metabit import InputError
from metabit.trainer.loop import train
from metabit.trainer.methods.base import Setting
from metabit.trainer.methods.dgm import Dgm
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.outputs import Outputs
from metabit.trainer.networks.shapes import MLPConfig
from metabit.trainer.prepare import prepare
from metabit.trainer.recipe import Recipe, recipe_from_dict
from metabit.trainer.recipe.dgm_options import DgmOptions

VARIANTS = ("weights", "units")


def five_pairs(method: dict[str, Any], kind: str = "binary") -> Recipe:
    """All ten digits, two classes a task."""
    return recipe_from_dict(
        {
            "name": "five",
            "data": {"name": "digits", "stream": "classes", "n_tasks": 5, "train_samples": 600},
            "network": {"kind": kind, "hidden": [128], "outputs": "seen"},
            "method": method,
            "train": {"epochs": 15, "batch": 25, "checkpoint_steps": 100_000},
        }
    )


@pytest.mark.parametrize("variant", ["weights", pytest.param("units", marks=pytest.mark.long)])
def test_it_keeps_classes_that_plain_training_forgets(variant: str, tmp_path: Path) -> None:
    naive = train(five_pairs({"name": "naive"}), tmp_path / "naive").metrics
    found = train(five_pairs({"name": "dgm", "variant": variant}), tmp_path / "dgm").metrics
    assert naive["acc"] < 0.3
    assert found["acc"] > 0.65
    facts = found["extra_metrics"]
    assert facts["generator_growth"] > 1
    assert 0 < facts["reserved_share"] < 1


def test_a_critic_of_too_many_convolutions_is_refused() -> None:
    options = DgmOptions(name="dgm", critic_layers="conv", critic=(4, 4, 4, 4))
    assert "halves sides so often" in options.cannot_read((8, 8))
    assert replace(options, critic=(4, 4)).cannot_read((3, 8, 8)) == ""


def test_a_mask_is_counted_as_the_bits_that_it_is(tmp_path: Path) -> None:
    method = learnt_two_classes({"variant": "weights"})
    bits = sum(
        math.prod(shape)
        for memory in method.memory.memories
        for shape in method.memory.plan.shapes(memory.widths)
    )
    sizes = method.state_bytes()
    assert bits / 8 <= sizes["masks"] <= bits / 8 + 6
    assert sizes["generator"] == 4 * sum(weight.numel() for weight in method.memory.weights)
    assert sizes["replay"] == 40 * (64 + 8)
    assert "critic" not in sizes  # it is gone when the task is over


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_growth_of_a_convolutional_generator_is_told_task_by_task(variant: str) -> None:
    options = {"layers": "conv", "critic_layers": "conv", "critic": (4, 8), "variant": variant}
    method = learnt_two_classes(options)
    facts = method.extra_metrics()
    weights, used = (
        [facts[f"{what}_after_task_{n}"] for n in (1, 2)] for what in ("weights", "used_weights")
    )
    assert weights[1] == facts["generator_weights"] > weights[0]
    assert 0 < used[0] <= used[1]
    assert used[1] == pytest.approx(facts["reserved_share"] * weights[1])


def learnt_two_classes(options: dict[str, Any], n_epochs: int = 2) -> Dgm:
    """Task 0 is class 2, always the same bright picture; task 1 is class 0, a dark one."""
    outputs = Outputs(3, [(2,), (0,)], "seen")
    setting = Setting(2, seed=3, epochs=n_epochs, input_shape=(8, 8), outputs=outputs)
    model = BinaryMLP(MLPConfig(64, (8,), 3), torch.Generator().manual_seed(0))
    small = {"generator": (8, 6), "critic": (16,)}
    method = Dgm(DgmOptions(name="dgm", **{**small, **options}), model, setting)
    optimizer = method.optimizer(model)
    random = torch.Generator().manual_seed(1)
    for task, (label, level) in enumerate(((2, 200), (0, 10))):
        outputs.start_task(task)
        x = torch.randint(level, level + 50, (40, 64), generator=random).to(torch.uint8)
        y = torch.full((40,), label)
        method.start_phase(model, x, y, task, 0)
        for _ in range(n_epochs):
            for part in torch.randperm(40, generator=random).reshape(4, 10):
                method.step(model, optimizer, x[part], y[part])
        method.consolidate(model, x, y, task)
    return method


@pytest.mark.parametrize("variant", VARIANTS)
def test_drawn_samples_are_what_a_data_set_can_hold(variant: str) -> None:
    method = learnt_two_classes({"variant": variant})
    for task, low, high in ((0, 200, 249), (1, 10, 59)):
        y = torch.full((30,), (2, 0)[task])
        drawn = method.redraw(task, y, torch.Generator().manual_seed(4))
        assert drawn.shape == (30, 64)
        assert drawn.dtype == torch.uint8
        assert low <= int(drawn.min()) <= int(drawn.max()) <= high


def test_a_batch_has_drawn_samples_of_every_earlier_task_and_their_labels() -> None:
    method = learnt_two_classes({"replayed": 7})
    x, y = method.batch(torch.zeros(4, 64, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64))
    assert y.tolist() == [0] * 4 + [2] * 7
    assert (x[4:] >= 200).all()


def test_input_noise_is_a_share_of_the_range_of_values() -> None:
    method = learnt_two_classes({"input_noise": 0.5})
    x = torch.full((300, 64), 30, dtype=torch.uint8)
    noise = method.inputs(x) - 30
    assert abs(noise.mean().item()) < 1
    assert noise.std().item() == pytest.approx(0.5 * 49, rel=0.05)  # task 1 has 10 to 59
    assert torch.equal(learnt_two_classes({}).inputs(x), x.float())


def test_the_generator_draws_the_class_that_it_is_asked_for() -> None:
    """Where tasks share classes, only the class code tells them apart."""
    outputs = Outputs(2, [(0, 1), (0, 1)])
    setting = Setting(2, seed=0, epochs=30, input_shape=(16,), outputs=outputs)
    model = BinaryMLP(MLPConfig(16, (8,), 2), torch.Generator().manual_seed(0))
    options = {"generator": (16,), "critic": (32,), "generator_lr": 0.005, "critic_lr": 0.005}
    method = Dgm(DgmOptions(name="dgm", **options), model, setting)  # type: ignore[arg-type]
    optimizer = method.optimizer(model)
    random = torch.Generator().manual_seed(1)
    for task in range(2):
        y = torch.arange(60) % 2
        bright = y ^ task  # what class 0 looks like in the first task, 1 looks like in the second
        x = (bright[:, None] * 150 + torch.randint(100, (60, 16), generator=random)).to(torch.uint8)
        method.start_phase(model, x, y, task, 0)
        for _ in range(30):
            for part in torch.randperm(60, generator=random).reshape(5, 12):
                method.step(model, optimizer, x[part], y[part])
        method.consolidate(model, x, y, task)
    for task in range(2):
        y = torch.arange(40) % 2
        drawn = method.redraw(task, y, torch.Generator().manual_seed(2)).float().mean(dim=1)
        assert ((drawn > 125) == (y ^ task).bool()).float().mean() > 0.9


@pytest.mark.parametrize("shape", [(64,), (8, 6), (2, 2), (1, 1, 8, 8)])
def test_a_convolutional_generator_draws_images_only(shape: tuple[int, ...]) -> None:
    options = DgmOptions(name="dgm", layers="conv", generator=(4, 4))
    assert "use another number of layers" in options.cannot_read(shape)
    assert replace(options, layers="dense").cannot_read(shape) == ""


@pytest.mark.parametrize("shape", [(8, 12), (3, 16, 8)])
def test_a_convolutional_generator_draws_images_of_several_channels(shape: tuple[int, ...]) -> None:
    options = DgmOptions(name="dgm", layers="conv", generator=(4, 4))
    assert options.cannot_read(shape) == ""


def test_a_run_whose_samples_are_no_images_is_refused_before_its_folder_is_made(
    tmp_path: Path,
) -> None:
    recipe = recipe_from_dict(
        {
            "name": "x",
            "data": {"name": "hapt", "stream": "single", "train_samples": 20},
            "network": {"hidden": [4]},
            "method": {"name": "dgm", "layers": "conv", "generator": [4, 4, 4]},
            "train": {"epochs": 1},
        }
    )
    with pytest.raises(InputError, match='or layers = "dense"') as caught:
        prepare(recipe, tmp_path / "run")
    assert caught.value.code == "E-METHOD"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"variant": "weight"}, "variant"),
        ({"layers": "deconv"}, "layers"),
        ({"generator": []}, "needs one width or more"),
        ({"critic": [0]}, "needs one width or more"),
        ({"noise": 0}, "noise = 0: must be 1 or more"),
        ({"generator_lr": 0.0}, "generator_lr = 0.0: must be above 0"),
        ({"mask_strength": -1.0}, "mask_strength = -1.0: must be 0 or more"),
        ({"replayed": -1}, "replayed = -1: must be 0 or more"),
        ({"input_noise": -0.1}, "input_noise = -0.1: must be 0 or more"),
        ({"s_max": 1.0}, "s_max = 1.0: must be above 1"),
    ],
)
def test_options_are_checked(option: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        five_pairs({"name": "dgm", **option})
    assert caught.value.code == "E-RECIPE"


def test_a_bank_per_task_is_refused() -> None:
    recipe = asdict(five_pairs({"name": "dgm"}))
    network = {"hidden": [128], "banks": "task"}
    tables = {"name": "x", "data": recipe["data"], "method": {"name": "dgm"}, "network": network}
    tables["data"] = {"name": "digits", "stream": "classes", "n_tasks": 5}
    with pytest.raises(InputError, match='name = "dgm" needs banks = "shared"'):
        recipe_from_dict({**tables, "train": {"epochs": 1}})
