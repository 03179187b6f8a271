"""What an open model has learnt, as bytes, out and back in (docs/FORMAT.md, "State image")."""

from __future__ import annotations

import ctypes

from metabit.edge_runtime import _native
from metabit.errors import CorruptError, FormatError, MismatchError
from metabit.export import state_image

#: `MB_STATE_FIRST_BYTES`.
_FIRST_BYTES = 16


def save(handle: ctypes.c_void_p, where: str) -> bytes:
    """The state image of an open model.

    Args:
        handle: the `mb_model`.
        where: its name, for messages.

    Raises:
        InputError: nothing learns.
    """
    library = _native.library()
    image = bytearray(library.mb_state_bytes(handle))

    def write(_context: int, offset: int, data: int, n_bytes: int) -> int:
        image[offset : offset + n_bytes] = ctypes.string_at(data, n_bytes)
        return 0

    _native.check(library.mb_state_save(handle, _native.WRITE_FN(write), None), where)
    return bytes(image)


def load(handle: ctypes.c_void_p, image: bytes) -> None:
    """Put a state image into an open model; a refused image changes nothing.

    Raises:
        CorruptError, FormatError: it is damaged, or not a state image.
        MismatchError: it was made with another model or other options; says which.
        InputError: nothing learns.
    """

    def read(_context: int, offset: int, data: int, n_bytes: int) -> int:
        if offset + n_bytes > len(image):
            return 1
        ctypes.memmove(data, image[offset : offset + n_bytes], n_bytes)
        return 0

    library = _native.library()
    if not image.startswith(state_image.MAGIC):
        raise FormatError("state image: not one of metabit", code="E-FORMAT")
    n_bytes = library.mb_state_image_bytes(image.ljust(_FIRST_BYTES, b"\0"))
    if n_bytes != len(image):
        raise CorruptError(
            f"state image: {len(image)} bytes, where it says {n_bytes}: truncated, or something "
            "was added; load a whole one",
            code="E-CORRUPT",
        )
    loaded = library.mb_state_load(handle, _native.READ_FN(read), None)
    try:
        _native.check(loaded, "state image")
    except MismatchError as error:
        raise foreign(handle, image, "state image") from error


def foreign(handle: ctypes.c_void_p, image: bytes, where: str) -> MismatchError:
    """The error that says what in a whole image is not as in an open model."""
    what = state_image.differences(image, save(handle, where))
    return MismatchError(
        f"{where}: {what}; use the model and options that it was made with", code="E-MISMATCH"
    )
