"""Arrays in .npy and .npz files; never pickled ones, whose loading could run code."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO, Literal

import numpy as np

from metabit.errors import CorruptError, FormatError, InputError
from metabit.readers.samples import Array, ReadSamples

# What numpy.load raises on damaged files, whose headers may ask for anything.
DAMAGE = (ValueError, EOFError, MemoryError, SyntaxError, KeyError)


def load_array(path: Path, limit: int | None = None) -> Array:
    """An array of a .npy file, or its first `limit` rows; never a pickled one, which could run
    code."""
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise FormatError(
                f"{path}: not a .npy file; numpy.save makes one", code="E-DATA-FORMAT"
            )
        file.seek(0)
        try:
            return first_rows(file, limit)
        except DAMAGE as error:
            raise _refused(str(path), error) from error


def from_npz(path: Path, limit: int | None = None) -> ReadSamples:
    """Samples x, and labels y if there are any, of an .npz file.

    Args:
        path: the file.
        limit: read only the first so many of both; the rest is not unpacked.

    Raises:
        InputError: it has no array x (E-DATA-NO-X), or one of Python objects (E-DATA-PICKLE).
        FormatError, CorruptError: it is not an .npz file, or a damaged one (E-DATA-FORMAT).
    """
    # np.load takes what does not begin like a zip file for a pickle.
    if not zipfile.is_zipfile(path):
        raise CorruptError(
            f"{path}: not a .npz file, or a damaged one; numpy.savez(file, x=..., y=...) makes one",
            code="E-DATA-FORMAT",
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            if "x" not in archive:
                names = ", ".join(archive.files) or "none"
                raise InputError(
                    f"{path}: no array named x (found: {names}); numpy.savez(file, x=..., y=...)",
                    code="E-DATA-NO-X",
                )
            x = _member(path, "x", limit)
            y = _member(path, "y", limit) if "y" in archive else None
    except (*DAMAGE, zipfile.BadZipFile, zlib.error) as error:
        raise _refused(str(path), error) from error
    return ReadSamples(x, y, str(path))


def _refused(where: str, error: Exception) -> InputError | CorruptError:
    if "pickle" in str(error).lower():
        return InputError(
            f"{where}: holds Python objects, which metabit never loads because loading could run "
            "code; save numbers (uint8, int8 or float32)",
            code="E-DATA-PICKLE",
        )
    return CorruptError(f"{where}: damaged ({error})", code="E-DATA-FORMAT")


def _member(path: Path, name: str, limit: int | None) -> Array:
    with zipfile.ZipFile(path) as archive:
        inner = name if name in archive.namelist() else f"{name}.npy"
        with archive.open(inner) as file:
            return first_rows(file, limit)


def first_rows(file: IO[bytes], limit: int | None) -> Array:
    """An array as .npy files hold it, or only its first rows: no more is read than is used.

    Raises:
        ValueError: not such an array, or one of Python objects.
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
    n_values = math.prod(taken)
    data = file.read(n_values * dtype.itemsize)
    if len(data) != n_values * dtype.itemsize:
        raise ValueError("the file ends before its array does")
    order: Literal["F", "C"] = "F" if columns_first else "C"
    array: Array = np.frombuffer(data, dtype).reshape(taken, order=order)
    return array if limit is None or not shape else array[:limit]
