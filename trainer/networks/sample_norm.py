"""Normalisation of each sample by itself, in place of the statistics of a batch."""

from __future__ import annotations

import torch
from torch import Tensor

from metabit.trainer.networks.conv import MapNormalization
from metabit.trainer.networks.layers import Normalization


class SampleNormalization(Normalization):
    """Normalisation with mean and variance of a single sample; nothing is averaged over samples.

    So a sample gets the same values in training and evaluation, in any batch, and there are no
    running statistics that a later task could spoil. Scale and offset are one set per bank, as in
    `Normalization`, whose arguments it has too.

    Args:
        per_channel: take mean and variance of each channel of a map over its positions, which is
            called instance normalisation, and not over all values of the sample. A vector has one
            value per channel, so it is always normalised as a whole.

    Attributes:
        running_mean, running_var: without columns, (n_banks, 0).

    Reference:
        Ba et al. 2016, "Layer normalization"; Ulyanov et al. 2016, "Instance normalization".
    """

    def __init__(
        self,
        n_features: int,
        n_banks: int = 1,
        affine: bool = True,
        eps: float = 1e-5,
        per_channel: bool = False,
    ) -> None:
        super().__init__(n_features, n_banks, affine, eps)
        self.per_channel = per_channel
        self.running_mean = self.running_mean[:, :0].clone()
        self.running_var = self.running_var[:, :0].clone()

    def forward(self, x: Tensor) -> Tensor:
        """Normalised values of `x`, shape (n, n_features) or (n, n_features, rows, columns)."""
        axes = tuple(range(2 if self.per_channel and x.ndim > 2 else 1, x.ndim))
        variance, mean = torch.var_mean(x, dim=axes, keepdim=True, correction=0)
        shape = (1, -1, *[1] * (x.ndim - 2))
        gamma, beta = (kept[self.active_bank].view(shape) for kept in (self.gamma, self.beta))
        y: Tensor = (x - mean) / torch.sqrt(variance + self.eps) * gamma + beta
        return y


def normalization(
    kind: str,
    n_features: int,
    n_banks: int = 1,
    affine: bool = True,
    eps: float = 1e-5,
    momentum: float = 0.1,
    maps: bool = False,
) -> Normalization:
    """The normalisation of a layer.

    Args:
        kind: "batch"; "instance" or "sample", which keep no statistics.
        n_features: outputs of a dense layer, or channels of a convolution.
        n_banks, affine, eps, momentum: see `Normalization`.
        maps: whether it follows a convolution.
    """
    if kind != "batch":
        return SampleNormalization(n_features, n_banks, affine, eps, kind == "instance")
    made = MapNormalization if maps else Normalization
    return made(n_features, n_banks, affine, eps, momentum)
