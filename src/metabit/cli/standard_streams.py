"""Standard output and error, whatever they lead to: a full disk, a closed pipe, nothing."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any, Self, TextIO, cast

from metabit.errors import StorageError


def prepare() -> None:
    """Make the streams fit to be written to, before anything opens a file.

    A stream that was closed has left its number free: the next file that is opened would get it,
    and with it the texts that are meant for the stream. Characters that a stream's encoding lacks
    become question marks.

    Raises:
        StorageError: standard output is closed, so that no answer could be given (E-STDOUT).
    """
    streams: tuple[object, ...] = (sys.stdin, sys.stdout, sys.stderr)
    for stream in streams:
        if stream is None:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
    if streams[2] is None:
        sys.stderr = os.fdopen(2, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if streams[1] is None:
        raise StorageError("standard output is closed: send it somewhere", code="E-STDOUT")


class WatchedStdout:
    """`sys.stdout` inside of a `with`; remembers which error was its own.

    An OSError alone does not say whether a file or standard output was not written, and what was
    buffered may be gone, so that trying again does not tell either.

    Attributes:
        error: what writing to it raised, None if nothing did.
    """

    def __init__(self) -> None:
        self._stream = sys.stdout
        self.error: OSError | None = None

    def __enter__(self) -> Self:
        sys.stdout = cast(TextIO, self)
        return self

    def __exit__(self, *_error: object) -> None:
        sys.stdout = self._stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """As the stream does."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        """As the stream does."""
        try:
            self._stream.flush()
        except OSError as error:
            self.error = error
            raise

    def give_up(self) -> StorageError | None:
        """Drop what is still buffered, so that nothing is raised when the process ends.

        Returns:
            what to say about it; None where the reader of a pipe has left, who wants to hear
            nothing.
        """
        with contextlib.suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            self._stream.flush()
        if self.error is None or isinstance(self.error, BrokenPipeError):
            return None
        return StorageError(
            f"standard output cannot be written: {self.error.strerror}; what the verb wrote "
            "elsewhere is there",
            code="E-STDOUT",
        )
