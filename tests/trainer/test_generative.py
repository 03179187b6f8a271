"""A generator that remembers: what a task uses stays, bit for bit, and room is made anew."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from metabit.trainer.generative.critic import Critic, gradient_penalty
from metabit.trainer.generative.game import Game, Rules
from metabit.trainer.generative.generator import Generator
from metabit.trainer.generative.growth import grown_by_units, grown_by_weights
from metabit.trainer.generative.masks import pack, slope, soft_mask, sparsity, unpack
from metabit.trainer.generative.plan import make_plan

N_CLASSES, N_NOISE, SHAPE = 3, 4, (8, 8)
RULES = Rules((16,), 0.02, 0.02, 1.0, 0.0, 1.0, 100.0)
KINDS = [(variant, kind) for variant in ("weights", "units") for kind in ("dense", "conv")]


def new_generator(variant: str, kind: str) -> Generator:
    plan = make_plan(kind, N_CLASSES + N_NOISE, 2, SHAPE)
    return Generator(plan, (6, 5), variant, torch.Generator().manual_seed(0))


def learn(generator: Generator, task: int, n_steps: int = 12) -> None:
    """One task: a class whose samples are a pattern of its own or the negative of it."""
    random = torch.Generator().manual_seed(task)
    generator.begin_task(grow=True)
    game = Game(generator, N_CLASSES, RULES, random)
    y = torch.full((8,), task)
    pattern = torch.randn(math.prod(SHAPE), generator=random).sign()
    for step in range(n_steps):
        real = torch.randn(8, 1, generator=random).sign() * pattern
        game.step(real, y, step / n_steps)
    generator.end_task(game.codes(torch.full((64,), task)))


def inputs(n: int = 5) -> Tensor:
    return torch.randn(n, N_CLASSES + N_NOISE, generator=torch.Generator().manual_seed(9))


@pytest.mark.parametrize(("variant", "kind"), KINDS)
def test_old_tasks_are_drawn_bit_for_bit_whatever_is_learnt_later(variant: str, kind: str) -> None:
    generator = new_generator(variant, kind)
    drawn = []
    for task in range(3):
        learn(generator, task)
        drawn.append(generator.redraw(task, inputs()))
        weights = [weight.detach().clone() for weight in generator.weights]
    assert generator.growth > 1
    for task, expected in enumerate(drawn):
        assert torch.equal(generator.redraw(task, inputs()), expected)
    learn(generator, 2)
    pairs = zip(weights, generator.weights, strict=True)
    moved = [not torch.equal(old, new[: old.shape[0], : old.shape[1]]) for old, new in pairs]
    assert any(moved)  # what was free did learn
    for task, expected in enumerate(drawn):
        assert torch.equal(generator.redraw(task, inputs()), expected)


@pytest.mark.parametrize(("variant", "kind"), KINDS)
def test_without_the_freeze_old_tasks_would_be_lost(
    variant: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = new_generator(variant, kind)
    learn(generator, 0)
    expected = generator.redraw(0, inputs())
    monkeypatch.setattr(Generator, "freeze_reserved", lambda self: None)
    learn(generator, 1)
    assert not torch.equal(generator.redraw(0, inputs()), expected)


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_every_task_finds_as_many_free_units_as_the_first(kind: str) -> None:
    generator = new_generator("units", kind)
    for task in range(3):
        learn(generator, task)
        generator.begin_task(grow=True)
        assert [int((~taken).sum()) for taken in generator.reserved_masks()] == [6, 5]


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_every_task_finds_as_many_free_weights_as_the_first_and_a_unit_more_at_most(
    kind: str,
) -> None:
    generator = new_generator("weights", kind)
    wanted = [weight.numel() for weight in generator.weights]
    for task in range(3):
        learn(generator, task)
        assert any(reserved.any() for reserved in generator.reserved)
        generator.begin_task(grow=True)
        free = [int((~taken).sum()) for taken in generator.reserved]
        assert all(found >= least for found, least in zip(free, wanted, strict=True))
        first = generator.weights[0]
        assert free[0] < wanted[0] + first[0].numel() or len(first) == 6
        generator.learning = None


def test_a_generator_that_shall_not_grow_stays_as_it_is() -> None:
    generator = new_generator("weights", "dense")
    learn(generator, 0)
    generator.begin_task(grow=False)
    assert generator.widths == (6, 5)


def test_growth_is_the_smallest_that_makes_up_for_what_was_taken() -> None:
    plan = make_plan("dense", 10, 2, (20,))
    assert grown_by_units((8, 4), (3, 0)) == (11, 4)
    # 10 x 8, 8 x 4 and 4 x 20 weights, of which nothing is taken
    assert grown_by_weights(plan, (8, 4), (0, 0, 0), (80, 32, 80)) == (8, 4)
    # 21 more need three units of 10 weights; 11 x 4 is then more than 33, and 12 wanted is not
    assert grown_by_weights(plan, (8, 4), (21, 1, 0), (80, 32, 80)) == (11, 4)
    assert grown_by_weights(plan, (8, 4), (0, 0, 41), (80, 32, 80)) == (8, 7)


@pytest.mark.parametrize(("variant", "kind"), KINDS)
def test_a_restored_generator_draws_and_learns_the_same_bits(variant: str, kind: str) -> None:
    generator, other = new_generator(variant, kind), new_generator(variant, kind)
    learn(generator, 0)
    other.load_state(generator.state(), 1)
    other.random.set_state(generator.random.get_state())
    assert torch.equal(other.redraw(0, inputs()), generator.redraw(0, inputs()))
    for each in (generator, other):
        learn(each, 1)
    for name, tensor in generator.state().items():
        assert torch.equal(other.state()[name], tensor), name


def test_the_slope_climbs_from_flat_to_steep() -> None:
    assert slope(100.0, 0.0) == pytest.approx(0.01)
    assert slope(100.0, 0.5) == pytest.approx(50, rel=0.01)
    assert slope(100.0, 1.0) == slope(100.0, 1.1) == 100.0


def test_the_gradient_of_an_embedding_is_that_of_the_gentle_sigmoid() -> None:
    embedding = torch.linspace(-1.5, 1.5, 7, dtype=torch.float64, requires_grad=True)
    s, s_max = 8.0, 40.0
    mask = torch.sigmoid(s * embedding)
    (steep,) = torch.autograd.grad(mask.sum(), embedding)
    factor = s_max / s * (torch.cosh(s * embedding) + 1) / (torch.cosh(embedding) + 1)
    found = soft_mask(embedding, s, s_max)
    (gradient,) = torch.autograd.grad(found.sum(), embedding)
    assert torch.equal(found, mask)
    torch.testing.assert_close(gradient, steep * factor)


def test_embeddings_far_beyond_the_clamp_rest() -> None:
    embedding = torch.tensor([-2.0, 0.0, 2.0], requires_grad=True)
    mask = soft_mask(embedding, 1e4, 1e4)
    (gradient,) = torch.autograd.grad(mask.sum(), embedding)
    assert mask.tolist() == [0.0, 0.5, 1.0]
    assert gradient.tolist() == [0.0, 2500.0, 0.0]


def test_only_what_is_free_costs_something() -> None:
    masks = [torch.tensor([1.0, 0.5, 0.0, 1.0]), torch.tensor([1.0])]
    free = [torch.tensor([0.0, 1.0, 1.0, 1.0]), torch.tensor([1.0])]
    assert sparsity(masks, free).item() == pytest.approx(2.5 / 4)
    assert sparsity(masks, [torch.zeros_like(mask) for mask in masks]).item() == 0


@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4, 4)])
def test_masks_are_kept_as_bits(shape: tuple[int, ...]) -> None:
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(1)) > 0.5
    bits = pack(mask)
    assert bits.dtype == torch.uint8
    assert len(bits) == -(-mask.numel() // 8)
    assert torch.equal(unpack(bits, shape), mask)


def test_the_gradient_penalty_is_that_of_a_known_slope() -> None:
    critic = Critic(4, (), 2, torch.Generator().manual_seed(0))
    with torch.no_grad():
        critic.score_head.weight.copy_(torch.tensor([[3.0, 0.0, 4.0, 0.0]]))
    x = torch.rand(6, 4, generator=torch.Generator().manual_seed(1))
    found = gradient_penalty(critic, x, -x, torch.full((6, 1), 0.3))
    assert found.item() == pytest.approx((5 - 1) ** 2)


def test_a_critic_of_convolutions_halves_the_sides_and_judges_each_sample_alone() -> None:
    critic = Critic(3 * 9 * 8, (4, 5), 2, torch.Generator().manual_seed(0), maps=(3, 9, 8))
    x = torch.rand(6, 3 * 9 * 8, generator=torch.Generator().manual_seed(1))
    scores, classes = critic(x)
    assert (scores.shape, classes.shape) == ((6,), (6, 2))
    assert critic.score_head.in_features == 5 * 2 * 2
    torch.testing.assert_close(critic(x[2:3])[0], scores[2:3])
    again = Critic(3 * 9 * 8, (4, 5), 2, torch.Generator().manual_seed(0), maps=(3, 9, 8))
    assert torch.equal(again(x)[0], scores)
    assert gradient_penalty(critic, x, -x, torch.full((6, 1), 0.3)) > 0


@pytest.mark.parametrize("shape", [(8, 12), (3, 16, 8)])
def test_pictures_of_several_channels_and_uneven_sides_are_drawn(shape: Any) -> None:
    generator = Generator(make_plan("conv", 7, 2, shape), (3, 2), "units", torch.Generator())
    generator.begin_task(grow=True)
    drawn, _ = generator.draw(inputs(), 1.0, 100.0)
    assert drawn.shape == (5, math.prod(shape))
