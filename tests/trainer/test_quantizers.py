"""Signs and their gradients."""

from __future__ import annotations

import torch

from metabit.trainer.networks.quantizers import sign, sign_activation, sign_weight

VALUES = [-2.0, -1.0, -0.5, -0.0, 0.0, 1e-38, 0.5, 1.0, 1.5]


def test_sign_of_zero_is_plus_one_and_nothing_is_ever_zero() -> None:
    x = torch.tensor(VALUES)
    expected = torch.tensor([-1.0, -1, -1, 1, 1, 1, 1, 1, 1])
    assert torch.equal(sign(x), expected)
    assert torch.equal(sign_weight(x), expected)
    assert torch.equal(sign_activation(x), expected)


def test_sign_leaves_its_input_alone() -> None:
    x = torch.tensor(VALUES)
    before = x.clone()
    sign(x)
    assert torch.equal(x, before)


def test_every_gradient_reaches_a_hidden_weight() -> None:
    hidden = torch.tensor(VALUES, requires_grad=True)
    grad = torch.arange(len(VALUES), dtype=torch.float32) - 3
    sign_weight(hidden).backward(grad)  # type: ignore[no-untyped-call]
    assert hidden.grad is not None
    assert torch.equal(hidden.grad, grad)


def test_a_gradient_passes_an_activation_only_within_one_of_zero() -> None:
    y = torch.tensor([-1.0001, -1.0, 0.0, 1.0, 1.0001], requires_grad=True)
    sign_activation(y).backward(torch.full((5,), 3.0))  # type: ignore[no-untyped-call]
    assert y.grad is not None
    assert y.grad.tolist() == [0.0, 3.0, 3.0, 3.0, 0.0]


def test_precision_is_readable_as_data() -> None:
    assert sign_weight.precision == 1
    assert sign_activation.precision == 1
