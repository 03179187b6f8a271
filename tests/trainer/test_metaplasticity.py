"""The metaplastic step against a plain float64 implementation, and its promises."""

from __future__ import annotations

import math

import pytest
import torch

from metabit.trainer.metaplasticity import f_meta, metaplastic_step


def plain_step(hidden: float, step: float, m: float) -> float:
    """The formula, one weight at a time, in Python's floats."""
    if hidden * step < 0:
        step *= 1 - math.tanh(m * abs(hidden)) ** 2
    return hidden + step


@pytest.mark.parametrize("m", [0.0, 0.5, 1.35, 10.0])
def test_the_step_is_the_formula(m: float) -> None:
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(64, 32, generator=generator)
    step = 0.1 * torch.randn(64, 32, generator=generator)
    got = metaplastic_step(hidden, step, m)
    for value, h, s in zip(got.flatten(), hidden.flatten(), step.flatten(), strict=True):
        assert abs(value.item() - plain_step(h.item(), s.item(), m)) <= 1e-6


def test_f_meta_is_one_at_zero_and_falls_with_the_weight() -> None:
    share = f_meta(torch.linspace(0, 3, 50), m=1.35)
    assert share[0] == 1
    assert (share.diff() < 0).all()
    assert torch.equal(f_meta(torch.tensor([-0.7]), 2.0), f_meta(torch.tensor([0.7]), 2.0))


def test_m_zero_is_the_plain_step() -> None:
    generator = torch.Generator().manual_seed(2)
    hidden, step = torch.randn(2, 40, 8, generator=generator)
    assert torch.equal(metaplastic_step(hidden, step, m=0.0), hidden + step)


def test_a_growing_weight_is_never_damped() -> None:
    hidden, step = torch.tensor([2.0, -2.0, 0.0, 0.0]), torch.tensor([0.1, -0.1, 0.1, -0.1])
    assert torch.equal(metaplastic_step(hidden, step, m=100.0), hidden + step)


def test_a_consolidated_weight_does_not_shrink() -> None:
    hidden, step = torch.tensor([2.0, -2.0]), torch.tensor([-0.1, 0.1])
    assert torch.equal(metaplastic_step(hidden, step, m=100.0), hidden)


def test_tiny_weights_and_steps_are_damped_too() -> None:
    """A product of the two would underflow to zero and look like growth."""
    hidden, step = torch.tensor([1e-25]), torch.tensor([-1e-25])
    assert metaplastic_step(hidden, step, m=1e25).item() > 0.3e-25


def test_the_inputs_are_not_changed() -> None:
    hidden, step = torch.tensor([0.5, -0.5]), torch.tensor([-0.1, -0.1])
    metaplastic_step(hidden, step, m=2.0)
    assert torch.equal(hidden, torch.tensor([0.5, -0.5]))
    assert torch.equal(step, torch.tensor([-0.1, -0.1]))
