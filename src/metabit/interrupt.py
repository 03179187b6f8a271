"""Ctrl-C ends the command with one word and exit code 130, whenever it comes."""

from __future__ import annotations

import os
import signal
from types import FrameType

INTERRUPTED = 130


def expect() -> None:
    """From here on Ctrl-C raises KeyboardInterrupt, or inside an import ends the process.

    An interrupted import has nothing to clean up, but Python swallows some exceptions there, with a
    traceback, and some packages turn them into others. Where Ctrl-C is ignored (`nohup`, the
    background of a shell), it stays ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _on_interrupt)


def no_longer_expect() -> None:
    """From here on Ctrl-C ends the process without a word: the work is done."""
    if signal.getsignal(signal.SIGINT) is _on_interrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _on_interrupt(_signal: int, frame: FrameType | None) -> None:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os.write(2, b"interrupted\n")
            os._exit(INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt
