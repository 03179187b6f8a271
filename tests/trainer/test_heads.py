"""Heads: what growing, freezing and choosing a task leave as it was."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from metabit import InputError
from metabit.trainer.convnet import BinaryConvNet, ConvBlock, ConvNetConfig
from metabit.trainer.dataset import DataSet
from metabit.trainer.heads import GrowingHead, Head, HeadedNetwork, MultiHead, Trunk, extend_rows
from metabit.trainer.models import BinaryMLP, MLPConfig
from metabit.trainer.network import to_input
from metabit.trainer.optim import MetaplasticAdam, MetaplasticSGD, parameter_groups

CONVNET = ConvNetConfig((1, 6, 6), (ConvBlock(4, pool=2), ConvBlock(3)), (), 5)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def binary(*shape: int, seed: int = 2) -> Tensor:
    return torch.randint(0, 2, shape, generator=seeded(seed)).float() * 2 - 1


def mlp(hidden: tuple[int, ...] = (16, 12)) -> BinaryMLP:
    return BinaryMLP(MLPConfig(20, hidden, 5, n_banks=2), seeded(1))


def fit(model: nn.Module, optimizer: Any, x: Tensor, n_classes: int, **options: Any) -> None:
    """A few steps towards labels that mean nothing."""
    y = torch.arange(len(x)) % n_classes
    model.train()
    for _ in range(5):
        optimizer.zero_grad()
        cross_entropy(model(x, **options), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def optimizer_of(model: nn.Module, m: float = 1.0) -> MetaplasticAdam:
    # parameter_groups asks a network for its layers only.
    return MetaplasticAdam(parameter_groups(cast(Any, model), m), lr=0.01)


def copy_of(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def bits(values: Tensor) -> Any:
    return values.detach().contiguous().numpy().view(np.uint32)


def trained_head(n_banks: int = 1) -> tuple[GrowingHead, MetaplasticAdam]:
    head = GrowingHead(12, 4, n_banks=n_banks, generator=seeded(1))
    optimizer = optimizer_of(head)
    for bank in range(n_banks):
        head.norm.use_bank(bank)
        fit(head, optimizer, binary(40, 12), 4)
    return head, optimizer


def test_a_growing_head_keeps_the_old_rows_bit_for_bit() -> None:
    head, _ = trained_head(n_banks=2)
    old = copy_of(head)
    head.grow(3, seeded(5))
    for name, value in head.state_dict().items():
        if name.startswith("norm.running"):
            value, expected = value[:, :4], old[name]
        else:
            value, expected = value[:4], old[name]
        if name != "old_rows":
            assert np.array_equal(bits(value), bits(expected)), name
    assert head.n_classes == 7
    assert head.linear.weight[4:].abs().max() <= 0.05
    assert head.linear.weight[4:].abs().min() > 0


@pytest.mark.parametrize("bank", [0, 1])
def test_the_scores_of_old_classes_do_not_change_with_growth(bank: int) -> None:
    head, _ = trained_head(n_banks=2)
    head.norm.use_bank(bank)
    x = binary(50, 12, seed=9)
    before = head.eval()(x)
    head.grow(2)
    after = head.eval()(x)
    assert after.shape == (50, 6)
    assert np.array_equal(bits(after[:, :4]), bits(before))


def test_a_head_tells_which_rows_are_old() -> None:
    head, _ = trained_head()
    assert head.old_rows.tolist() == [False] * 4
    head.grow(2)
    assert head.old_rows.tolist() == [True] * 4 + [False] * 2
    head.grow(1)
    assert head.old_rows.tolist() == [True] * 6 + [False]
    restored = GrowingHead(12, 7)
    restored.load_state_dict(head.state_dict())
    assert torch.equal(restored.old_rows, head.old_rows)


def test_a_method_can_hold_the_old_rows_still() -> None:
    """What `old_rows` is for: gradients of old rows set to zero, new rows learn alone."""
    head, _ = trained_head()
    head.grow(2, seeded(5))
    before = head.linear.weight.detach().clone()
    optimizer = MetaplasticSGD([{"params": [head.linear.weight], "m": 0.0}], lr=0.5)
    loss = cross_entropy(head.train()(binary(40, 12)), torch.arange(40) % 6)
    loss.backward()  # type: ignore[no-untyped-call]
    assert head.linear.weight.grad is not None
    head.linear.weight.grad[head.old_rows] = 0
    optimizer.step()
    assert torch.equal(head.linear.weight[:4], before[:4])
    assert not torch.equal(head.linear.weight[4:], before[4:])


def test_an_optimizer_goes_on_with_its_memory_of_the_old_rows() -> None:
    head, optimizer = trained_head()
    old = {k: v.clone() for k, v in optimizer.state[head.linear.weight].items()}
    m_of_groups = [group["m"] for group in optimizer.param_groups]
    loss = head(binary(40, 12)).sum()  # still alive below: its graph remembers the old shapes
    loss.backward()
    head.grow(3, seeded(5), optimizer)
    state = optimizer.state[head.linear.weight]
    for name in ("exp_avg", "exp_avg_sq"):
        assert torch.equal(state[name][:4], old[name])
        assert torch.equal(state[name][4:], torch.zeros(3, 12))
    assert state["step"] == old["step"]
    assert [group["m"] for group in optimizer.param_groups] == m_of_groups
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in head.parameters()}
    assert set(map(id, optimizer.state)) <= held
    before = head.linear.weight.detach().clone()
    fit(head, optimizer, binary(42, 12), 7)
    changed = (head.linear.weight != before).any(dim=1)
    assert changed.all()


def test_a_head_can_grow_before_its_optimizer_has_made_a_step() -> None:
    head = GrowingHead(12, 2, generator=seeded(1))
    optimizer = optimizer_of(head)
    head.grow(2, seeded(2), optimizer)
    fit(head, optimizer, binary(40, 12), 4)
    assert len(optimizer.state[head.linear.weight]["exp_avg"]) == 4


def test_importances_are_carried_over_with_zeros_for_new_rows() -> None:
    importance = torch.rand(4, 12, generator=seeded(3))
    larger = extend_rows(importance, 2)
    assert torch.equal(larger[:4], importance)
    assert torch.equal(larger[4:], torch.zeros(2, 12))


def test_growth_without_affine_learns_no_scale() -> None:
    head = GrowingHead(12, 2, affine=False)
    head.grow(2)
    assert [p.requires_grad for p in head.norm.parameters()] == [False, False]


@pytest.mark.parametrize("n_new", [0, -1])
def test_growth_by_nothing_is_refused_and_changes_nothing(n_new: int) -> None:
    head, _ = trained_head()
    before = copy_of(head)
    with pytest.raises(InputError, match="must be 1 or more"):
        head.grow(n_new)
    assert all(torch.equal(before[k], v) for k, v in head.state_dict().items())


def test_the_heads_of_other_tasks_do_not_move() -> None:
    network = HeadedNetwork(Trunk(mlp()), MultiHead(12, (2, 3, 2), generator=seeded(4)))
    before = [copy_of(head) for head in cast(MultiHead, network.head).heads]
    optimizer = MetaplasticAdam(
        parameter_groups(cast(Any, network), 1.0), lr=0.01, weight_decay=0.1
    )
    fit(network, optimizer, binary(40, 20), 3, task=1)
    for task, head in enumerate(cast(MultiHead, network.head).heads):
        same = [torch.equal(before[task][k], v) for k, v in head.state_dict().items()]
        assert all(same) if task != 1 else not any(same)


def test_each_task_has_scores_of_its_own_length() -> None:
    heads = MultiHead(12, (2, 3), generator=seeded(4)).eval()
    assert heads(binary(6, 12), 0).shape == (6, 2)
    assert heads(binary(6, 12), 1).shape == (6, 3)


@pytest.mark.parametrize("network", [mlp(), BinaryConvNet(CONVNET, seeded(1))])
def test_a_trunk_with_the_old_last_layer_is_the_network(network: Any) -> None:
    x = binary(30, *getattr(network.config, "input_shape", (20,)))
    fit(network, optimizer_of(network), x, 5)
    network.eval()
    trunk = Trunk(network, frozen=True)
    features = trunk(x)
    assert features.shape == (30, trunk.n_features)
    assert set(features.unique().tolist()) == {-1.0, 1.0}
    linear, norm = network.layers[-1]
    assert np.array_equal(bits(norm(linear(features))), bits(network(x)))


@pytest.mark.parametrize("network", [mlp(), BinaryConvNet(CONVNET, seeded(1))])
def test_nothing_in_a_frozen_trunk_moves(network: Any) -> None:
    x = binary(30, *getattr(network.config, "input_shape", (20,)))
    trunk = Trunk(network, frozen=True)
    model = HeadedNetwork(trunk, Head(trunk.n_features, 5, generator=seeded(3)))
    before, features = copy_of(trunk), trunk(x)
    head_before = copy_of(model.head)
    assert [linear for linear, _ in model.layers] == [cast(Head, model.head).linear]
    optimizer = MetaplasticAdam(parameter_groups(cast(Any, model), 1.0), weight_decay=0.1)
    fit(model, optimizer, x, 5)
    assert model.training
    assert not any(part.training for part in trunk.modules())
    assert not any(p.requires_grad for p in trunk.parameters())
    assert all(torch.equal(before[k], v) for k, v in trunk.state_dict().items())
    assert torch.equal(trunk(x), features)
    assert not any(torch.equal(head_before[k], v) for k, v in model.head.state_dict().items())


def test_a_trunk_leaves_its_network_alone() -> None:
    network = mlp()
    before = copy_of(network)
    trunk = Trunk(network, frozen=True)
    assert network.training
    assert all(p.requires_grad for p in network.parameters())
    assert len(network.layers) == 3
    free = HeadedNetwork(Trunk(network), Head(trunk.n_features, 5))
    fit(free, optimizer_of(free), binary(30, 20), 5)
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert len(free.layers) == 3  # two of the trunk learn with the head


def test_a_trunk_uses_the_active_bank_of_its_network() -> None:
    network = mlp()
    network.use_bank(1)
    for _, norm in network.layers:
        norm.running_mean[1] += 3
    x = binary(30, 20)
    second = Trunk(network, frozen=True)(x)
    network.use_bank(0)
    assert not torch.equal(Trunk(network, frozen=True)(x), second)


def test_a_metaplastic_head_on_frozen_features_keeps_old_digits(digits: DataSet) -> None:
    """Features from the digits 0 to 4; the head then learns 0 to 4, and after them 5 to 9."""
    low, high = digits.only(classes=range(5)), digits.only(classes=range(5, 10))
    network = BinaryMLP(MLPConfig(64, (256, 256), 10), seeded(1))
    learn(network, low, 0.0, 5)
    trunk = Trunk(network, frozen=True)
    kept = {}
    for m in (0.0, 30.0):
        model = HeadedNetwork(trunk, Head(trunk.n_features, 10, n_banks=2, generator=seeded(2)))
        learn(model, low, m, 5)
        head = cast(Head, model.head)
        head.norm.start_bank(1)
        learn(model, high, m, 5)
        assert accuracy(model, high) > 0.55  # it costs some plasticity
        head.norm.use_bank(0)
        kept[m] = accuracy(model, low)
    assert kept[30.0] > kept[0.0] + 0.2  # four seeds: 0.42 to 0.65


def learn(model: nn.Module, data: DataSet, m: float, epochs: int) -> None:
    optimizer = MetaplasticAdam(parameter_groups(cast(Any, model), m), lr=0.005)
    x = to_input(data.train.x.reshape(len(data.train), -1), 0)
    y = torch.from_numpy(data.train.y.astype(np.int64))
    order = np.random.default_rng(3)
    model.train()
    for _ in range(epochs):
        for part in np.array_split(order.permutation(len(y)), len(y) // 25):
            batch = torch.from_numpy(part)
            optimizer.zero_grad()
            cross_entropy(model(x[batch]), y[batch]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()


@torch.no_grad()
def accuracy(model: nn.Module, data: DataSet) -> float:
    scores = model.eval()(to_input(data.test.x.reshape(len(data.test), -1), 0))
    return float(np.mean(np.argmax(scores.numpy(), axis=1) == data.test.y))


def test_heads_that_cannot_be_built_are_refused() -> None:
    with pytest.raises(InputError, match="needs one of each"):
        Head(0, 3)
    with pytest.raises(InputError, match="needs one of each"):
        MultiHead(4, (2, 0))
    with pytest.raises(InputError, match="without tasks"):
        MultiHead(4, ())
    with pytest.raises(InputError, match="hidden layer"):
        Trunk(mlp(hidden=()))
    with pytest.raises(InputError, match="gives 12 features, the head reads 13"):
        HeadedNetwork(Trunk(mlp()), Head(13, 2))


def test_a_task_is_asked_for_where_there_are_several_heads_and_only_there() -> None:
    several = HeadedNetwork(Trunk(mlp()), MultiHead(12, (2, 2))).eval()
    single = HeadedNetwork(Trunk(mlp()), Head(12, 2)).eval()
    x = binary(3, 20)
    with pytest.raises(InputError, match="needs the task"):
        several(x)
    with pytest.raises(InputError, match="task 1: a single head"):
        single(x, task=1)
    for task in (-1, 2):
        with pytest.raises(InputError, match="tasks 0 to 1") as caught:
            several(x, task=task)
        assert caught.value.code == "E-TASK"
