"""The two sign functions of a binary network, which differ in their gradients.

Both have the same forward function, with the convention that holds everywhere in metabit:

    sign(x) = +1 if x >= 0, otherwise -1   so sign(0) = +1, never 0

`sign_weight` is for hidden weights, and its gradient passes unchanged. `sign_activation` is for
normalised sums, and its gradient is zero where the sum is far from zero. Do not use the latter for
weights: hidden weights beyond +-1 could then never move again, and metaplasticity needs them to
keep growing.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor


def sign(x: Tensor) -> Tensor:
    """Sign of `x` in {-1, +1}, same shape and dtype; +1 at zero (also at -0.0)."""
    # The inner sign is -1, 0 or 1. Adding a half changes only the 0. It is faster than torch.where.
    return torch.sign(x).add_(0.5).sign_()


class _StraightThrough(torch.autograd.Function):
    """Sign whose gradient is the identity."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor) -> Tensor:
        return sign(hidden)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (grad,) = grads
        return grad


class _GatedStraightThrough(torch.autograd.Function):
    """Sign whose gradient is the identity where the input lies in [-1, 1], and 0 elsewhere."""

    @staticmethod
    def forward(ctx: Any, y: Tensor) -> Tensor:
        ctx.save_for_backward(y)
        return sign(y)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        y: Tensor
        (y,), (grad,) = ctx.saved_tensors, grads
        return grad * (y.abs() <= 1)


class SignWeight:
    """Binary weight of a hidden weight, with a straight-through gradient.

    Forward:  w = sign(hidden)
    Gradient: dL/dhidden = dL/dw, for every hidden weight whatever its size.

    References:
        Bengio, Leonard and Courville 2013, "Estimating or propagating gradients through stochastic
        neurons for conditional computation" (the straight-through estimator);
        Laborieux et al. 2021, "Synaptic metaplasticity in binarized neural networks" (no gate on
        hidden weights).
    """

    precision: ClassVar[int] = 1
    """Bits per output value."""

    def __call__(self, hidden: Tensor) -> Tensor:
        """Binary weights in {-1, +1} of `hidden`, any shape."""
        result: Tensor = _StraightThrough.apply(hidden)  # type: ignore[no-untyped-call]
        return result


class SignActivation:
    """Binary activation of a normalised sum, with a gated straight-through gradient.

    Forward:  a = sign(y)
    Gradient: dL/dy = dL/da where |y| <= 1, and 0 elsewhere (the derivative of the hard tanh).

    Reference:
        Hubara et al. 2016, "Binarized neural networks".
    """

    precision: ClassVar[int] = 1
    """Bits per output value."""

    def __call__(self, y: Tensor) -> Tensor:
        """Binary activations in {-1, +1} of the normalised sums `y`, any shape."""
        result: Tensor = _GatedStraightThrough.apply(y)  # type: ignore[no-untyped-call]
        return result


sign_weight = SignWeight()
sign_activation = SignActivation()
