"""The part of the C core that tests/c/kernels.c and mve.c are linked with."""

from __future__ import annotations

from metabit.edge_runtime import sources


def kernel_sources() -> list[str]:
    """The kernel sets, what chooses among them, and the arithmetic that they share."""
    core = sources() / "src"
    return [*sorted(map(str, (core / "kernels").rglob("*.c"))), str(core / "arith.c")]
