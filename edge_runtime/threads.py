"""How many threads large layers are split between: an argument, or what `METABIT_THREADS` says."""

from __future__ import annotations

import ctypes
import os
import weakref

from metabit.edge_runtime import _native
from metabit.errors import InputError, StorageError

#: `MB_MAX_THREADS`.
MOST = 64


class Threads:
    """A pool of the C library, for one engine; its threads end when nobody has it any more.

    Args:
        n: threads, the caller's among them; None for `METABIT_THREADS`, or 1 where that is not set.

    Attributes:
        n: the same, resolved.
        runner: address for `mb_options.runner`, None for one thread.

    Raises:
        InputError: a number of threads that there cannot be (E-THREADS).
        StorageError: the system gives no more threads (E-NO-THREADS).
    """

    def __init__(self, n: int | None) -> None:
        self.n = number_of_threads(n)
        self.runner: int | None = None
        if self.n > 1:
            library = _native.library()
            self.runner = library.mb_threads_start(self.n)
            if self.runner is None:
                why = os.strerror(ctypes.get_errno())
                raise StorageError(
                    f"cannot start {self.n} threads: {why}; use fewer", code="E-NO-THREADS"
                )
            stop = weakref.finalize(self, library.mb_threads_stop, self.runner)
            stop.atexit = False  # the system ends them with the process, whoever still predicts


def number_of_threads(n: int | None) -> int:
    """`n` itself; for None what `METABIT_THREADS` says, or 1 where that is not set.

    Raises:
        InputError: a number of threads that there cannot be (E-THREADS).
    """
    if n is not None:
        return _check(n, f"threads={n}")
    text = os.environ.get("METABIT_THREADS", "")
    if not text:
        return 1
    return _check(int(text) if text.isdecimal() else text, f"METABIT_THREADS={text}")


def _check(n: object, said: str) -> int:
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= MOST:
        raise InputError(f"{said}: choose a number of threads from 1 to {MOST}", code="E-THREADS")
    return n
