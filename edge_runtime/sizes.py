"""Sizes as people write them, to bytes and back."""

from __future__ import annotations

import operator
import re
from fractions import Fraction
from typing import SupportsIndex

from metabit.errors import InputError

# K, M, G and KiB, MiB, GiB count in 1024, as linker scripts and data sheets do; kB, MB, GB in 1000.
_POWERS = {"k": 1, "m": 2, "g": 3}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:([kmg])(i?b)?|b)?\s*", re.IGNORECASE)


def parse_bytes(size: str | int) -> int:
    """Bytes of a size; capital and small letters mean the same, a part of a byte is dropped.

    Args:
        size: a number of bytes, or text: "256 KiB" or "256K" (1024 bytes each), "190 kB" (1000
            bytes each), "1.5MiB", "131072".

    Raises:
        InputError: not a size, or negative; code E-SIZE.
    """
    if not isinstance(size, str):
        return _whole(size)
    match = _SIZE.fullmatch(size)
    if match is None:
        raise _not_understood(size)
    number, letter, ending = match.groups()
    base = 1000 if ending is not None and ending.lower() == "b" else 1024
    return int(Fraction(number) * base ** (_POWERS[letter.lower()] if letter else 0))


def _whole(size: SupportsIndex) -> int:
    """Bytes of a number, which may be NumPy's."""
    try:
        n_bytes = operator.index(size)
    except TypeError as error:
        raise _not_understood(size) from error
    if n_bytes < 0:
        raise InputError(f"size {n_bytes} is negative", code="E-SIZE")
    return n_bytes


def _not_understood(size: object) -> InputError:
    return InputError(
        f'size "{size}" is not understood; write it like 128KiB, 128K, 1.5 MiB or 131072',
        code="E-SIZE",
    )


def format_kib(n_bytes: float) -> str:
    """12.3 KiB; 10.2 MiB from 10 MiB on; 87 B below 1 KiB."""
    if abs(n_bytes) < 1024:
        return f"{n_bytes:.0f} B"
    if abs(n_bytes) < 10 * 1024**2:
        return f"{n_bytes / 1024:,.1f} KiB"
    return f"{n_bytes / 1024**2:,.1f} MiB"


def ram_in_words(needed_bytes: int, arena_bytes: int) -> str:
    """RAM of a model that is open: "7.7 KiB, 16.6 KiB with weights interleaved".

    Args:
        needed_bytes: what it needs on every machine.
        arena_bytes: what it takes here, where weights may be interleaved for quicker kernels.
    """
    if needed_bytes == arena_bytes:
        return format_kib(arena_bytes)
    return f"{format_kib(needed_bytes)}, {format_kib(arena_bytes)} with weights interleaved"
