"""Binary convolution, max-pooling of its sums, and normalisation of maps.

A block of a binary convolutional network is a convolution, max-pooling, normalisation and sign.

Pooling works on the integer sums, before normalisation, and can be folded exactly. Every operation
of the normalisation is monotone in the sum, so normalisation and sign together are one integer
threshold t per channel, and the largest sum of a window decides:

    rising channel:   bit = max(sums) >= t,  which is the OR  of the bits of the single sums
    falling channel:  bit = max(sums) <  t,  which is the AND of the bits of the single sums

A runtime may therefore compare the largest sum, or pool packed bits without keeping any sum. One
could also pool the bits in training. But nearly all pooled bits are +1, and they do not say how far
a sum is from the threshold, so the normalisation would know too little to balance them.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from metabit.errors import InputError
from metabit.trainer.networks.layers import Normalization
from metabit.trainer.networks.quantizers import sign, sign_weight
from metabit.trainer.networks.shapes import Padding, check_convolution, convolved_size


class Convolution(nn.Module):
    """What binary and real-valued convolutions have in common: kernel, padding and patches.

    Args:
        n_in: channels of the input.
        n_out: channels of the output.
        kernel_size: side of the square kernel.
        stride: step of the kernel in both directions.
        padding: "one" or "zero", the value outside of the map, or "valid" for none.
        bound: weights start uniformly in [-bound, bound].
        generator: random numbers for the start; the global generator of PyTorch if None.

    Attributes:
        weight: (n_out, n_in, kernel_size, kernel_size).
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel_size: int,
        stride: int,
        padding: Padding,
        bound: float,
        generator: torch.Generator | None,
    ) -> None:
        super().__init__()
        self.n_in = n_in
        self.n_out = n_out
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding: Padding = padding
        weight = torch.empty(n_out, n_in, kernel_size, kernel_size)
        self.weight = nn.Parameter(weight.uniform_(-bound, bound, generator=generator))

    def output_size(self, size: int) -> int:
        """Side of the output for an input of side `size`.

        Raises:
            InputError: the kernel does not fit.
        """
        return convolved_size(size, self.kernel_size, self.stride, self.padding)

    def patches(self, x: Tensor) -> Tensor:
        """What the kernel sees at each position, for `x` of shape (n, n_in, rows, columns).

        Returns:
            (n, n_in * kernel_size ** 2, positions); values in the order of `weight.flatten(1)`.
        """
        return functional.unfold(self.padded(x), self.kernel_size, stride=self.stride)

    def padded(self, x: Tensor) -> Tensor:
        """`x` of shape (n, n_in, rows, columns) with its padding around it."""
        if self.padding == "valid":
            return x
        before, after = (self.kernel_size - 1) // 2, self.kernel_size // 2
        outside = 1.0 if self.padding == "one" else 0.0
        return functional.pad(x, (before, after, before, after), value=outside)

    def extra_repr(self) -> str:
        """What print() shows."""
        return (
            f"n_in={self.n_in}, n_out={self.n_out}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding}"
        )


class BinaryConv2d(Convolution):
    """Two-dimensional convolution whose weights are the signs of its hidden weights; no bias.

    Like every convolution of neural networks it does not mirror its kernel:

        sum[n, o, i, j] = total over c, a, b of
            sign(weight[o, c, a, b]) * x[n, c, i * stride + a, j * stride + b]

    Padding is one of:

    * ``"valid"``: no padding; a map of side h becomes (h - kernel_size) // stride + 1.
    * ``"one"``: activations of +1 outside of the map, (kernel_size - 1) // 2 before it and
      kernel_size // 2 after it; a map of side h becomes ceil(h / stride). Zero is not an activation
      of a binary network, so padding with it would bring a third value into the packed kernels.
      Around an 8-bit input, +1 is the integer 1, which is nearly nothing.

    With integer inputs the output is an exact integer in float32: every partial sum is below 2**24,
    so the order of the additions does not matter. Evaluation computes one matrix product of
    unfolded patches, which is exact everywhere. Training uses PyTorch's convolution, which is
    faster, and on some processors uses a transformed algorithm that rounds.

    Args:
        n_in: channels of the input.
        n_out: channels of the output.
        kernel_size: side of the square kernel.
        stride: step of the kernel in both directions.
        padding: "one" or "valid".
        max_input: largest |x| that `forward` will read: 1 after a sign, 255 for 8-bit inputs.
        init_width: hidden weights start uniformly in [-init_width / 2, init_width / 2].
        generator: random numbers for the start; the global generator of PyTorch if None.

    Attributes:
        weight: hidden weights, (n_out, n_in, kernel_size, kernel_size).

    Raises:
        InputError: a value is out of range, or sums could reach 2**24.

    Reference:
        Hubara et al. 2016, "Binarized neural networks".
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel_size: int,
        stride: int = 1,
        padding: Padding = "one",
        max_input: int = 1,
        init_width: float = 0.1,
        generator: torch.Generator | None = None,
    ) -> None:
        check_convolution(n_in, n_out, kernel_size, stride, padding, max_input)
        super().__init__(n_in, n_out, kernel_size, stride, padding, init_width / 2, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Sums of shape (n, n_out, rows, columns) for `x` of shape (n, n_in, rows, columns).

        Raises:
            InputError: `x` is no stack of `n_in` maps, or smaller than the kernel.
        """
        if x.ndim != 4 or x.shape[1] != self.n_in:
            raise InputError(
                f"maps of shape {tuple(x.shape)}: need (n, {self.n_in}, rows, columns)",
                code="E-SHAPE",
            )
        rows, columns = (self.output_size(size) for size in x.shape[2:])
        weight = sign_weight(self.weight)
        if self.training:
            return functional.conv2d(self.padded(x), weight, stride=self.stride)
        return (weight.flatten(1) @ self.patches(x)).reshape(len(x), self.n_out, rows, columns)

    @torch.no_grad()
    def nhwc_signs(self) -> NDArray[np.int8]:
        """Binary weights in the order of the packed runtimes, which keep channels innermost.

        Returns:
            -1 and +1, shape (n_out, kernel row, kernel column, n_in), int8, C order: the weights of
            an output channel are in the order of the activations of one patch in NHWC.
        """
        signs: NDArray[np.int8] = sign(self.weight).permute(0, 2, 3, 1).numpy().astype(np.int8)
        return np.ascontiguousarray(signs)


def max_pool(sums: Tensor, size: int) -> Tensor:
    """Largest sum of each size x size window; windows do not overlap.

    Args:
        sums: (n, channels, rows, columns).
        size: side of a window, at least 1; 1 changes nothing.

    Returns:
        (n, channels, rows // size, columns // size). Rows and columns at the end that do not fill
        a window are ignored.
    """
    return sums if size == 1 else functional.max_pool2d(sums, size)


class MapNormalization(Normalization):
    """`Normalization` with one mean, variance, scale and offset per channel of a map.

    The statistics of a channel are taken over samples and positions. Evaluation does the same
    float32 operations in the same order as for vectors, and banks work in the same way.

    It has the arguments of `Normalization`, where n_features is the number of channels.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalised maps of `x`, both of shape (n, channels, rows, columns).

        Raises:
            InputError: training on a single value per channel, whose variance is zero.
        """
        vectors = x.permute(0, 2, 3, 1)
        y = super().forward(vectors.flatten(0, 2))
        return y.reshape(vectors.shape).permute(0, 3, 1, 2)


def flatten_nhwc(maps: Tensor) -> Tensor:
    """Maps as vectors in the order of the packed runtimes: row, column, channel.

    The dense layer that follows learns in that order, so an export need not permute its weights.

    Args:
        maps: (n, channels, rows, columns).

    Returns:
        (n, rows * columns * channels).
    """
    return maps.permute(0, 2, 3, 1).flatten(1)
