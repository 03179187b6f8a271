"""A line to a firmware on an emulated core, or on a core that a debug server holds.

Bytes go through the core's memory while it stands still (standalone/debug_line.h is the twin of
this file).
"""

from __future__ import annotations

import struct
from pathlib import Path

from metabit.errors import StorageError
from metabit.files import write_whole
from metabit.firmware_sim.machines.device import RunningCore

RECEIVE, SEND, KEEP_START, KEEP, KEEP_END, KEPT_BYTES, KEPT = range(1, 8)
#: at, kind, offset, bytes, result.
_REQUEST = struct.Struct("<QIIIi")


class CoreLine:
    """A line of bytes, and the storage of the firmware at its other end.

    Args:
        core: that runs the firmware.
        where: its name, for messages.
        kept: file of the record that the firmware keeps at the host; None: it keeps none there.
        is_waiting: whether the core stands at a request already.
        is_qemu: whether it is one of qemu's, whose counters do not count a core's cycles.

    Raises:
        StorageError: the file cannot be read (E-IO).
    """

    def __init__(
        self, core: RunningCore, where: str, kept: Path | None = None, *,
        is_waiting: bool = False, is_qemu: bool = False,
    ) -> None:  # fmt: skip
        self.where, self.is_qemu = where, is_qemu
        self._core, self._file = core, kept
        self._going = self._coming = self._record = b""
        self._new = bytearray()
        self._request = core.symbol("fw_debug")
        try:
            if kept is not None and kept.exists():
                self._record = kept.read_bytes()
        except OSError as error:
            raise StorageError(f"{kept}: cannot be read: {error.strerror}", code="E-IO") from error
        if not is_waiting:
            core.run()

    def write(self, data: bytes) -> None:
        """Send bytes; the core takes them when it next runs."""
        self._going += data

    def read(self, seconds: float) -> bytes:
        """Let the core run until it has sent something, or waits for bytes that are not there.

        Args:
            seconds: are not waited for: where nothing has come now, nothing will.
        """
        while not self._coming and self._answer():
            self._core.run()
        data, self._coming = self._coming, b""
        return data

    def close(self) -> None:
        """Leave the core where it stands."""
        self._core.close()

    def _answer(self) -> bool:
        """Answer the request at which the core stands; false: it waits for bytes in vain."""
        raw = self._core.read(self._request, _REQUEST.size)
        at, kind, offset, n_bytes, _ = _REQUEST.unpack(raw)
        result = 0
        if kind == RECEIVE:
            data, self._going = self._going[:n_bytes], self._going[n_bytes:]
            if not data:
                return False
            self._core.write(at, data)
            n_bytes = len(data)
        elif kind == SEND:
            self._coming += self._core.read(at, n_bytes)
        elif kind == KEPT_BYTES:
            n_bytes = len(self._record)
        elif kind == KEPT and offset + n_bytes <= len(self._record):
            self._core.write(at, self._record[offset : offset + n_bytes])
        else:
            result = self._keep(kind, at, offset, n_bytes)
        self._core.write(self._request, _REQUEST.pack(at, kind, offset, n_bytes, result))
        return True

    def _keep(self, kind: int, at: int, offset: int, n_bytes: int) -> int:
        """A part of a record that the firmware keeps; 0, or 1 where that is not possible."""
        if kind == KEEP_START:
            self._new = bytearray(n_bytes)
        elif kind == KEEP and offset + n_bytes <= len(self._new):
            self._new[offset : offset + n_bytes] = self._core.read(at, n_bytes)
        elif kind == KEEP_END and self._file is not None:
            write_whole(self._file, bytes(self._new))
            self._record = bytes(self._new)
        else:
            return 1
        return 0
