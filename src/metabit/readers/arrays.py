"""Arrays in .npy and .npz files; never pickled ones, whose loading could run code."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from metabit.errors import CorruptError, FormatError, InputError
from metabit.readers.samples import Array, ReadSamples

# What numpy.load raises on damaged files, whose headers may ask for anything.
DAMAGE = (ValueError, EOFError, MemoryError, SyntaxError, KeyError)


def load_array(path: Path) -> Array:
    """An array of a .npy file; never a pickled one, which could run code."""
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise FormatError(
                f"{path}: not a .npy file; numpy.save makes one", code="E-DATA-FORMAT"
            )
        file.seek(0)
        try:
            return _plain_array(np.load(file, allow_pickle=False), str(path))
        except DAMAGE as error:
            raise _refused(str(path), error) from error


def from_npz(path: Path) -> ReadSamples:
    """Samples x, and labels y if there are any, of an .npz file.

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
            x = _plain_array(archive["x"], f"{path}: x")
            y = _plain_array(archive["y"], f"{path}: y") if "y" in archive else None
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


def _plain_array(value: object, where: str) -> Array:
    if not isinstance(value, np.ndarray):
        raise FormatError(f"{where}: not an array", code="E-DATA-FORMAT")
    return value
