"""What an open model has learnt, as bytes, out and back in (docs/FORMAT.md, "State image")."""

from __future__ import annotations

import ctypes
from dataclasses import replace

from metabit.edge_runtime import _native
from metabit.errors import CorruptError, FormatError, MismatchError
from metabit.export.states import state_image
from metabit.export.states.facts import facts_of

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
    here = save(handle, where)
    no_room = _without_room(image, here)
    if no_room:
        return MismatchError(f"{where}: {no_room}", code="E-MISMATCH")
    what = state_image.differences(image, here)
    return MismatchError(
        f"{where}: {what}; use the model and options that it was made with", code="E-MISMATCH"
    )


def _without_room(image: bytes, here: bytes) -> str:
    """What to do where nothing but the contexts that are open keeps a state out; otherwise ""."""
    theirs, ours = facts_of(image), facts_of(here)
    alike = replace(theirs.choice, contexts=0, block_bytes=0) == replace(
        ours.choice, contexts=0, block_bytes=0
    )
    if theirs.model_id != ours.model_id or not alike:
        return ""
    room, least = max(ours.choice.contexts, 1), max(theirs.n_contexts, 1)
    if least > room:
        return (
            f"{least} of its contexts are open, and here is room for {room}; open it with "
            f"contexts={least} or more, which `metabit plan FILE --learn all --contexts {least}` "
            "says the RAM of"
        )
    if ours.n_contexts > max(theirs.choice.contexts, 1):
        return (
            f"it has room for {max(theirs.choice.contexts, 1)} contexts, and here "
            f"{ours.n_contexts} are open; load it into an engine that has not learnt yet"
        )
    return ""
