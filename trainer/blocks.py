"""Large tensors walked through in blocks that fit the processor's cache.

An expression over whole tensors reads and writes memory once per operation. Where a rule needs
several operations per weight, doing all of them on one block before the next is several times
faster, with the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

BLOCK = 1 << 15
"""Values in a block: a few rows of float32 of this length fit the second-level cache."""


def blocks(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Views of the same BLOCK values of every tensor, one block after the other.

    A graphics processor has no such cache, and each call costs it more than the values of a block:
    there, the only block is the whole tensor.

    Args:
        tensors: contiguous, all with the same number of values.
    """
    rows = [tensor.view(-1) for tensor in tensors]
    size = block_of(rows[0])
    for start in range(0, len(rows[0]), size):
        yield tuple(row[start : start + size] for row in rows)


def block_of(tensor: Tensor) -> int:
    """Number of values in a block of this tensor, at least 1."""
    return max(1, tensor.numel() if tensor.is_cuda else min(BLOCK, tensor.numel()))
