"""Learnt masks: soft while a task is learnt, one bit per weight or unit afterwards.

    mask = sigmoid(s * embedding)

The slope s grows during a task ("annealing"), so that a mask that begins at 1/2 everywhere ends as
0 or 1. Most of a steep sigmoid is flat, and there its gradient vanishes. Therefore the gradient of
an embedding is multiplied by

    (s_max / s) * (cosh(clamp(s * embedding, -50, 50)) + 1) / (cosh(embedding) + 1)

which replaces the gradient of the steep sigmoid by the gradient of the gentle one.

Reference:
    Serra et al. 2018, "Overcoming catastrophic forgetting with hard attention to the task"; in this
    form Ostapenko et al. 2019, "Learning to remember".
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

CLAMP = 50.0
"""Up to this |s * embedding| the gradient is replaced; beyond it, embeddings stop moving."""


def slope(s_max: float, done: float) -> float:
    """The slope s when a share `done` of a task has passed: it rises evenly to s_max."""
    return 1 / s_max + (s_max - 1 / s_max) * min(done, 1.0)


def soft_mask(embedding: Tensor, s: float, s_max: float) -> Tensor:
    """The mask of an embedding, with the gradient that is described above.

    The product of gradient and factor is computed as one expression: where a float32 sigmoid is
    exactly 1, its gradient is 0, and no factor could restore it.
    """
    steep = s * embedding.detach()
    rest = torch.exp(-(steep.abs() - CLAMP).clamp(min=0.0))
    gentle = s_max * rest * torch.sigmoid(embedding)
    return torch.sigmoid(steep) + (gentle - gentle.detach())


def sparsity(masks: list[Tensor], free: list[Tensor]) -> Tensor:
    """Share of the free weights or units that a task takes, from 0 to 1.

    Args:
        masks: soft masks of the task.
        free: 0 for what earlier tasks use already, which costs nothing, and 1 for the others;
            float32, in the same shapes.
    """
    pairs = zip(masks, free, strict=True)
    taken = torch.stack([torch.dot(mask.flatten(), one.flatten()) for mask, one in pairs])
    n_free = torch.stack([one.sum() for one in free]).sum()
    return taken.sum() / n_free.clamp(min=1)


def pack(mask: Tensor) -> Tensor:
    """A bool tensor as bits, eight per byte, uint8."""
    bits = np.packbits(mask.cpu().numpy().reshape(-1), bitorder="little")
    return torch.from_numpy(bits).to(mask.device)


def unpack(bits: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The bool tensor of this shape that `pack` was given."""
    count = int(np.prod(shape))
    flat = np.unpackbits(bits.cpu().numpy(), count=count, bitorder="little")
    return torch.from_numpy(flat.astype(np.bool_).reshape(shape)).to(bits.device)
