"""Metaplastic optimizers: PyTorch's own Adam and SGD, with their step damped afterwards.

The base optimizer moves the weights first, with its own moments and its own arithmetic. The
difference (weight after - weight before) is its step. Where a hidden weight has become smaller, the
metaplastic rule then takes back a part of that step. Three things follow:

* With m = 0 the weights have the bits of PyTorch's optimizer with fused=True, because the rule is
  skipped. It passes over the weights once, several times faster than the default.
* A weight that grows keeps exactly the bits that the base optimizer gave it.
* The optimizer's step decides whether a weight shrinks, momentum included, as in the paper, and not
  the raw gradient. The moments themselves are never damped.

`m` belongs to a parameter group. Only hidden weights should have one; `parameter_groups` does that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, overload

import torch
from torch import Tensor, nn

from metabit.errors import InputError
from metabit.trainer.blocks import block_of, blocks
from metabit.trainer.metaplasticity import GROWING, RANGE, growth

Loss = Callable[[], float]


def _check_m(groups: Iterable[dict[str, Any]]) -> None:
    for number, group in enumerate(groups):
        m = group["m"]
        if not math.isfinite(m) or m < 0:
            raise InputError(
                f"m = {m} in parameter group {number}: must be 0 or more",
                code="E-M",
            )


def _damp(weight: Tensor, before: Tensor, m: float, window: bool) -> None:
    """Take back, in place, the part of a step that metaplasticity withholds.

    The bits are the same as with `weight - withheld(before, weight - before, m)`. That would
    write ten tensors as large as the weight; here every block passes through the cache once. Where
    a weight grew, zero is taken back: it keeps the bits that the base optimizer wrote, which
    before + (after - before) would not always give.

    Args:
        weight: hidden weights after the step of the base optimizer; contiguous.
        before: the same weights before that step.
        m: metaplasticity coefficient.
        window: damp growing steps too, as `growth` says, and end at the range of a device.
    """
    k = growth(before, m) if window else None
    scratch = torch.empty(3, block_of(weight), dtype=weight.dtype, device=weight.device)
    for new, hidden in blocks(weight, before):
        step, sign, share = (row[: len(new)] for row in scratch)
        torch.sub(new, hidden, out=step)
        torch.sign(hidden, out=sign)
        torch.abs(hidden, out=share).mul_(m).tanh_().square_()
        torch.sub(1, share, out=share)  # f_meta
        if k is not None:
            growing = step * sign
            growing.clamp_(min=0).mul_(sign).mul_(k * (1 - GROWING * share))
            new.sub_(growing).clamp_(-RANGE / m, RANGE / m)
        torch.sub(1, share, out=share)  # what f_meta withholds
        step.mul_(sign).clamp_(max=0).mul_(sign)  # the steps that shrink a weight
        new.sub_(share.mul_(step))


class _Metaplastic(torch.optim.Optimizer):
    """The metaplastic rule, applied after the step of the base class that follows this one."""

    def _give_m(self, m: float) -> None:
        """Set m in the groups that hold none, and check it in all."""
        self.defaults["m"] = m
        for group in self.param_groups:
            group.setdefault("m", m)
            group.setdefault("window", False)
        _check_m(self.param_groups)
        self._before: dict[Tensor, Tensor] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copied optimizer, whose state is without the weights before a step."""
        super().__setstate__(state)
        self._before = {}

    def _metaplastic_weights(self) -> list[tuple[Tensor, float, bool]]:
        """Each metaplastic weight with its m, and whether growing steps are damped too."""
        groups = (group for group in self.param_groups if group["m"] != 0)
        return [(w, group["m"], group["window"]) for group in groups for w in group["params"]]

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Loss) -> float: ...

    @torch.no_grad()
    def step(self, closure: Loss | None = None) -> float | None:
        """A base step, then the metaplastic rule; returns the loss of the closure, if any."""
        for weight, _, _ in self._metaplastic_weights():
            # The same memory in every step: fresh pages of a large weight cost more than the copy.
            if weight not in self._before:
                self._before[weight] = torch.empty_like(weight)
            self._before[weight].copy_(weight)
        loss: float | None = super().step(closure)
        for weight, m, window in self._metaplastic_weights():
            _damp(weight, self._before[weight], m, window)
        return loss


class MetaplasticAdam(_Metaplastic, torch.optim.Adam):
    """Adam whose steps towards zero are damped by f_meta (Laborieux et al. 2021).

    Args:
        params: parameters or parameter groups; a group may hold its own ``m``.
        lr: learning rate.
        m: metaplasticity coefficient of groups that hold none; with 0, weights have the bits that
            Adam with fused=True gives them. It damps every parameter of a group, and the paper
            damps weights alone: `parameter_groups` leaves out biases and normalisation.
        betas, eps, weight_decay: as in ``torch.optim.Adam``; weight decay adds to the gradient.

    Raises:
        InputError: m is negative or not finite.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 0.005,
        m: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=True)
        for group in self.param_groups:  # a CUDA graph may hold its steps
            group["capturable"] = any(p.is_cuda for p in group["params"])
        self._give_m(m)


class MetaplasticSGD(_Metaplastic, torch.optim.SGD):
    """SGD whose steps towards zero are damped by f_meta (Laborieux et al. 2021).

    Args:
        params: parameters or parameter groups; a group may hold its own ``m``.
        lr: learning rate.
        m: metaplasticity coefficient of groups that hold none, as in `MetaplasticAdam`; with 0,
            weights have the bits that SGD with fused=True gives them.
        momentum, weight_decay: as in ``torch.optim.SGD``.

    Raises:
        InputError: m is negative or not finite.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 0.1,
        m: float = 0.0,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, momentum=momentum, weight_decay=weight_decay, fused=True)
        self._give_m(m)


def learning_weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """Weights by name, in the order of their layers; weights of frozen layers are left out.

    A parameter with two or more dimensions is the weight of a layer; in a binary layer it is the
    hidden weight. Biases and the scales of normalisation have one dimension.
    """
    return {n: p for n, p in model.named_parameters() if p.dim() > 1 and p.requires_grad}


def parameter_groups(
    model: nn.Module, m: float | Sequence[float], window: bool = False
) -> list[dict[str, Any]]:
    """Parameter groups in which only the weights are metaplastic.

    Args:
        model: any network; frozen parameters are left out.
        m: one coefficient for all layers, or one per layer.
        window: damp growing steps of hidden layers too (see `metabit.trainer.metaplasticity`).

    Returns:
        one group per layer with its m, then a group of all other parameters with m = 0.

    Raises:
        InputError: the number of coefficients is not the number of layers.
    """
    weights = list(learning_weights(model).values())
    others = [p for p in model.parameters() if p.dim() <= 1 and p.requires_grad]
    per_layer = list(m) if isinstance(m, Sequence) else [m] * len(weights)
    if len(per_layer) != len(weights):
        raise InputError(
            f"{len(per_layer)} values of m for {len(weights)} layers: give one number, or one a "
            "layer",
            code="E-M",
        )
    groups: list[dict[str, Any]] = [
        {"params": [weight], "m": layer_m, "window": window}
        for weight, layer_m in zip(weights, per_layer, strict=True)
    ]
    groups[-1]["window"] = False  # in the output layer growth is free, as on a device
    if others:
        groups.append({"params": others, "m": 0.0})
    return groups
