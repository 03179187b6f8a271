"""Files that are written whole or not at all, and never over what a command reads.

Every file that metabit writes goes through `write_whole`. States of the C core are apart: its own
`port/posix_folder.c` writes them, so that a device and a desk do it alike.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import IO

from metabit.errors import InputError, StorageError

#: Files that the running command reads; see `reading`.
_READ: ContextVar[tuple[Path, ...]] = ContextVar("files that are read", default=())


@contextlib.contextmanager
def reading(paths: Iterable[Path]) -> Iterator[None]:
    """Inside of this `with`, `write_whole` refuses to replace any of these files."""
    token = _READ.set((*_READ.get(), *paths))
    try:
        yield
    finally:
        _READ.reset(token)


def check_target(path: str | Path) -> None:
    """Refuse a path that `write_whole` would refuse, before the work whose result goes there.

    Raises:
        InputError: it is a folder, or a file that is read, by whatever name or link (E-TARGET).
        StorageError: its folder is not there or cannot be looked into (E-WRITE).
    """
    target = Path(path)
    try:
        there = _status(target)
        if there is None:
            Path(os.path.realpath(target)).parent.stat()
    except OSError as error:
        raise _unwritable(target, error) from error
    if there is None:
        return
    if stat.S_ISDIR(there.st_mode):
        raise InputError(f"{target} is a folder; name a file in it", code="E-TARGET")
    for read in _READ.get():
        with contextlib.suppress(OSError):  # what is not there cannot be replaced
            if stat.S_ISREG(there.st_mode) and os.path.samestat(there, read.stat()):
                raise InputError(
                    f"{target} is read by this command ({read}) and would be lost; choose another "
                    "file to write",
                    code="E-TARGET",
                )


def write_whole(path: str | Path, data: bytes) -> int:
    """Write a file so that its name never stands for half of it; returns its size in bytes.

    A plain file is replaced at once, even when the power fails: its name then stands for the old
    bytes or the new ones. Its permissions stay. A symbolic link is followed. A pipe or a device is
    written to and stays what it is.

    Raises:
        InputError: see `check_target`.
        StorageError: it cannot be written; the old file is as it was (E-WRITE).
    """
    target = Path(path)
    check_target(target)
    try:
        there = _status(target)
        if there is None or stat.S_ISREG(there.st_mode):
            _replace(Path(os.path.realpath(target)), data, there)
        else:
            with os.fdopen(os.open(target, os.O_WRONLY), "wb") as stream:
                stream.write(data)
    except OSError as error:
        raise _unwritable(target, error) from error
    return len(data)


def make_folder(path: str | Path) -> None:
    """Make a folder and those above it, where they are not there.

    Raises:
        StorageError: it cannot be made (E-WRITE).
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {path}: {error.strerror}; choose another place", code="E-WRITE"
        ) from error


def lock(file: IO[str]) -> bool:
    """Lock an open file until it is closed, however this process ends; False if another has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last through a power failure, where its file system knows how."""
    if sys.platform == "win32":  # its file system keeps names in the order of their changes
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _status(target: Path) -> os.stat_result | None:
    """What the path leads to; None where nothing is there yet."""
    try:
        return target.stat()
    except FileNotFoundError:
        return None


def _replace(target: Path, data: bytes, old: os.stat_result | None) -> None:
    """Write a new file beside `target` and give it the name of the old one."""
    new = target.with_name(f".metabit-{secrets.token_hex(8)}.tmp")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            if old is not None:
                _take_permissions(file.fileno(), old)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
    sync_folder(target.parent)


def _take_permissions(file: int, old: os.stat_result) -> None:
    """Owner, group and mode of the file that is replaced; on Windows it takes the folder's."""
    if sys.platform == "win32":
        return
    made = os.fstat(file)
    if (made.st_uid, made.st_gid) != (old.st_uid, old.st_gid):
        with contextlib.suppress(PermissionError):  # only root gives files away
            os.fchown(file, old.st_uid, old.st_gid)
    os.fchmod(file, stat.S_IMODE(old.st_mode))


def _unwritable(target: Path, error: OSError) -> StorageError:
    return StorageError(
        f"cannot write {target}: {error.strerror or error}; choose a folder that exists, is "
        "writable and has space",
        code="E-WRITE",
    )
