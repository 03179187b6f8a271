"""Whole runs of every method: each resumes to the same bits, and each does what it is there for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from metabit import InputError
from metabit.trainer.loop import train
from metabit.trainer.methods.base import Setting
from metabit.trainer.methods.bop import Bop
from metabit.trainer.methods.joint import Joint
from metabit.trainer.methods.lwf import Lwf
from metabit.trainer.methods.replay import Reservoir
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.outputs import single_head
from metabit.trainer.networks.recipe_shape import MODEL
from metabit.trainer.networks.shapes import MLPConfig
from metabit.trainer.recipe import Recipe, recipe_from_dict, registry
from metabit.trainer.recipe.method_options import BopOptions, JointOptions, LwfOptions
from metabit.trainer.runs import run_folder
from metabit.trainer.runs.progress import Silent
from metabit.trainer.tensor_files import read_tensors

#: METABIT_TEST_DEVICE=cuda runs these tests on a graphics processor, where there is one.
DEVICE = os.environ.get("METABIT_TEST_DEVICE", "cpu")

SHARED = {"banks": "shared"}
REAL = {"kind": "real"}
TASK = {"banks": "task"}

VARIANTS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "naive": ({"name": "naive"}, TASK),
    "metaplastic": ({"name": "metaplastic", "m": 8.0}, TASK),
    "ewc": ({"name": "ewc", "strength": 100.0}, TASK),
    "ewc online": ({"name": "ewc", "online": True, "decay": 0.5, "strength": 100.0}, TASK),
    "ewc by samples": ({"name": "ewc", "strength": 100.0, "consolidate_samples": 120}, SHARED),
    "ewc that would overshoot": (
        {"name": "ewc", "optimizer": "sgd", "strength": 1e5, "lr": 0.05, "lr_decay": 0.9},
        REAL,
    ),
    "si": ({"name": "si", "strength": 10.0}, TASK),
    "mas": ({"name": "mas", "strength": 0.1}, TASK),
    "mas local": ({"name": "mas", "rule": "local", "strength": 0.1}, TASK),
    "mas online": (
        {"name": "mas", "accumulate": "online", "strength": 0.1, "consolidate_samples": 120},
        SHARED,
    ),
    "si real": ({"name": "si", "strength": 10.0}, REAL),
    "anpyc": ({"name": "anpyc"}, TASK),
    "anpyc pruning": (
        {"name": "anpyc", "prune": 50, "prune_step": 25, "retrain_epochs": 1},
        TASK,
    ),
    "anpyc pruning real": (
        {"name": "anpyc", "prune": 50, "prune_step": 25, "retrain_epochs": 1},
        REAL,
    ),
    "replay": ({"name": "replay", "memory": 60}, SHARED),
    "joint": ({"name": "joint"}, SHARED),
    "dgm": ({"name": "dgm", "generator": [8, 8], "critic": [16]}, SHARED),
    "dgm units": (
        {"name": "dgm", "variant": "units", "layers": "conv", "generator": [6, 4], "critic": [16]},
        SHARED,
    ),
    "lwf": ({"name": "lwf"}, TASK),
    "lwf real": ({"name": "lwf"}, REAL),
    "bop": ({"name": "bop", "threshold": 1e-5}, TASK),
    "bimu": ({"name": "bimu", "window": 500}, TASK),
    "bimu drawn": ({"name": "bimu", "samples": 2}, SHARED),
    "chain": ({"name": "chain", "variables": 3}, TASK),
    "chain real": ({"name": "chain", "variables": 3}, REAL),
}


def small(method: dict[str, Any], network: dict[str, str]) -> Recipe:
    """Two permuted tasks of 203 digits, 9 steps an epoch, 18 a task."""
    return recipe_from_dict(
        {
            "name": "small",
            "data": {"name": "digits", "stream": "permuted", "n_tasks": 2, "train_samples": 203},
            "network": {"hidden": [16], **network},
            "method": method,
            "train": {"epochs": 2, "batch": 25, "checkpoint_steps": 4, "device": DEVICE},
        }
    )


class Killed(Exception):
    """The power goes."""


class KillAt(Silent):
    """Stops the run after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def step_done(self, task: int, total_steps: int, loss: float) -> None:
        if total_steps == self.step:
            raise Killed


def test_every_method_is_among_the_variants() -> None:
    assert {method["name"] for method, _ in VARIANTS.values()} == set(registry.BUILT_IN)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_killed_run_of_any_method_goes_on_to_the_same_bits(name: str, tmp_path: Path) -> None:
    recipe = small(*VARIANTS[name])
    train(recipe, tmp_path / "whole")
    for resume, step in enumerate((6, 18, 29)):  # within a task, at its last step, in the second
        with pytest.raises(Killed):
            train(recipe, tmp_path / "killed", resume=resume > 0, progress=KillAt(step))
    train(recipe, tmp_path / "killed", resume=True)
    for file in (MODEL, run_folder.CHECKPOINT):
        whole, _ = read_tensors(tmp_path / "whole" / file)
        killed, _ = read_tensors(tmp_path / "killed" / file)
        assert whole.keys() == killed.keys()
        for key, tensor in whole.items():
            assert torch.equal(tensor, killed[key]), key


@pytest.mark.parametrize("name", ["anpyc", "ewc", "mas", "si", "lwf", "bop", "bimu", "chain"])
def test_a_method_serves_a_convolutional_network(name: str, tmp_path: Path) -> None:
    method, network = VARIANTS[name]
    recipe = {
        "name": "maps",
        "data": {"name": "digits", "stream": "permuted", "n_tasks": 2, "train_samples": 203},
        "network": {"hidden": [16], "convolutions": [[4, 3, 2]], **network},
        "method": method,
        "train": {"epochs": 2, "batch": 25, "device": DEVICE},
    }
    train(recipe_from_dict(recipe), tmp_path / "run")
    kept = read_tensors(tmp_path / "run" / run_folder.CHECKPOINT)[0]
    kernels = [key for key in kept if key.startswith("method/") and key.endswith("convs.0.weight")]
    assert any(kept[key].any() for key in kernels)


def three_tasks(method: dict[str, Any], network: dict[str, str], folder: Path) -> dict[str, Any]:
    recipe = {
        "name": "three",
        "data": {"name": "digits", "stream": "permuted", "n_tasks": 3},
        "network": {"hidden": [128], **network},
        "method": method,
        "train": {"epochs": 10, "batch": 50, "checkpoint_steps": 100_000, "device": DEVICE},
    }
    return train(recipe_from_dict(recipe), folder).metrics


@pytest.fixture(scope="module")
def naive(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Accuracy of plain training, by kind of banks."""
    folder = tmp_path_factory.mktemp("naive")
    kinds = (TASK, SHARED)
    return {
        n["banks"]: three_tasks({"name": "naive"}, n, folder / n["banks"])["acc"] for n in kinds
    }


KEEPS: dict[str, tuple[dict[str, Any], dict[str, str], float]] = {
    "metaplastic": ({"name": "metaplastic", "m": 20.0, "reset_optimizer": True}, TASK, 0.08),
    "ewc": ({"name": "ewc", "strength": 1000.0, "reset_optimizer": True}, TASK, 0.17),
    "si": ({"name": "si", "strength": 100.0, "reset_optimizer": True}, TASK, 0.12),
    "mas": ({"name": "mas", "strength": 1.0, "reset_optimizer": True}, TASK, 0.14),
    "mas local": (
        {"name": "mas", "rule": "local", "strength": 1.0, "reset_optimizer": True},
        TASK,
        0.12,
    ),
    "replay": ({"name": "replay", "memory": 300}, SHARED, 0.22),
    "joint": ({"name": "joint"}, SHARED, 0.25),
    "bop": ({"name": "bop", "threshold": 1e-3}, TASK, 0.08),
}
#: Of each kind of method one: of the rule, of penalties, of replay.
QUICK = ("metaplastic", "mas", "replay")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.long) for n in KEEPS]
)
def test_a_method_keeps_more_of_three_permuted_tasks_than_plain_training(
    name: str, naive: dict[str, float], tmp_path: Path
) -> None:
    method, network, margin = KEEPS[name]
    acc = three_tasks(method, network, tmp_path / "run")["acc"]
    assert acc > naive[network["banks"]] + margin


def split(
    method: dict[str, Any], network: dict[str, Any], data: dict[str, Any], folder: Path
) -> float:
    """Accuracy on five tasks of two classes each."""
    recipe = {
        "name": "split",
        "data": {"stream": "classes", "n_tasks": 5, **data},
        "network": {"hidden": [100], **network},
        "method": {"lr": 0.002 if network["kind"] == "real" else 0.005, **method},
        "train": {"epochs": 10, "batch": 50, "checkpoint_steps": 100_000, "device": DEVICE},
    }
    return float(train(recipe_from_dict(recipe), folder).metrics["acc"])


def test_lwf_keeps_more_of_split_digits_than_plain_training(tmp_path: Path) -> None:
    """Not of permuted ones: what an old network says of another permutation means nothing."""
    data, network = {"name": "digits", "scenario": "class"}, {"kind": "binary"}
    naive = split({"name": "naive"}, network, data, tmp_path / "naive")
    lwf = split({"name": "lwf"}, network, data, tmp_path / "lwf")
    assert lwf > naive + 0.06


@pytest.mark.data("mnist")
@pytest.mark.parametrize("kind", ["real", "binary"])
def test_lwf_keeps_more_of_split_mnist_than_plain_training(kind: str, tmp_path: Path) -> None:
    """Published for whole sets: 71.5 against 59.2."""
    data = {"name": "mnist", "scenario": "domain", "train_samples": 3000, "test_samples": 1000}
    naive = split({"name": "naive"}, {"kind": kind}, data, tmp_path / "naive")
    lwf = split({"name": "lwf"}, {"kind": kind}, data, tmp_path / "lwf")
    assert lwf > naive + 0.08


@pytest.mark.parametrize("name", ["replay", "joint"])
def test_a_method_that_mixes_tasks_refuses_a_bank_per_task(name: str) -> None:
    with pytest.raises(InputError, match=f'name = "{name}" needs banks = "shared"'):
        small({"name": name}, TASK)


def test_a_reservoir_is_uniform_over_all_that_was_offered() -> None:
    hits = torch.zeros(40)
    for seed in range(2000):
        reservoir = Reservoir(8, seed)
        for part in torch.arange(40, dtype=torch.uint8).split(7):  # type: ignore[no-untyped-call]
            reservoir.offer(part[:, None], part.long())
        assert len(reservoir.y) == 8
        assert torch.equal(reservoir.x[:, 0].long(), reservoir.y)
        hits[reservoir.y] += 1
    # 400 hits expected, standard deviation 18
    assert hits.min() > 400 - 5 * 18
    assert hits.max() < 400 + 5 * 18


def test_a_reservoir_is_reproducible_and_keeps_8_bits() -> None:
    def filled(seed: int) -> Reservoir:
        reservoir = Reservoir(10, seed)
        for k in range(20):
            reservoir.offer(torch.full((5, 3), k, dtype=torch.int8), torch.full((5,), k))
        return reservoir

    assert torch.equal(filled(1).y, filled(1).y)
    assert not torch.equal(filled(1).y, filled(2).y)
    assert filled(1).x.dtype == torch.int8
    x, y = filled(1).draw(4)
    assert torch.equal(x[:, 0].long(), y)
    assert len(y) == 4


def test_joint_trains_on_every_task_so_far() -> None:
    model = BinaryMLP(MLPConfig(3, (2,), 2))

    def samples(task: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.full((6, 3), task, dtype=torch.uint8), torch.full((6,), task)

    joint = Joint(JointOptions(name="joint"), model, Setting(samples=samples))
    for task in range(3):
        x, y = samples(task)
        _, labels = joint.batch(x[:4], y[:4])
        assert sorted(labels.tolist()) == [t for t in range(task + 1) for _ in range(4)]
        joint.consolidate(model, x, y, task)
    assert joint.state_bytes()["samples"] == 3 * 6 * (3 + 8)
    assert sum(tensor.numel() for tensor in joint.state().values()) < 5100  # none of them samples


def test_lwf_penalty_is_zero_where_nothing_has_changed_and_positive_elsewhere() -> None:
    torch.manual_seed(0)
    model = BinaryMLP(MLPConfig(6, (5,), 3))
    setting = Setting(outputs=single_head(3))
    lwf = Lwf(LwfOptions(name="lwf", strength=2.0), model, setting)
    x, y = torch.randint(0, 9, (20, 6), dtype=torch.uint8), torch.zeros(20, dtype=torch.int64)
    lwf.batch(x, y)
    assert lwf.penalty(model) is None
    lwf.consolidate(model, x, y, 0)
    for module in model.norms:  # as in evaluation, but seen by the method as training
        module.eval()
    model.training = True
    for changed in (False, True):
        if changed:
            model.layers[-1][0].weight.data.neg_()
        lwf.batch(x, y)
        model(lwf.inputs(x))
        penalty = lwf.penalty(model)
        assert penalty is not None
        assert (penalty.item() > 0.01) is changed
        assert penalty.item() >= -1e-6


def test_bop_flips_only_what_the_average_asks_for() -> None:
    model = BinaryMLP(MLPConfig(3, (), 2))
    bop = Bop(BopOptions(name="bop", adaptivity=0.5, threshold=0.1), model, Setting())
    weight = model.layers[0][0].weight
    weight.data = torch.tensor([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]])
    weight.grad = torch.tensor([[0.1, 0.4, -0.4], [0.4, -0.4, -0.1]])
    bop.gradients(model)
    # averages: half the gradient; a flip needs more than 0.1 in the direction of the weight
    assert weight.tolist() == [[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]]
    assert weight.grad is None  # the optimizer of the normalisation does not see it
