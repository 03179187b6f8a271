"""What runs on the device: the C99 core, its NumPy reference and the Python engine."""

from __future__ import annotations

from pathlib import Path


def sources() -> Path:
    """Folder with the C core, `include/` and `src/`, for firmware projects."""
    return Path(__file__).parent
