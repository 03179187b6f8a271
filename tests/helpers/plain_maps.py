"""Convolution and normalisation of maps in plain NumPy: what the trainer is compared with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metabit.trainer.networks.layers import Normalization

Ints = NDArray[np.int64]


def plain_convolution(x: Ints, weights: Ints, stride: int, padding: str) -> Ints:
    """Six loops over integers, with nothing in common with PyTorch."""
    k = weights.shape[2]
    if padding == "one":
        before, after = (k - 1) // 2, k // 2
        around = ((0, 0), (0, 0), (before, after), (before, after))
        x = np.pad(x, around, constant_values=1)
    rows, columns = ((side - k) // stride + 1 for side in x.shape[2:])
    sums = np.zeros((len(x), len(weights), rows, columns), dtype=np.int64)
    for n, o, i, j in np.ndindex(*sums.shape):
        for a, b in np.ndindex(k, k):
            pixel = x[n, :, i * stride + a, j * stride + b]
            sums[n, o, i, j] += pixel @ weights[o, :, a, b]
    return sums


def normalise_maps(norm: Normalization, acc: NDArray[np.float32]) -> NDArray[np.float32]:
    """What `norm` does in evaluation with NCHW maps: separate float32 operations in NumPy."""
    bank = norm.active_bank
    mean, var = norm.running_mean[bank].numpy(), norm.running_var[bank].numpy()
    gamma, beta = norm.gamma[bank].detach().numpy(), norm.beta[bank].detach().numpy()
    inv_std = np.float32(1) / np.sqrt(var + np.float32(norm.eps))
    channels_last = np.moveaxis(acc, 1, -1)
    scaled: NDArray[np.float32] = ((channels_last - mean) * inv_std) * gamma + beta
    return np.moveaxis(scaled, -1, 1)
