"""Arrays in files, with a checksum.

They are kept in the safetensors format, never in a pickle. Its header tells where each array lies
but not whether its bytes are still those that were written, so a digest of everything is kept in
the metadata and checked when the file is read. Needs no PyTorch; `tensor_files.py` does the same
for tensors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from metabit.errors import CorruptError, StorageError, reason
from metabit.files import write_whole

_CONTENT = "content"
_DIGEST = "sha256"


Arrays = Mapping[str, NDArray[Any]]
"""Arrays by name, in C order."""


def write_arrays(path: Path, arrays: Arrays, content: Mapping[str, Any]) -> None:
    """Write arrays and a JSON object beside them, whole or not at all.

    Args:
        path: the .safetensors file.
        arrays: by name, in C order.
        content: what else belongs to them; anything that JSON holds.

    Raises:
        StorageError: the file cannot be written.
    """
    text = json.dumps(content, sort_keys=True)
    metadata = {_CONTENT: text, _DIGEST: _digest(arrays, text)}
    write_whole(path, save(dict(arrays), metadata=metadata))


def read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """What `write_arrays` wrote: the arrays and the JSON object.

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
        raise StorageError(f"{path}: cannot be read ({reason(error)})", code="E-RUN") from error
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise _corrupt(path, f"not a tensor file of metabit, or truncated ({error})") from error
    if digest != _digest(arrays, text):
        raise _corrupt(path, "its bytes have changed since they were written (checksum)")
    content: dict[str, Any] = json.loads(text)
    return arrays, content


def _digest(arrays: Arrays, text: str) -> str:
    """SHA-256 of every name, type, shape and value, and of the JSON text."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _corrupt(path: Path, what: str) -> CorruptError:
    return CorruptError(f"{path}: {what}; train again into another folder", code="E-TENSORS")
