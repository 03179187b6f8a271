"""What engines do when their process is forked: the child gets them whole, and no state folder.

A fork waits for the calls that other threads have under way, so that the child's copy of an engine
is not half a step. The locks of state folders stay with the parent: the child closes its copies.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Closable(Protocol):
    """What the child of a fork closes."""

    def close(self) -> object:
        """Let go what belongs to the parent."""


_LOCKS: weakref.WeakSet[Any] = weakref.WeakSet()
_OF_PARENT: weakref.WeakSet[Closable] = weakref.WeakSet()
_held: list[Any] = []


def engine_lock() -> AbstractContextManager[bool]:
    """A lock for the calls of one engine, which the same thread may take twice."""
    lock = threading.RLock()
    _LOCKS.add(lock)
    return lock


def stays_with_parent(folder: Closable) -> None:
    """Close this in the child of every fork."""
    _OF_PARENT.add(folder)


def _wait_for_calls() -> None:
    _held.extend(_LOCKS)
    for lock in _held:
        lock.acquire()


def _continue() -> None:
    for lock in _held:
        lock.release()
    _held.clear()


def _start_child() -> None:
    _continue()
    for folder in list(_OF_PARENT):
        folder.close()


if sys.platform != "win32":  # which has no fork
    os.register_at_fork(
        before=_wait_for_calls, after_in_parent=_continue, after_in_child=_start_child
    )
