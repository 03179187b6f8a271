"""The optimizers: PyTorch's own where the rule has nothing to say, the formula where it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from metabit import InputError
from metabit.trainer.blocks import BLOCK
from metabit.trainer.metaplasticity import f_meta, growth, withheld
from metabit.trainer.networks.mlp import BinaryMLP
from metabit.trainer.networks.shapes import MLPConfig
from metabit.trainer.optim import MetaplasticAdam, MetaplasticSGD, parameter_groups

N_STEPS = 60
CONFIG = MLPConfig(n_inputs=12, hidden=(16, 8), n_classes=4)

Make = Callable[[list[Tensor]], torch.optim.Optimizer]
PAIRS: dict[str, tuple[Make, Make]] = {
    "adam": (
        lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=1e-3, fused=True),
        lambda p: MetaplasticAdam(p, lr=0.01, weight_decay=1e-3, m=0.0),
    ),
    "sgd": (
        lambda p: torch.optim.SGD(p, lr=0.05, weight_decay=1e-3, fused=True),
        lambda p: MetaplasticSGD(p, lr=0.05, weight_decay=1e-3, m=0.0),
    ),
    "sgd with momentum": (
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, fused=True),
        lambda p: MetaplasticSGD(p, lr=0.05, momentum=0.9, m=0.0),
    ),
}


def network() -> BinaryMLP:
    return BinaryMLP(CONFIG, torch.Generator().manual_seed(3))


def train(model: BinaryMLP, optimizer: torch.optim.Optimizer, n_steps: int = N_STEPS) -> None:
    generator = torch.Generator().manual_seed(4)
    for _ in range(n_steps):
        x = torch.randint(0, 256, (10, 12), generator=generator).float()
        y = torch.randint(0, 4, (10,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


@pytest.mark.parametrize("name", PAIRS)
def test_m_zero_is_the_optimizer_of_pytorch_bit_for_bit(name: str) -> None:
    make_base, make_metaplastic = PAIRS[name]
    base, ours = network(), network()
    train(base, make_base(list(base.parameters())))
    train(ours, make_metaplastic(list(ours.parameters())))
    for expected, got in zip(base.parameters(), ours.parameters(), strict=True):
        assert torch.equal(expected, got)


def one_step(make: Callable[[list[Any]], torch.optim.Optimizer], history: Tensor) -> Tensor:
    """The weights after as many steps as `history` has gradients."""
    weight = nn.Parameter(torch.linspace(-1, 1, history.shape[1]))
    optimizer = make([weight])
    for grad in history:
        weight.grad = grad.clone()
        optimizer.step()
    return weight.detach()


def test_growing_weights_keep_the_bits_of_the_base_optimizer() -> None:
    """With a large step, before + (after - before) is not always `after`."""
    grads = torch.randn(1, 4001, generator=torch.Generator().manual_seed(5))
    before = torch.linspace(-1, 1, 4001)
    plain = one_step(lambda p: torch.optim.SGD(p, lr=3.7, fused=True), grads)
    damped = one_step(lambda p: MetaplasticSGD(p, lr=3.7, m=5.0), grads)
    grows = (plain - before) * before >= 0
    assert grows.sum() > 1000
    assert not torch.equal((before + (plain - before))[grows], plain[grows])
    assert torch.equal(plain[grows], damped[grows])


def test_shrinking_weights_take_the_share_that_the_formula_says() -> None:
    grads = torch.randn(1, 4001, generator=torch.Generator().manual_seed(6))
    before = torch.linspace(-1, 1, 4001)
    plain = one_step(lambda p: torch.optim.SGD(p, lr=0.1, fused=True), grads)
    damped = one_step(lambda p: MetaplasticSGD(p, lr=0.1, m=1.5), grads)
    shrinks = (plain - before) * before < 0
    share = 1 - torch.tanh(1.5 * before.double().abs()) ** 2
    expected = before.double() + share * (plain.double() - before.double())
    assert shrinks.sum() > 1000
    assert (damped.double() - expected)[shrinks].abs().max() < 1e-6


@pytest.mark.parametrize("shape", [(7,), (3, 5), (1, BLOCK), (2, BLOCK + 17), (400, 1, 9, 25)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("m", [0.3, 1.35, 40.0])
def test_damping_in_blocks_has_the_bits_of_the_formula(
    shape: tuple[int, ...], dtype: torch.dtype, m: float
) -> None:
    """Three steps, as the second finds memory in use; zeros of both signs among the weights."""
    random = torch.Generator().manual_seed(8)
    before = torch.randn(shape, generator=random, dtype=dtype)
    before.view(-1)[:4] = torch.tensor([0.0, -0.0, 1e-30, -1e-30])
    weight = nn.Parameter(before.clone())
    optimizer = MetaplasticSGD([weight], lr=0.5, m=m)
    for _ in range(3):
        before = weight.detach().clone()
        weight.grad = torch.randn(shape, generator=random, dtype=dtype)
        plain = nn.Parameter(before.clone())
        plain.grad = weight.grad.clone()
        torch.optim.SGD([plain], lr=0.5, fused=True).step()
        optimizer.step()
        after = plain.detach()
        assert torch.equal(weight, after - withheld(before, after - before, m))


@pytest.mark.parametrize(("size", "k"), [(0.05, 0.0), (0.35, 0.4933), (2.0, 1.0)])
def test_the_window_rule_damps_growing_steps_once_weights_are_large(size: float, k: float) -> None:
    m, random = 1.0, torch.Generator().manual_seed(3)
    before = torch.empty(40, BLOCK // 8).uniform_(0.9 * size, 1.1 * size, generator=random)
    before[:, ::2] *= -1
    assert growth(before, m).item() == pytest.approx(k, abs=2e-3)
    weight = nn.Parameter(before.clone())
    optimizer = MetaplasticSGD([{"params": [weight], "m": m, "window": True}], lr=0.01)
    weight.grad = torch.randn(before.shape, generator=random)
    step = -0.01 * weight.grad
    share = f_meta(before, m)
    grown = step * (1 - k + k * 15 / 16 * share)
    expected = before + torch.where(step * before > 0, grown, share * step)
    optimizer.step()
    torch.testing.assert_close(weight.detach(), expected, rtol=0, atol=2e-5)


def test_the_window_rule_ends_at_the_range_of_a_device_but_not_in_the_output_layer() -> None:
    model = BinaryMLP(MLPConfig(6, (8,), 3), torch.Generator().manual_seed(0))
    groups = parameter_groups(model, 2.0, window=True)
    assert [group.get("window", False) for group in groups] == [True, False, False]
    for group in groups[:2]:
        group["params"][0].data.fill_(1.4)
        group["params"][0].grad = torch.full_like(group["params"][0], -1e6)
    MetaplasticSGD(groups, lr=1.0).step()
    hidden, last = model.weights.values()
    assert torch.equal(hidden, torch.full((8, 6), 1.5))
    assert (last > 1e5).all()


def test_the_direction_is_that_of_the_step_and_not_of_the_gradient() -> None:
    """After ten gradients one way, a small one the other way does not turn Adam's step round."""
    history = torch.ones(11, 1)
    history[10] = -0.01
    weight = nn.Parameter(torch.tensor([1.0]))
    optimizer = MetaplasticAdam([weight], lr=0.01, m=50.0)
    for grad in history:
        weight.grad = grad.clone()
        optimizer.step()
    assert weight.item() == pytest.approx(1.0, abs=1e-6)  # every step was towards zero: frozen


def test_moments_are_not_damped() -> None:
    plain, damped = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    base, ours = (
        torch.optim.Adam([plain], lr=0.01, fused=True),
        MetaplasticAdam([damped], lr=0.01, m=9.0),
    )
    for _ in range(5):
        plain.grad, damped.grad = torch.full((3,), 0.3), torch.full((3,), 0.3)
        base.step()
        ours.step()
    for key in ("exp_avg", "exp_avg_sq"):
        assert torch.equal(base.state[plain][key], ours.state[damped][key])


def test_a_closure_is_run_and_damped() -> None:
    weight = nn.Parameter(torch.tensor([3.0]))
    optimizer = MetaplasticSGD([weight], lr=0.1, m=50.0)

    def closure() -> float:
        optimizer.zero_grad()
        loss = (weight**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    assert optimizer.step(closure) == 9.0
    assert weight.item() == pytest.approx(3.0, abs=1e-6)


def test_only_hidden_weights_are_metaplastic() -> None:
    model = network()
    groups = parameter_groups(model, [1.0, 2.0, 3.0])
    assert [group["m"] for group in groups] == [1.0, 2.0, 3.0, 0.0]
    assert [
        group["params"][0] is linear.weight
        for group, (linear, _) in zip(groups, model.layers, strict=False)
    ] == [True] * 3
    in_groups = {id(p) for group in groups for p in group["params"]}
    assert in_groups == {id(p) for p in model.parameters()}


def test_one_m_serves_all_layers_and_a_wrong_number_is_refused() -> None:
    model = network()
    assert [group["m"] for group in parameter_groups(model, 7.0)] == [7.0, 7.0, 7.0, 0.0]
    with pytest.raises(InputError, match="2 values of m for 3 layers"):
        parameter_groups(model, [1.0, 2.0])


@pytest.mark.parametrize("m", [-1.0, float("nan"), float("inf")])
def test_a_senseless_m_is_refused(m: float) -> None:
    with pytest.raises(InputError, match="m = "):
        MetaplasticAdam([nn.Parameter(torch.ones(1))], m=m)
    with pytest.raises(InputError, match="m = "):
        MetaplasticSGD([nn.Parameter(torch.ones(1))], m=m)


def test_a_deep_copy_of_the_optimizer_stays_metaplastic() -> None:
    import copy

    optimizer = MetaplasticAdam([nn.Parameter(torch.tensor([1.0]))], lr=0.01, m=50.0)
    copied = copy.deepcopy(optimizer)
    weight = copied.param_groups[0]["params"][0]
    weight.grad = torch.tensor([1.0])
    copied.step()
    assert weight.item() == pytest.approx(1.0, abs=1e-6)
