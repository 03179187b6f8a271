"""Where a network is trained: devices by name, and steps that a graphics processor repeats.

The runs of test_loop.py and test_method_runs.py are the tests of a graphics processor: with
METABIT_TEST_DEVICE=cuda they train there, and killed runs continue to the same bits.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from metabit import InputError
from metabit.cli import run
from metabit.trainer import repeated
from metabit.trainer.blocks import block_of
from metabit.trainer.devices import device_words, find_device, working_on
from metabit.trainer.methods.base import Setting
from metabit.trainer.methods.metaplastic import Metaplastic
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.outputs import Outputs
from metabit.trainer.networks.shapes import MLPConfig
from metabit.trainer.recipe import registry
from metabit.trainer.recipe.method_options import MetaplasticOptions
from metabit.trainer.recipe.train import TrainRecipe
from metabit.trainer.repeated import RepeatedSteps
from metabit.trainer.reproduction import benchmark as benchmarks

TINY = Path(__file__).parents[2] / "recipes" / "digits-tiny.toml"


@pytest.fixture
def without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.usefixtures("without_cuda")
def test_without_a_graphics_processor_cuda_is_refused_and_auto_is_the_cpu() -> None:
    with pytest.raises(InputError, match="device") as refused:
        find_device("cuda")
    assert refused.value.code == "E-CUDA"
    assert find_device("auto") == find_device("cpu") == torch.device("cpu")
    assert device_words(find_device("auto")) is None


def test_with_a_graphics_processor_auto_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert find_device("auto") == find_device("cuda") == torch.device("cuda")
    assert find_device("cpu") == torch.device("cpu")


@pytest.mark.usefixtures("without_cuda")
def test_a_run_that_finds_no_graphics_processor_leaves_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["train", str(TINY), "-o", str(tmp_path / "run"), "--device", "cuda"]
    assert run(asked) == 2
    assert "E-CUDA" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("without_cuda")
def test_a_benchmark_that_finds_no_graphics_processor_begins_no_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["reproduce", "digits", "-o", str(tmp_path / "runs"), "--device", "cuda"]
    assert run(asked) == 2
    assert "E-CUDA" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_recipe_with_an_unknown_device_is_refused() -> None:
    with pytest.raises(InputError, match="device"):
        TrainRecipe(epochs=1, device="gpu")


def test_a_benchmark_says_the_device_in_its_recipes_and_its_command() -> None:
    plain = benchmarks.load("digits")
    on = plain.on("cuda")
    made = on.recipe(on.rows[0], "small", on.rows[0].grid("small")[0], seed=0)
    assert made["train"]["device"] == "cuda"
    assert on.command("small") == "metabit reproduce digits --scale small --device cuda"
    assert plain.on("cpu") == plain


def test_an_experiment_has_no_device() -> None:
    with pytest.raises(InputError, match="quadratic-task"):
        benchmarks.load("quadratic-task").on("cuda")


def test_on_the_cpu_a_step_is_the_step_of_the_method() -> None:
    x = torch.randint(0, 256, (20, 6), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    y = torch.arange(20) % 3
    weights = []
    for repeats in (False, True):
        model = BinaryMLP(MLPConfig(6, (8,), 3), torch.Generator().manual_seed(0)).train()
        outputs = Outputs(3, [range(3)])
        options = MetaplasticOptions(m=2.0)
        method = Metaplastic(options, model, Setting(outputs=outputs))
        optimizer = method.optimizer(model)
        steps = RepeatedSteps(method, model)
        with working_on(model.device):
            for _ in range(repeated.WARM_STEPS + 3):
                if repeats:
                    steps.step(optimizer, x, y)
                else:
                    method.unseen_step(model, optimizer, x, y)
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert torch.equal(*weights)


def test_only_methods_whose_steps_are_alike_are_repeated() -> None:
    model = BinaryMLP(MLPConfig(64, (8,), 10), torch.Generator().manual_seed(0))
    setting = Setting(input_shape=(8, 8))
    repeat = {
        name: registry.find(name)(registry.options_of(name)(name=name), model, setting).can_repeat
        for name in registry.BUILT_IN
    }
    alike = {"naive", "metaplastic", "ewc", "si", "mas", "bop", "chain"}
    assert {name for name, does in repeat.items() if does} == alike


def test_a_block_is_never_empty_and_never_longer_than_the_tensor() -> None:
    assert block_of(torch.zeros(0)) == 1
    assert block_of(torch.zeros(7)) == 7
