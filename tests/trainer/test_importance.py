"""Importance and the quadratic penalty: exact, zero at the anchor, and of the right weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from helpers.small_networks import binary, convolutional, real, real_convolutional, samples
from torch import Tensor, nn
from torch.nn import functional

from metabit import InputError
from metabit.trainer.methods import per_sample
from metabit.trainer.methods.base import Setting
from metabit.trainer.methods.ewc import fisher
from metabit.trainer.methods.local_importance import local_importance
from metabit.trainer.methods.mas import global_importance
from metabit.trainer.methods.per_sample import CHUNK, LARGEST, MAP_CHUNK, protected
from metabit.trainer.methods.quadratic import QuadraticMethod
from metabit.trainer.methods.si import Si
from metabit.trainer.networks.outputs import Outputs, single_head
from metabit.trainer.recipe import registry
from metabit.trainer.recipe.method_options import EwcOptions, MasOptions, SiOptions

QUADRATIC = ("anpyc", "ewc", "mas", "si")


def one_by_one(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    objective: Callable[[Tensor, Tensor], Tensor],
    power: int,
) -> dict[str, Tensor]:
    """The definition: a backward pass a sample."""
    was_training = model.training
    model.eval()
    total = {name: torch.zeros_like(p) for name, p in protected(model).items()}
    for k in range(len(x)):
        model.zero_grad()
        objective(model(x[k : k + 1]), y[k : k + 1]).backward()  # type: ignore[no-untyped-call]
        for name, p in protected(model).items():
            assert p.grad is not None
            total[name] += p.grad.abs() ** power
    model.zero_grad()
    model.train(was_training)
    return {name: value / len(x) for name, value in total.items()}


ALL = torch.arange(3)
LOSS = partial(single_head(3).loss, reduction="sum")


def squared_length(scores: Tensor, _: Tensor) -> Tensor:
    return (scores**2).sum()


@pytest.mark.parametrize("make", [binary, real])
@pytest.mark.parametrize("n", [40, CHUNK + 3])
def test_importances_equal_a_loop_over_samples(make: Callable[[], nn.Module], n: int) -> None:
    model = make().double()
    x, y = samples(n)
    inputs = x.double()
    found = fisher(model, inputs, y, LOSS)
    for name, value in one_by_one(model, inputs, y, LOSS, 2).items():
        torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-12)
    found = global_importance(model, inputs, ALL)
    for name, value in one_by_one(model, inputs, y, squared_length, 1).items():
        torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-12)
        assert value.max() > 0


@pytest.mark.parametrize("make", [convolutional, real_convolutional])
@pytest.mark.parametrize("held", [LARGEST, 1])
def test_importances_of_convolutions_equal_a_loop_over_samples(
    held: int, make: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel is used at many places: the power is of their sum, sample by sample."""
    monkeypatch.setattr(per_sample, "LARGEST", held)  # 1: a sample at a time
    model = make().double()
    generator = torch.Generator().manual_seed(7)
    x = torch.randint(0, 17, (MAP_CHUNK + 3, 1, 6, 5), generator=generator).double()
    y = torch.randint(0, 3, (len(x),), generator=generator)
    found = fisher(model, x, y, LOSS)
    expected = one_by_one(model, x, y, LOSS, 2)
    assert found.keys() == expected.keys()
    assert sum(name.startswith("convs.") and "weight" in name for name in found) == 3
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-12)
        assert value.max() > 0
    found = global_importance(model, x, ALL)
    for name, value in one_by_one(model, x, y, squared_length, 1).items():
        torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-12)


def test_importance_of_a_sum_would_be_too_small() -> None:
    """What taking the absolute value of a batch's gradient gives: signs cancel."""
    model = binary()
    x, _ = samples()
    exact = global_importance(model, x.float(), ALL)
    model.eval()
    squared_length(model(x.float()), x).backward()  # type: ignore[no-untyped-call]
    name, weight = next(iter(protected(model).items()))
    assert weight.grad is not None
    assert (weight.grad.abs() / len(x)).sum() < 0.9 * exact[name].sum()


@pytest.mark.parametrize(
    "measure",
    [lambda m, x, y: fisher(m, x, y, LOSS), lambda m, x, y: global_importance(m, x, ALL),
     lambda m, x, y: local_importance(m, x, ALL)],
    ids=["fisher", "global", "local"],
)  # fmt: skip
def test_measuring_leaves_mode_statistics_and_gradients_alone(measure: Any) -> None:
    model = binary()
    model.norms[1].eval()
    modes = [module.training for module in model.modules()]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    x, y = samples()
    measure(model, x.float(), y)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_a_network_with_other_weights_is_refused() -> None:
    model = nn.Sequential(nn.Conv1d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    with pytest.raises(InputError, match="for linear layers") as caught:
        protected(model)
    assert caught.value.code == "E-METHOD"


def after_a_step(name: str, model: Any) -> QuadraticMethod:
    """The method, consolidated once after one step of training."""
    kind = registry.find(name)
    options: Any = kind.Options
    method: Any = kind(options(name=name, strength=3.0), model, Setting(outputs=single_head(3)))
    x, y = samples()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    functional.cross_entropy(model(x.float()), y).backward()  # type: ignore[no-untyped-call]
    method.gradients(model)
    optimizer.step()
    method.after_step(model)
    assert method.penalty(model) is None
    method.consolidate(model, x, y, 0)
    assert isinstance(method, QuadraticMethod)
    return method


@pytest.mark.parametrize("make", [binary, real])
@pytest.mark.parametrize("name", QUADRATIC)
def test_a_penalty_is_zero_at_the_anchor_and_positive_off_it(
    name: str, make: Callable[[], nn.Module]
) -> None:
    model = make()
    method = after_a_step(name, model)
    at_anchor = method.penalty(model)
    assert at_anchor is not None
    assert at_anchor.item() == 0
    for key, weight in protected(model).items():
        important = torch.nonzero(method.importance[key])
        assert len(important) > 0, key
        place = tuple(important[0].tolist())
        with torch.no_grad():
            weight[place] += 0.1
        off = method.penalty(model)
        assert off is not None
        expected = 3.0 * method.importance[key][place].item() * 0.1**2
        assert off.item() == pytest.approx(expected, rel=1e-4)
        with torch.no_grad():
            weight[place] -= 0.1
            weight.copy_(method.anchor[key])


@pytest.mark.parametrize("make", [binary, real])
@pytest.mark.parametrize("name", QUADRATIC)
def test_the_pull_of_a_penalty_is_its_gradient(name: str, make: Callable[[], nn.Module]) -> None:
    model = make()
    method = after_a_step(name, model)
    model.zero_grad()
    with torch.no_grad():
        for p in protected(model).values():
            p.add_(torch.randn_like(p) * 0.1)
    total = sum(
        (3.0 * method.importance[key] * (weight - method.anchor[key]) ** 2).sum()
        for key, weight in protected(model).items()
    )
    assert isinstance(total, torch.Tensor)
    torch.testing.assert_close(method.penalty(model), total.detach())
    expected = torch.autograd.grad(total, list(protected(model).values()))
    method.gradients(model)
    for weight, gradient in zip(protected(model).values(), expected, strict=True):
        torch.testing.assert_close(weight.grad, gradient)


def test_separate_ewc_penalties_pull_like_their_sum() -> None:
    """One parabola for two tasks has the gradients of the two, not their constant."""
    model = binary()
    kind: Any = registry.find("ewc")
    method = kind(EwcOptions(name="ewc", strength=2.0), model, Setting(outputs=single_head(3)))
    x, y = samples()
    pairs = []
    for task, part in enumerate((slice(0, 20), slice(20, 40))):
        method.consolidate(model, x[part], y[part], task)
        anchor = {name: p.detach().clone() for name, p in protected(model).items()}
        pairs.append((fisher(model, x[part].float(), y[part], LOSS), anchor))
        with torch.no_grad():
            for p in protected(model).values():
                p.add_(torch.randn_like(p) * 0.1)
    method.gradients(model)
    for name, weight in protected(model).items():
        expected = sum(2 * 2.0 * f[name] * (weight.detach() - a[name]) for f, a in pairs)
        torch.testing.assert_close(weight.grad, expected, rtol=1e-3, atol=1e-6)


def test_online_ewc_decays_and_moves_its_anchor() -> None:
    model = binary()
    kind: Any = registry.find("ewc")
    method = kind(
        EwcOptions(name="ewc", online=True, decay=0.5), model, Setting(outputs=single_head(3))
    )
    x, y = samples()
    f = fisher(model, x.float(), y, LOSS)
    for task in range(2):
        method.consolidate(model, x, y, task)
    for name, weight in protected(model).items():
        torch.testing.assert_close(method.importance[name], 1.5 * f[name])
        assert torch.equal(method.anchor[name], weight)


def test_shuffled_ewc_gives_the_same_importances_to_other_weights_and_resumes() -> None:
    model, (x, y) = binary(), samples()
    kind: Any = registry.find("ewc")

    def ewc(shuffled: bool) -> Any:
        options = EwcOptions(name="ewc", shuffled=shuffled)
        return kind(options, model, Setting(outputs=single_head(3)))

    plain, control, resumed = ewc(False), ewc(True), ewc(True)
    for method in (plain, control):
        method.consolidate(model, x, y, 0)
    for name, right in plain.importance.items():
        other = control.importance[name]
        assert not torch.equal(other, right)
        assert torch.equal(other.flatten().sort().values, right.flatten().sort().values)
    resumed.load_state(control.state())
    for method in (control, resumed):
        method.consolidate(model, x, y, 1)
    assert all(torch.equal(control.importance[k], resumed.importance[k]) for k in control.anchor)


def test_si_integrates_the_path_on_a_quadratic() -> None:
    """L = (a w0^2 + b w1^2) / 2 from (1, 1) by gradient descent, worked out by hand."""
    layer = nn.Linear(2, 1, bias=False)
    model, weight = nn.Sequential(layer), layer.weight
    weight.data = torch.tensor([[1.0, 1.0]])
    si = Si(SiOptions(name="si", strength=5.0, damping=0.1), model, Setting(outputs=single_head(3)))
    curvature, lr = torch.tensor([[4.0, 0.5]]), 0.1
    for _ in range(2):
        gradient = (curvature * weight).detach()
        weight.grad = gradient
        si.gradients(model)
        with torch.no_grad():
            weight -= lr * gradient
        si.after_step(model)
    # the gradients are 4, then 2.4, and 0.5, then 0.475; each step is -lr times the gradient
    path = torch.tensor([[0.1 * (4.0**2 + 2.4**2), 0.1 * (0.5**2 + 0.475**2)]])
    torch.testing.assert_close(si.path["0.weight"], path)
    x, y = samples(2)
    si.consolidate(model, x, y, 0)
    moved = torch.tensor([[(1 - 0.36) ** 2, (1 - 0.9025) ** 2]])  # weights 1, 0.6, 0.36 and so on
    torch.testing.assert_close(si.importance["0.weight"], path / (moved + 0.1))
    assert (si.path["0.weight"] == 0).all()


def test_si_leaves_the_penalty_out_of_its_path() -> None:
    model = binary()
    si: Any = after_a_step("si", model)
    model.zero_grad()
    with torch.no_grad():
        for p in protected(model).values():
            p.add_(0.05)
    for p in protected(model).values():
        p.grad = torch.zeros_like(p)  # no loss at all: nothing but the penalty pulls
    si.gradients(model)
    for name, weight in protected(model).items():
        assert weight.grad is not None
        assert weight.grad.abs().max() > 0
        gradient, _ = si._before[name]
        assert not gradient.any()


@pytest.mark.parametrize("make", [binary, real])
@pytest.mark.parametrize("name", ["anpyc", "ewc", "mas"])
def test_a_head_keeps_its_importance_while_others_learn(
    name: str, make: Callable[[], nn.Module]
) -> None:
    """The outputs of a new task are free, those of an old one are held as before."""
    model: Any = make()
    outputs = Outputs(3, [(0, 1), (2,)], "task")
    kind: Any = registry.find(name)
    method = kind(kind.Options(name=name), model, Setting(n_tasks=2, outputs=outputs))
    x, y = samples()
    head = list(protected(model))[-1]
    method.consolidate(model, x, y % 2, 0)
    first = method.importance[head].clone()
    assert (first[2] == 0).all()
    assert first[:2].max() > 0
    outputs.start_task(1)
    method.consolidate(model, x, torch.full_like(y, 2), 1)
    assert torch.equal(method.importance[head][:2], first[:2])


def test_a_growing_head_holds_old_classes_and_leaves_later_ones_free() -> None:
    model = binary()
    outputs = Outputs(3, [(0,), (1,), (2,)], "seen")
    outputs.start_task(1)
    kind: Any = registry.find("mas")
    method = kind(MasOptions(name="mas"), model, Setting(n_tasks=3, outputs=outputs))
    x, y = samples()
    method.consolidate(model, x, y % 2, 1)
    head = method.importance["linears.2.weight"]
    assert (head[2] == 0).all()
    assert (head[:2].amax(1) > 0).all()


def test_a_frozen_layer_has_no_importance() -> None:
    model = binary()
    model.linears[0].requires_grad_(False)
    x, y = samples()
    found = fisher(model, x.float(), y, LOSS)
    assert set(found) == {"linears.1.weight", "linears.2.weight"}
    assert all(value.max() > 0 for value in found.values())
