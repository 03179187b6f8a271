"""metabit: binary networks that learn on the device and do not forget.

`Engine` runs and teaches a packed model and needs NumPy only. `metabit.trainer` learns in PyTorch,
`metabit.export` packs, `metabit.firmware_sim` profiles boards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from metabit.errors import (
    BudgetError,
    CorruptError,
    FormatError,
    InputError,
    MetabitError,
    MismatchError,
    StorageError,
)

if TYPE_CHECKING:
    from metabit.edge_runtime.engine import Engine

__version__ = "0.1.0"

__all__ = [
    "Engine",
    "MetabitError",
    "BudgetError",
    "CorruptError",
    "FormatError",
    "InputError",
    "MismatchError",
    "StorageError",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name == "Engine":  # loaded on first use: it opens the C library
        from metabit.edge_runtime.engine import Engine

        return Engine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
