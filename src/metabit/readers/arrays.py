"""Arrays in .npy and .npz files; never pickled ones, whose loading could run code."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import BinaryIO

from metabit.errors import CorruptError, FormatError, InputError, MetabitError, reason
from metabit.readers.samples import Array, ReadSamples
from metabit.unpacking import DAMAGE, array_in, arrays_of, first_rows


def load_array(path: Path, limit: int | None = None) -> Array:
    """An array of a .npy file, or its first `limit` rows; never a pickled one, which could run
    code.

    Raises:
        FormatError, CorruptError: not a .npy file, or a damaged one (E-DATA-FORMAT).
        InputError: it holds Python objects (E-DATA-PICKLE), or is larger than the memory that is
            free (E-DATA-READ).
    """
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise FormatError(
                f"{path}: not a .npy file; numpy.save makes one", code="E-DATA-FORMAT"
            )
        file.seek(0)
        try:
            return first_rows(file, str(path), limit, path.stat().st_size)
        except MetabitError:
            raise
        except DAMAGE as error:
            raise _refused(str(path), error) from error


def from_npz(path: Path, limit: int | None = None) -> ReadSamples:
    """Samples x, and labels y if there are any, of an .npz file.

    Args:
        path: the file.
        limit: read only the first so many of both; the rest is not unpacked.

    Raises:
        InputError: it has no array x (E-DATA-NO-X), or one of Python objects (E-DATA-PICKLE),
            or it cannot be read or is too large (E-DATA-READ).
        FormatError, CorruptError: it is not an .npz file, or a damaged one (E-DATA-FORMAT).
    """
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise CorruptError(
                    f"{path}: not a .npz file, or a damaged one; numpy.savez(file, x=..., y=...) "
                    "makes one",
                    code="E-DATA-FORMAT",
                )
            return _of_zip(file, path, limit)
    except MetabitError:
        raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)})", code="E-DATA-READ") from error
    except DAMAGE as error:
        raise _refused(str(path), error) from error


def _of_zip(file: BinaryIO, path: Path, limit: int | None) -> ReadSamples:
    with zipfile.ZipFile(file) as archive:
        names = arrays_of(archive)
        if "x" not in names:
            raise InputError(
                f"{path}: no array named x (found: {', '.join(names) or 'none'}); "
                "numpy.savez(file, x=..., y=...)",
                code="E-DATA-NO-X",
            )
        x = array_in(archive, "x", str(path), limit)
        y = array_in(archive, "y", str(path), limit, x.nbytes) if "y" in names else None
    return ReadSamples(x, y, str(path))


def _refused(where: str, error: Exception) -> InputError | CorruptError:
    if "pickle" in str(error).lower():
        return InputError(
            f"{where}: holds Python objects, which metabit never loads because loading could run "
            "code; save numbers (uint8, int8 or float32)",
            code="E-DATA-PICKLE",
        )
    return CorruptError(f"{where}: damaged ({error})", code="E-DATA-FORMAT")
