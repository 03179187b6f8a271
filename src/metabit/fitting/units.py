"""Time and energy as people write them."""

from __future__ import annotations

import re

from metabit.errors import InputError

_MICRO = {"u": 1.0, "µ": 1.0, "m": 1e3, "": 1e6}
_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([uµm]?)([a-zA-Z]+)\s*")


def parse_micro(text: str, unit: str, example: str) -> float:
    """A time in microseconds, or an energy in microjoules.

    Args:
        text: such as "5 ms".
        unit: "s" or "J".
        example: for the message.

    Raises:
        InputError: it is neither, or zero (E-SIZE).
    """
    found = _WRITTEN.fullmatch(text)
    if found is None or found[3].lower() != unit.lower() or float(found[1]) == 0:
        raise InputError(f'"{text}" is not understood; write it like {example}', code="E-SIZE")
    return float(found[1]) * _MICRO[found[2]]
