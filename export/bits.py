"""Signs to bits and back, hidden weights to bytes and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metabit.export.spec import Int8Array

WORD_BITS = 32


def words(n_bits: int) -> int:
    """32-bit words that hold a row of `n_bits` bits."""
    return -(-n_bits // WORD_BITS)


def pack_bits(signs: NDArray[np.integer] | NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Pack values in {-1, +1} (or booleans) into bytes, row by row.

    Bit 1 is +1, the least significant bit comes first, and a row is padded with zero bits up to a
    multiple of 32, so that every row starts on a word.

    Args:
        signs: shape (rows, n_bits).

    Returns:
        shape (rows, 4 * words(n_bits)), uint8.
    """
    rows, n_bits = signs.shape
    padded = np.zeros((rows, words(n_bits) * WORD_BITS), dtype=np.uint8)
    padded[:, :n_bits] = signs > 0
    return np.packbits(padded, axis=1, bitorder="little")


def unpack_bits(packed: NDArray[np.uint8], n_bits: int) -> Int8Array:
    """The inverse of `pack_bits`.

    Args:
        packed: shape (rows, 4 * words(n_bits)), uint8.
        n_bits: true length of a row.

    Returns:
        shape (rows, n_bits), int8, each -1 or +1.
    """
    bits = np.unpackbits(packed, axis=1, count=n_bits, bitorder="little")
    return (2 * bits.astype(np.int8) - 1).astype(np.int8)


def level_row_bytes(n_in: int, bits: int) -> int:
    """Bytes of one row of `n_in` hidden weights of `bits` bits."""
    return -(-n_in * bits // 8)


def pack_levels(levels: Int8Array, bits: int) -> NDArray[np.uint8]:
    """Hidden-weight levels to bytes; 4-bit levels go two to a byte, the first in the low half.

    Args:
        levels: shape (rows, n_in), int8.
        bits: 8 or 4.

    Returns:
        shape (rows, level_row_bytes(n_in, bits)), uint8.
    """
    if bits == 8:
        return levels.view(np.uint8)
    rows, n_in = levels.shape
    nibbles = np.zeros((rows, n_in + n_in % 2), dtype=np.uint8)
    nibbles[:, :n_in] = levels.view(np.uint8) & 15
    packed: NDArray[np.uint8] = (nibbles[:, 0::2] | nibbles[:, 1::2] << 4).astype(np.uint8)
    return packed


def unpack_levels(packed: NDArray[np.uint8], n_in: int, bits: int) -> Int8Array:
    """The inverse of `pack_levels`.

    Returns:
        shape (rows, n_in), int8.
    """
    if bits == 8:
        return packed[:, :n_in].view(np.int8).copy()
    nibbles = np.stack([packed & 15, packed >> 4], axis=2).reshape(packed.shape[0], -1)[:, :n_in]
    return ((nibbles.astype(np.int8) ^ 8) - 8).astype(np.int8)
