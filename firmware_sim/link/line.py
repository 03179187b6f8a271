"""What carries bytes between a host and a device."""

from __future__ import annotations

from typing import Protocol


class ByteLine(Protocol):
    """A line of bytes: a serial port, a socket, the memory of an emulated board.

    It may lose, damage and repeat bytes; it raises only where it is gone for good.
    """

    @property
    def where(self) -> str:
        """Its name, for messages."""

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            StorageError: the line is gone (E-DEVICE-LINE).
        """

    def read(self, seconds: float) -> bytes:
        """Bytes that have come; waits for the first of them, and gives none after `seconds`.

        Raises:
            StorageError: the line is gone (E-DEVICE-LINE).
        """

    def close(self) -> None:
        """Let the line go."""
