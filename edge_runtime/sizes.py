"""Sizes as people write them, to bytes and back."""

from __future__ import annotations

import re

from metabit.errors import InputError

_UNITS = {"": 1, "b": 1, "kib": 1024, "mib": 1024**2, "gib": 1024**3, "kb": 1000, "mb": 1000**2}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)


def parse_bytes(size: str | int) -> int:
    """Bytes of "256 KiB", "1.5MiB", "190 kB" (1000 bytes) or a plain number."""
    if isinstance(size, int):
        if size < 0:
            raise InputError(f"size {size} is negative", code="E-SIZE")
        return size
    match = _SIZE.fullmatch(size)
    if match is None or match[2].lower() not in _UNITS:
        raise InputError(
            f'size "{size}" is not understood; write it like 128KiB, 1.5 MiB or 131072',
            code="E-SIZE",
        )
    return int(float(match[1]) * _UNITS[match[2].lower()])


def format_kib(n_bytes: float) -> str:
    """12.3 KiB; 10.2 MiB from 10 MiB on; 87 B below 1 KiB."""
    if abs(n_bytes) < 1024:
        return f"{n_bytes:.0f} B"
    if abs(n_bytes) < 10 * 1024**2:
        return f"{n_bytes / 1024:,.1f} KiB"
    return f"{n_bytes / 1024**2:,.1f} MiB"
