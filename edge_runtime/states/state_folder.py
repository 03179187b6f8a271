"""A folder that keeps learnt state: one process writes there, others may read."""

from __future__ import annotations

import contextlib
import ctypes
import os
import warnings
import weakref
from contextlib import AbstractContextManager
from pathlib import Path

from metabit.edge_runtime import _native
from metabit.edge_runtime.forking import stays_with_parent
from metabit.edge_runtime.states import state_bytes
from metabit.errors import FormatError, MismatchError, StorageError
from metabit.export.states import state_image
from metabit.export.states.files import kept_bytes
from metabit.plain_file import plain_bytes

LOCK_NAME = "state.lock"
#: `MB_ERR_BUSY`.
BUSY = -8
#: Folders that this process keeps states in.
_WRITERS: weakref.WeakSet[StateFolder] = weakref.WeakSet()


class StateFolder:
    """`mb_folder`: see `edge_runtime/include/metabit_posix.h` for what a power cut leaves there.

    Args:
        path: of the folder. A writer makes it if it is missing; its parent must exist.
        writes: whether states are kept there; then no other process may, until `close`. An older
            engine of this process hands the folder over, and commits there no more.
        lock: of the engine that commits here. Whoever closes the folder holds it, because the
            number of a closed descriptor may be another file's while a commit still writes to it.

    Raises:
        StorageError: E-BUSY, somebody else writes there; E-STORAGE, the system refused something.
    """

    def __init__(
        self, path: Path, *, writes: bool, lock: AbstractContextManager[object] | None = None
    ) -> None:
        self._lock = lock or contextlib.nullcontext()
        self.path, self._lib, self._folder = path, _native.library(), _native.Folder(-1, -1)
        if writes:
            opened = self._open()
            if opened == BUSY and self._take_over():
                opened = self._open()
            if opened == BUSY:
                raise StorageError(
                    f"{path}: {self._who()} keeps states there; close it, or take another folder",
                    code="E-BUSY",
                )
            _native.check(opened, str(path))
            _WRITERS.add(self)
        self.close = weakref.finalize(self, self._lib.mb_folder_close, ctypes.pointer(self._folder))
        if writes:
            stays_with_parent(self)

    def _open(self) -> int:
        """The result of `mb_folder_open`."""
        result: int = self._lib.mb_folder_open(ctypes.byref(self._folder), os.fsencode(self.path))
        return result

    def _take_over(self) -> bool:
        """Close the folder where an older engine of this process holds it."""
        for other in list(_WRITERS):
            if other.close.alive and self.path.samefile(other.path):
                with other._lock:
                    other.close()
                return True
        return False

    def restore(self, handle: ctypes.c_void_p) -> int:
        """Load the newest undamaged state into an open model.

        Returns:
            its number, or 0 where there is none.

        Raises:
            MismatchError: that state belongs to another model, or to other options.
            CorruptError, FormatError: all states are damaged.
            StorageError: the folder or a file cannot be read.
        """
        skipped = ctypes.c_uint32()
        number = self._lib.mb_folder_restore(handle, os.fsencode(self.path), ctypes.byref(skipped))
        try:
            _native.check(number, str(self.path))
        except MismatchError as error:
            raise self._foreign(handle) or error from error
        if skipped.value:
            warnings.warn(
                f"{self.path}: {skipped.value} damaged state file(s) skipped, "
                f"state {number} loaded",
                RuntimeWarning,
                stacklevel=4,
            )
        return int(number)

    def commit(self, handle: ctypes.c_void_p, keep: int) -> None:
        """Keep what a model has learnt, and the `keep` - 1 states before it.

        Raises:
            StorageError: E-BUSY where this process may only read; E-STORAGE where it cannot be
                written. What was kept before is as it was.
        """
        result = self._lib.mb_folder_commit(ctypes.byref(self._folder), handle, keep)
        if result == BUSY:
            raise StorageError(
                f"{self.path} was opened with read_only=True, or by the process that this one was "
                "forked from, or a newer engine keeps states there; open an engine there again",
                code="E-BUSY",
            )
        _native.check(result, str(self.path))

    def _foreign(self, handle: ctypes.c_void_p) -> MismatchError | None:
        """What in the newest whole state is not as in the open model."""
        for file in sorted(self.path.glob("state-" + "[0-9]" * 10 + ".mbs"), reverse=True):
            with contextlib.suppress(FormatError):  # the core has passed over it
                image = kept_bytes(file)
                if state_image.is_whole(image):
                    return state_bytes.foreign(handle, image, str(file))
        return None

    def _who(self) -> str:
        """Who holds the lock, as far as the lock says."""
        number = ""
        with contextlib.suppress(OSError):
            number = plain_bytes(self.path / LOCK_NAME, 64).decode("ascii", "replace").strip()
        return f"process {number}" if number.isdecimal() else "another process"
