"""The metaplastic step: the method itself, as pure functions of tensors.

A binary weight is the sign of a hidden weight. The further the hidden weight is from zero, the
more steps the loss has asked for this sign, and the more harm a change of sign would do.
Metaplasticity therefore shortens the steps that lead back towards zero, the more the further away
the weight is. The rule needs nothing but the hidden weight: no task boundaries and no second copy
of the weights.

Reference:
    Laborieux, Ernoult, Hirtzlin and Querlioz 2021, "Synaptic metaplasticity in binarized neural
    networks", Nature Communications 12:2549.
"""

from __future__ import annotations

import torch
from torch import Tensor


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
