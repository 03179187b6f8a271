"""Which set of kernels runs: the best that this processor has, or what `METABIT_ISA` names."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

from metabit.edge_runtime import _native
from metabit.errors import InputError


def kernel_sets() -> dict[str, bool]:
    """The kernel sets of the C library, best first, and whether each runs on this processor."""
    library = _native.library()
    return {found: bool(library.mb_isa_runs(number)) for number, found in _numbered()}


def chosen() -> int:
    """The number that `METABIT_ISA` names, for `mb_options.isa`; 0, the best, when it is not set.

    Raises:
        InputError: there is no such set, or this processor does not run it (E-ISA).
    """
    wanted = os.environ.get("METABIT_ISA")
    if not wanted:
        return 0
    running = [found for found, runs in kernel_sets().items() if runs]
    if wanted not in running:
        raise InputError(
            f"METABIT_ISA={wanted}: this machine and this build run {', '.join(running)}",
            code="E-ISA",
        )
    return next(number for number, found in _numbered() if found == wanted)


def name(number: int) -> str:
    """Name of a kernel set by its number; 0 stands for the best that runs here."""
    if number == 0:
        return next(found for found, runs in kernel_sets().items() if runs)
    return dict(_numbered())[number]


def _numbered() -> Iterator[tuple[int, str]]:
    """Number and name of each set."""
    for number in itertools.count(1):
        found = _native.library().mb_isa_name(number)
        if found is None:
            return
        yield number, found.decode()
