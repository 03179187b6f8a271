"""Tensors in files, with a checksum.

Tensors are kept in the safetensors format, never in a pickle. Its header tells where each tensor
lies but not whether its bytes are still the ones that were written, so a digest of everything is
kept in the metadata and checked when the file is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from torch import Tensor

from metabit.errors import CorruptError, StorageError
from metabit.files import write_whole

_CONTENT = "content"
_DIGEST = "sha256"


def write_tensors(path: Path, tensors: Mapping[str, Tensor], content: Mapping[str, Any]) -> None:
    """Write tensors and a JSON object beside them, whole or not at all.

    Args:
        path: the .safetensors file.
        tensors: by name.
        content: what else belongs to them; anything that JSON holds.

    Raises:
        StorageError: the file cannot be written.
    """
    arrays = {name: tensor.detach().contiguous().numpy() for name, tensor in tensors.items()}
    text = json.dumps(content, sort_keys=True)
    metadata = {_CONTENT: text, _DIGEST: _digest(arrays, text)}
    write_whole(path, save(arrays, metadata=metadata))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write_tensors` wrote: the tensors and the JSON object.

    Raises:
        StorageError: the file cannot be read.
        CorruptError: truncated, damaged, or not written by metabit.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        text, digest = metadata[_CONTENT], metadata[_DIGEST]
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error})", code="E-RUN") from error
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise _corrupt(path, f"not a tensor file of metabit, or truncated ({error})") from error
    if digest != _digest(arrays, text):
        raise _corrupt(path, "its bytes are not the ones that were written (checksum)")
    content: dict[str, Any] = json.loads(text)
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, content


def _digest(arrays: Mapping[str, np.ndarray[Any, Any]], text: str) -> str:
    """SHA-256 of every name, type, shape and value, and of the JSON text."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _corrupt(path: Path, what: str) -> CorruptError:
    return CorruptError(f"{path}: {what}; train again into another folder", code="E-TENSORS")
