"""A serial port: /dev/ttyACM0, COM3, or anything else that pyserial opens, such as
socket://host:port."""

from __future__ import annotations

import importlib
import time
from typing import Any

from metabit.errors import StorageError
from metabit.extras import need

#: Bits per second where a firmware of metabit says nothing else.
BAUD = 115_200
#: Reading looks up so often whether the time is over.
_SLICE_S = 0.05
_WRITE_S = 10.0


class SerialLine:
    """A serial port, open.

    Args:
        port: its name.
        baud: bits per second.

    Raises:
        InputError: pyserial is not installed (E-EXTRA).
        StorageError: the port is not there, or somebody else uses it (E-DEVICE-LINE).
    """

    def __init__(self, port: str, baud: int = BAUD) -> None:
        need("device --port")
        self.where = port
        serial = importlib.import_module("serial")
        self._errors = (serial.SerialException, OSError, ValueError)
        try:
            self._port: Any = serial.serial_for_url(port, do_not_open=True)
            self._port.baudrate, self._port.exclusive = baud, True
            self._port.timeout, self._port.write_timeout = _SLICE_S, _WRITE_S
            self._port.open()
        except self._errors as error:
            raise StorageError(
                f"{port}: cannot be opened: {error}; check the name and the cable, that you may "
                "use the port, and that no other program does",
                code="E-DEVICE-LINE",
            ) from error

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            StorageError: the port has gone (E-DEVICE-LINE).
        """
        try:
            self._port.write(data)
        except self._errors as error:
            raise self._gone(error) from error

    def read(self, seconds: float) -> bytes:
        """Bytes that have come, after `seconds` at most.

        Raises:
            StorageError: the port has gone (E-DEVICE-LINE).
        """
        end = time.monotonic() + seconds
        try:
            while True:
                if data := bytes(self._port.read(max(self._port.in_waiting, 1))):
                    return data
                if time.monotonic() >= end:
                    return b""
        except self._errors as error:
            raise self._gone(error) from error

    def close(self) -> None:
        """Let the port go."""
        self._port.close()

    def _gone(self, error: Exception) -> StorageError:
        return StorageError(
            f"{self.where}: the line is gone: {error}; plug the device in again. The same command "
            "continues where the device is",
            code="E-DEVICE-LINE",
        )
