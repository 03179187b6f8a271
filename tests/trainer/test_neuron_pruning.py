"""Pruning of whole neurons: what is pruned, and that later tasks cannot reach earlier ones."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from metabit import InputError
from metabit.trainer.methods.anpyc import Anpyc
from metabit.trainer.methods.base import Setting
from metabit.trainer.methods.neuron_pruning import first_tasks, neuron_importance
from metabit.trainer.methods.per_sample import protected
from metabit.trainer.networks.network import Network
from metabit.trainer.networks.outputs import Outputs
from metabit.trainer.networks.real_convnet import RealConvNet
from metabit.trainer.networks.real_mlp import RealMLP
from metabit.trainer.networks.shapes import ConvBlock, RealConvNetConfig, RealMLPConfig
from metabit.trainer.recipe.method_options import AnpycOptions

GROUPS = [(0, 1, 2), (3, 4, 5)]


def dense() -> Network:
    return RealMLP(RealMLPConfig(12, (20, 10), 6), torch.Generator().manual_seed(1)).train()


def maps() -> Network:
    blocks = ConvBlock(8, padding="zero"), ConvBlock(10, padding="zero", pool=2)
    config = RealConvNetConfig((1, 3, 4), blocks, (6,), 6, scale=1 / 16)
    return RealConvNet(config, torch.Generator().manual_seed(1)).train()


def samples() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(7)
    x = torch.randint(0, 17, (60, 12), generator=generator, dtype=torch.uint8)
    return x, torch.randint(0, 3, (60,), generator=generator)


def method(model: Network, kind: str = "task", **options: Any) -> Anpyc:
    outputs = Outputs(6, GROUPS, kind)
    given: dict[str, Any] = {"prune": 50, "prune_step": 50, "neurons": True} | options
    setting = Setting(n_tasks=2, epochs=2, outputs=outputs)
    return Anpyc(AnpycOptions(name="anpyc", importance="samples", **given), model, setting)


def learn_first_task(anpyc: Anpyc, model: Network) -> None:
    x, y = samples()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for phase in range(2):
        anpyc.start_phase(model, x, y, 0, phase)
        for _ in range(5):
            anpyc.step(model, optimizer, x, y)
    anpyc.consolidate(model, x, y, 0)


def test_the_neurons_with_the_least_importance_are_pruned_with_their_biases() -> None:
    model, (x, y) = dense(), samples()
    anpyc = method(model)
    anpyc.start_phase(model, x, y, 0, 0)
    importance = anpyc._importance(model, x, torch.tensor(GROUPS[0]))
    anpyc.start_phase(model, x, y, 0, 1)
    for layer, n in ((0, 20), (1, 10)):
        free = anpyc.free[f"linears.{layer}.weight"]
        assert free.shape == (n,)
        assert int(free.sum()) == n // 2
        rank = neuron_importance(importance, f"linears.{layer}.weight")
        rows, biases = (importance[f"linears.{layer}.{key}"] for key in ("weight", "bias"))
        torch.testing.assert_close(rank, rows.sum(1) + biases)
        assert rank[free].max() <= rank[~free].min()
        weights = protected(model)
        assert (weights[f"linears.{layer}.weight"][free] == 0).all()
        assert (weights[f"linears.{layer}.bias"][free] == 0).all()


@pytest.mark.parametrize("make", [dense, maps])
def test_whatever_free_neurons_become_an_earlier_task_has_the_same_scores(make: Any) -> None:
    model, (x, y) = make(), samples()
    anpyc = method(model)
    learn_first_task(anpyc, model)
    used = {name: ~free for name, free in anpyc.free.items()}
    learnt = model(x.float())[:, :3]
    anpyc.setting.outputs.start_task(1)
    anpyc.start_phase(model, x, y + 3, 1, 0)
    assert not any(free.any() for free in anpyc.free.values())  # all neurons learn
    with torch.no_grad():
        for name, weight in protected(model).items():
            rows = used.get(f"{name.rpartition('.')[0]}.weight")
            if rows is None:  # the outputs
                rows = torch.arange(6) < 3
            weight[~rows] += torch.rand(weight[~rows].shape)
    x1, y1 = samples()[0], samples()[1] + 3
    after = model(x.float())
    assert not torch.equal(after[:, 3:], model(x.float())[:, :3])
    assert torch.equal(after[:, :3], learnt)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=0.1)
    anpyc.step(model, optimizer, x1, y1)
    for name, mask in anpyc.pruned.items():
        assert (protected(model)[name][mask] == 0).all()


def test_a_restored_method_keeps_the_same_weights_at_zero() -> None:
    model = dense()
    anpyc = method(model)
    learn_first_task(anpyc, model)
    anpyc.start_phase(model, *samples(), 1, 0)
    again = method(model)
    again.load_state(anpyc.state())
    assert anpyc.pruned.keys() == again.pruned.keys()
    assert all(torch.equal(mask, again.pruned[name]) for name, mask in anpyc.pruned.items())
    assert any(mask.any() for mask in anpyc.pruned.values())


def test_a_head_that_all_tasks_share_reads_every_neuron() -> None:
    model = dense()
    anpyc = method(model, kind="all")
    learn_first_task(anpyc, model)
    anpyc.start_phase(model, *samples(), 1, 0)
    assert "linears.2.weight" not in anpyc.pruned
    heads = first_tasks(Outputs(6, GROUPS, "task"), torch.device("cpu"))
    assert heads is not None
    assert heads.tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"prune": 0}, "neurons needs prune"), ({"own_weights": True}, "own_weights does not go")],
)
def test_keys_that_do_not_go_with_neurons_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        method(dense(), **options)


def test_a_network_with_normalisation_is_refused() -> None:
    model = RealMLP(RealMLPConfig(12, (4,), 6, normalized=True))
    with pytest.raises(InputError, match="use normalized = false"):
        method(model)
