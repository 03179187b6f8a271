"""Dropout whose draws an interrupted run repeats."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """In training, sets a share of the values to zero and enlarges the others.

    PyTorch's own draws from the global generator, whose state no checkpoint has. Here each draw has
    a seed of its own, which is counted in a buffer, so a network that is read again draws what
    it would have drawn.

    Args:
        share: of the values that become zero, from 0 to below 1. The others are divided by
            1 - share, so that the mean stays.
        generator: random numbers for the first seed; the global generator of PyTorch if None.

    Attributes:
        seed: of the next draw, int64, shape (1,).

    Reference:
        Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".
    """

    seed: Tensor

    def __init__(self, share: float, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.share = share
        self.register_buffer("seed", torch.randint(2**62, (1,), generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        """Values of the shape of `x`."""
        if not self.training:
            return x
        generator = torch.Generator().manual_seed(int(self.seed))
        self.seed += 1
        drawn = torch.rand(x.shape, generator=generator)
        return x * (drawn >= self.share).to(x.device) / (1 - self.share)

    def extra_repr(self) -> str:
        """What print() shows."""
        return f"share={self.share}"


def dropout(share: float, generator: torch.Generator | None) -> nn.Module:
    """Dropout of this share; a module that does nothing, and draws nothing, where it is 0."""
    return Dropout(share, generator) if share else nn.Identity()
