"""Reader of IDX files, the format of MNIST and Fashion-MNIST, plain or compressed with gzip.

An IDX file of bytes has two zero bytes, 0x08 (for unsigned bytes), the number of dimensions, each
dimension as a 32-bit big-endian integer, and then the values. A file that is longer or shorter than
its header says is refused.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from metabit.errors import CorruptError, FormatError, StorageError, reason

MAX_VALUES = 2**31
"""Far more values than any data set of this kind has; a header with more is damaged."""


class _Readable(Protocol):
    """What the parser needs of a file, compressed or not."""

    def read(self, size: int, /) -> bytes: ...


def read_idx(path: Path, n_dims: int) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an IDX file.

    Args:
        path: the file; gzip is recognised by its first bytes, not by its name.
        n_dims: number of dimensions that is expected: 3 for images, 1 for labels.

    Raises:
        FormatError: not an IDX file of unsigned bytes, or not of `n_dims` dimensions.
        CorruptError: truncated, too long, or damaged inside.
        StorageError: the file cannot be read.
    """
    try:
        with path.open("rb") as raw:
            compressed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if compressed:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    return _parse(unpacked, path, n_dims)
            return _parse(raw, path, n_dims)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CorruptError(
            f"{path}: damaged gzip data ({error}); fetch the file again", code="E-IDX-GZIP"
        ) from error
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be read ({reason(error)})", code="E-IDX-READ"
        ) from error


def _parse(file: _Readable, path: Path, n_dims: int) -> NDArray[np.uint8]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:3] != b"\x00\x00\x08":
        raise FormatError(
            f"{path}: not an IDX file of unsigned bytes (starts with {magic.hex() or 'nothing'})",
            code="E-IDX-MAGIC",
        )
    if magic[3] != n_dims:
        raise FormatError(
            f"{path}: has {magic[3]} dimensions where {n_dims} are expected "
            "(images and labels swapped?)",
            code="E-IDX-DIMS",
        )
    header = file.read(4 * n_dims)
    if len(header) < 4 * n_dims:
        raise _wrong_length(path, "the header is cut off")
    shape = tuple(int(n) for n in np.frombuffer(header, dtype=">u4"))
    n_values = math.prod(shape)
    if n_values > MAX_VALUES:
        raise _wrong_length(path, f"the header claims {n_values} values")
    values = file.read(n_values)
    if len(values) < n_values:
        raise _wrong_length(path, f"{len(values)} of {n_values} values")
    if file.read(1):
        raise _wrong_length(path, f"bytes follow after {n_values} values")
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def _wrong_length(path: Path, what: str) -> CorruptError:
    return CorruptError(f"{path}: wrong length, {what}; fetch the file again", code="E-IDX-LENGTH")
