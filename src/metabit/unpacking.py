"""Arrays and packed files of others: sizes are looked at before memory is taken.

A header may promise anything, and a packed file of some kilobytes may hold gigabytes. So no more is
read than is there, and no more is unpacked than MOST_UNPACKED_BYTES.
"""

from __future__ import annotations

import io
import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from gzip import GzipFile
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError

MOST_UNPACKED_BYTES = 2**30
"""Of one packed file, everything in it that is read."""

_PART_BYTES = 2**20


def free_bytes() -> int | None:
    """Memory that is free or can be made free; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


DAMAGE = (
    ValueError, EOFError, MemoryError, SyntaxError, KeyError, OverflowError, RuntimeError,
    NotImplementedError, AssertionError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
    struct.error, tokenize.TokenError,
)  # fmt: skip
"""What the libraries of Python, NumPy and Pillow raise on damaged files, apart from OSError. Errors
of metabit are RuntimeErrors too: let them through first."""


def first_rows(
    file: IO[bytes],
    where: str,
    limit: int | None,
    there_bytes: int,
    most_bytes: int | None = None,
) -> NDArray[Any]:
    """An array as .npy files hold it, or only its first rows: no more is read than is used.

    Args:
        file: at the beginning of the array.
        where: for messages.
        limit: read only the first so many rows.
        there_bytes: what the file holds, or says that it holds.
        most_bytes: read no array that takes more; None for what memory is free.

    Raises:
        ValueError: not such an array, or one of Python objects, or it is not all there.
        InputError: it takes more than that (E-DATA-READ).
    """
    version = np.lib.format.read_magic(file)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise ValueError(f"version {version} of the array format is unknown")
    shape, columns_first, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError("pickled objects")
    n = shape[0] if shape else 0
    rows = n if limit is None or columns_first else min(n, limit)
    taken = (rows, *shape[1:]) if shape else ()
    n_bytes = math.prod(taken) * dtype.itemsize
    if n_bytes > there_bytes or min(taken, default=0) < 0:
        raise ValueError("the file ends before its array does")
    if most_bytes is not None and n_bytes > most_bytes:
        raise InputError(
            f"{where}: an array of {n_bytes:,} bytes; of one file up to {MOST_UNPACKED_BYTES:,} "
            "are unpacked: save it with numpy.save as a .npy file, or in parts",
            code="E-DATA-READ",
        )
    free = free_bytes()
    if most_bytes is None and free is not None and n_bytes > free:
        raise InputError(
            f"{where}: an array of {n_bytes:,} bytes, and {free:,} of memory are free: read its "
            "first rows with --limit, or save it in parts",
            code="E-DATA-READ",
        )
    data = file.read(n_bytes)
    if len(data) != n_bytes:
        raise ValueError("the file ends before its array does")
    order: Literal["F", "C"] = "F" if columns_first else "C"
    array = np.frombuffer(data, dtype).reshape(taken, order=order)
    return array if limit is None or not shape else array[:limit]


def array_in(
    archive: zipfile.ZipFile, name: str, where: str, limit: int | None = None, taken_bytes: int = 0
) -> NDArray[Any]:
    """An array of an .npz file, or its first rows; errors as of `first_rows`.

    Args:
        archive: the file.
        name: of the array.
        where: for messages.
        limit: read only the first so many rows.
        taken_bytes: what other arrays of the file have taken.
    """
    inner = archive.getinfo(name if name in archive.namelist() else f"{name}.npy")
    check_entry(archive, inner)
    with archive.open(inner) as file:
        return first_rows(file, where, limit, inner.file_size, MOST_UNPACKED_BYTES - taken_bytes)


def check_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Raise BadZipFile where an entry says that it takes more than the whole archive does."""
    there = 0 if archive.fp is None else archive.fp.seek(0, io.SEEK_END)
    if entry.compress_size > there:
        raise zipfile.BadZipFile(f"{entry.filename}: longer than the whole file")


def arrays_of(archive: zipfile.ZipFile) -> list[str]:
    """Names of the arrays of an .npz file."""
    return [name.removesuffix(".npy") for name in archive.namelist()]


def gunzipped(data: bytes, where: str) -> bytes:
    """What bytes of gzip hold.

    Raises:
        OSError, EOFError, zlib.error: damaged.
        InputError: it holds more than MOST_UNPACKED_BYTES (E-DATA-READ).
    """
    unpacked = bytearray()
    with GzipFile(fileobj=io.BytesIO(data)) as file:
        while part := file.read(_PART_BYTES):
            unpacked += part
            if len(unpacked) > MOST_UNPACKED_BYTES:
                raise InputError(
                    f"{where}: unpacks to more than {MOST_UNPACKED_BYTES:,} bytes; unpack it "
                    "first, or split it",
                    code="E-DATA-READ",
                )
    return bytes(unpacked)
