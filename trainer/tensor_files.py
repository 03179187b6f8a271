"""Tensors in files, with a checksum: see `files.py`, which does the work on NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from metabit.trainer.files import read_arrays, write_arrays


def write_tensors(path: Path, tensors: Mapping[str, Tensor], content: Mapping[str, Any]) -> None:
    """Write tensors and a JSON object beside them, whole or not at all.

    Args:
        path: the .safetensors file.
        tensors: by name.
        content: what else belongs to them; anything that JSON holds.

    Raises:
        StorageError: the file cannot be written.
    """
    arrays = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}
    write_arrays(path, arrays, content)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write_tensors` wrote: the tensors and the JSON object.

    Raises:
        StorageError: the file cannot be read.
        CorruptError: truncated, damaged, or not written by metabit.
    """
    arrays, content = read_arrays(path)
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, content
