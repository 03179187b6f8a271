"""Where a convolution looks, and what sides its maps have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Padding = Literal["one", "valid"]


@dataclass(frozen=True)
class Window:
    """Where a convolution looks, and how its sums are pooled. Maps are row, column, channel.

    The sum of output channel o at (i, j) does, as in PyTorch, not mirror the kernel:

        total over a, b, c of
            weight[o, a, b, c] * x[i * stride + a - before, j * stride + b - before, c]

    Attributes:
        in_shape: rows, columns and channels of the input.
        kernel_size: side k of the square kernel.
        stride: step of the kernel in both directions.
        padding: "one": activations of +1 outside of the map, (k - 1) // 2 before and k // 2 after,
            which are the integer 1 in front of an 8-bit input (next to its zero point); or "valid":
            none, the kernel stays inside.
        pool: side of the windows of max-pooling, which do not overlap; 1 for none. It takes the
            largest integer sum, before normalisation. Rows and columns that fill no window are left
            out.
    """

    in_shape: tuple[int, int, int]
    kernel_size: int
    stride: int = 1
    padding: Padding = "one"
    pool: int = 1

    @property
    def before(self) -> int:
        """Rows of padding above the map, which are also the columns on its left."""
        return (self.kernel_size - 1) // 2 if self.padding == "one" else 0

    @property
    def sum_sides(self) -> tuple[int, int]:
        """Rows and columns of the sums before pooling; 0 or less where the kernel does not fit."""
        outside = 1 if self.padding == "one" else self.kernel_size
        rows, columns, _ = self.in_shape
        return (rows - outside) // self.stride + 1, (columns - outside) // self.stride + 1

    @property
    def out_sides(self) -> tuple[int, int]:
        """Rows and columns after pooling."""
        rows, columns = self.sum_sides
        return rows // self.pool, columns // self.pool

    @property
    def n_in(self) -> int:
        """Values that the kernel sees at one position, k * k * channels."""
        return self.kernel_size**2 * self.in_shape[2]
