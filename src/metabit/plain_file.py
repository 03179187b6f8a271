"""Files that are read whole: plain ones of a size that is known before memory is taken."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MOST_BYTES = 1 << 30
"""Of one file: 1 GiB."""
_HOW = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def plain_bytes(path: str | Path, most_bytes: int = MOST_BYTES) -> bytes:
    """The bytes of a plain file.

    Whoever reads a pipe waits until somebody writes, and a device may have no end.

    Raises:
        OSError: it cannot be read, is no plain file, is larger than `most_bytes`, or was written to
            meanwhile. Its `strerror` says so for people.
    """
    descriptor = os.open(path, _HOW)
    try:
        about = os.fstat(descriptor)
        if stat.S_ISDIR(about.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "a pipe or a device, not a plain file", str(path))
        if about.st_size > most_bytes:
            raise OSError(errno.EFBIG, f"larger than {most_bytes >> 20:,} MiB", str(path))
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(about.st_size)
        after = os.fstat(descriptor)
        if (after.st_size, after.st_mtime_ns) != (about.st_size, about.st_mtime_ns):
            raise OSError(errno.EBUSY, "somebody wrote to it while it was read", str(path))
        return data
    finally:
        os.close(descriptor)
