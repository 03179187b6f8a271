"""The heart of the method: how hard it is to move a hidden weight towards zero.

A binary weight is the sign of a hidden weight. The further the hidden weight is from zero, the
more steps the loss has asked for this sign, and the more harm a change of sign would do.
Metaplasticity therefore shortens the steps that lead back towards zero, the more the further away
the weight is. The rule needs nothing but the hidden weight: no task boundaries and no second copy
of the weights.

On a device the same functions stand, in the same order, in `edge_runtime/src/metaplasticity.[ch]`
and `edge_runtime/reference/metaplasticity.py`. There a hidden weight is a whole number of levels,
and a move by one level happens with the probability f_meta where a step is shortened here.

Reference:
    Laborieux, Ernoult, Hirtzlin and Querlioz 2021, "Synaptic metaplasticity in binarized neural
    networks", Nature Communications 12:2549.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

#: A weight that takes less than this share of a shrinking step is consolidated.
CONSOLIDATED = 0.02


def f_meta(hidden: Tensor, m: float) -> Tensor:
    """Share of a shrinking step that a hidden weight still takes.

        f_meta(h, m) = 1 - tanh(m * |h|) ** 2

    It is 1 at h = 0 and falls with |h|: 0.42 at m * |h| = 1, 0.07 at 2, 0.0013 at 4. Beyond 4 a
    weight is frozen for all practical purposes.

    Args:
        hidden: hidden weights, any shape.
        m: metaplasticity coefficient, m >= 0; m = 0 gives 1 everywhere.

    Returns:
        values in [0, 1], same shape as `hidden`.
    """
    return 1 - torch.tanh(m * hidden.abs()) ** 2


def withheld(hidden: Tensor, step: Tensor, m: float) -> Tensor:
    """The part of `step` that metaplasticity does not let a hidden weight take.

    It is (1 - f_meta) * step where the step points from the weight towards zero, and 0 elsewhere.

    Args:
        hidden: hidden weights before the step, any shape.
        step: what a plain optimizer would add to them, same shape.
        m: metaplasticity coefficient, m >= 0.

    Returns:
        same shape as `hidden`; `hidden + step - withheld` is the metaplastic step.
    """
    sign = torch.sign(hidden)
    # In the weight's own direction a shrinking step is negative; multiplying by +-1 is exact.
    shrinking = sign * (sign * step).clamp_(max=0)
    return (1 - f_meta(hidden, m)) * shrinking


def metaplastic_step(hidden: Tensor, step: Tensor, m: float) -> Tensor:
    """Hidden weights after `step`, damped by `f_meta` only where the step would shrink a weight.

    Args:
        hidden: hidden weights before the step, any shape.
        step: what a plain optimizer would add to them, same shape.
        m: metaplasticity coefficient, m >= 0; m = 0 gives exactly hidden + step.

    Returns:
        new hidden weights, same shape; the inputs are not changed.
    """
    return hidden + step - withheld(hidden, step, m)


#: The range of hidden weights that a device keeps ends where m * |hidden| is this.
RANGE = 3.0
#: A growing step passes with this share of f_meta once growth is damped in full.
GROWING = 15 / 16


def growth(hidden: Tensor, m: float) -> Tensor:
    """How strongly the window rule damps growing steps of a layer, k from 0 to 1.

        k = clamp(mean(m * |hidden|) / RANGE * 12.8 - 1, 0, 1)

    Growth is free while hidden weights are 10 of 128 levels large on average, and damped in full
    from 20 on. A growing step is then multiplied by 1 - k + k * GROWING * f_meta, a little less
    than a shrinking one, so that noise makes no weight grow and no layer becomes rigid. The rule of
    a device is this one (docs/LEARNING.md); there k also follows how much of a stream is new.

    Args:
        hidden: hidden weights of a layer before the step, any shape.
        m: metaplasticity coefficient, m > 0.

    Returns:
        a scalar.
    """
    return (hidden.abs().mean() * (12.8 * m / RANGE) - 1).clamp_(0, 1)


def consolidated(hidden: Tensor, m: float) -> Tensor:
    """Which hidden weights take less than 2 % of a shrinking step, bool, shape of `hidden`."""
    return f_meta(hidden, m) < CONSOLIDATED


def plasticity(hidden: Sequence[Tensor], m: Sequence[float]) -> float:
    """The share of a shrinking step that the hidden weights of several layers still take, on
    average: the mean of f_meta. 1 of no layers."""
    shares = [f_meta(weights, m_layer) for weights, m_layer in zip(hidden, m, strict=True)]
    n = sum(layer.numel() for layer in shares)
    return sum(layer.sum(dtype=torch.float64).item() for layer in shares) / n if n else 1.0
