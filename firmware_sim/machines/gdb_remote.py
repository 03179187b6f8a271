"""The remote serial protocol of GDB, as qemu, OpenOCD, pyOCD and J-Link speak it.

A packet is $DATA#SUM; the other side answers + and then with a packet of its own. Numbers are
hexadecimal, contents of memory and registers in the order of memory.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from metabit.errors import StorageError

#: Bytes of memory per packet: stubs take packets of 4 KiB and more.
_PIECE = 1024
_CONNECT_S = 10.0


class GdbRemote:
    """A core that a debug server holds.

    Args:
        host, port: of the server.
        answer_s: how long the core may run until it stops.

    Raises:
        StorageError: nobody answers there (E-DEVICE-GDB).
    """

    def __init__(self, host: str, port: int, answer_s: float = 600.0) -> None:
        self.where = f"{host}:{port}"
        self._socket = self._connect(host, port)
        self._socket.settimeout(answer_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._coming = b""
        self.command("qSupported")
        # qemu tells registers only to those that have read what registers there are.
        self.command("qXfer:features:read:target.xml:0,ffb")

    def is_qemu(self) -> bool:
        """Whether qemu is there: nobody else knows this packet, and unknown ones get no answer."""
        return self.command("qqemu.sstepbits").startswith("ENABLE")

    def command(self, packet: str) -> str:
        """Send a packet, and return the answer.

        Raises:
            StorageError: the connection is gone, or the answer is damaged (E-DEVICE-GDB).
        """
        data = packet.encode("latin-1")
        try:
            self._socket.sendall(b"$" + data + b"#%02x" % (sum(data) & 255))
            while self._byte() != b"$":
                pass
            answer = b""
            while (byte := self._byte()) != b"#":
                answer += byte
            total = self._byte() + self._byte()
            self._socket.sendall(b"+")
        except OSError as error:
            raise self._failed(f"the debug server has gone: {error}") from error
        if int(total, 16) != sum(answer) & 255:
            raise self._failed(f"a damaged answer to {packet[:20]}")
        return answer.decode("latin-1")

    def read(self, address: int, n_bytes: int) -> bytes:
        """Bytes of the core's memory."""
        found = b""
        while len(found) < n_bytes:
            n = min(n_bytes - len(found), _PIECE)
            piece = self._done(self.command(f"m{address + len(found):x},{n:x}"), "read")
            found += bytes.fromhex(piece)
        return found

    def write(self, address: int, data: bytes) -> None:
        """Write the core's memory."""
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            answer = self.command(f"M{address + at:x},{len(piece):x}:{piece.hex()}")
            self._done(answer, f"write {len(piece)} bytes at {address + at:#x}")

    def flash(self, parts: Sequence[tuple[int, bytes]], page_bytes: int) -> None:
        """Erase the pages of flash from the first part to the last, and write the parts.

        Args:
            parts: addresses and contents.
            page_bytes: that are erased at once.
        """
        first = min(address for address, _ in parts) // page_bytes * page_bytes
        end = max(address + len(contents) for address, contents in parts)
        n_bytes = -(-(end - first) // page_bytes) * page_bytes
        self._done(self.command(f"vFlashErase:{first:x},{n_bytes:x}"), "erase flash")
        for address, contents in parts:
            for at in range(0, len(contents), _PIECE):
                piece = _escaped(contents[at : at + _PIECE])
                self._done(self.command(f"vFlashWrite:{address + at:x}:{piece}"), "write flash")
        self._done(self.command("vFlashDone"), "finish writing flash")

    def register(self, number: int) -> int:
        """What a register holds."""
        answer = self._done(self.command(f"p{number:x}"), f"read register {number}")
        return int.from_bytes(bytes.fromhex(answer), "little")

    def set_register(self, number: int, value: int, n_bytes: int) -> None:
        """Set a register of so many bytes."""
        value_in_memory = value.to_bytes(n_bytes, "little").hex()
        self._done(self.command(f"P{number:x}={value_in_memory}"), f"set register {number}")

    def stop_at(self, address: int) -> None:
        """Set a breakpoint: one of the core's own, which also works in flash, or one in RAM."""
        if self.command(f"Z1,{address:x},2") != "OK":
            self._done(self.command(f"Z0,{address:x},2"), f"set a breakpoint at {address:#x}")

    def run(self) -> None:
        """Let the core run until it stops.

        Raises:
            StorageError: it has not stopped in time, or the server has gone (E-DEVICE-GDB).
        """
        answer = self.command("c")
        if answer[:1] not in ("S", "T"):
            raise self._failed(f"the core has not stopped, but {answer[:20]!r}")

    def close(self) -> None:
        """Leave the core as it is."""
        self._socket.close()

    def _done(self, answer: str, what: str) -> str:
        """The answer, unless it says that nothing was done."""
        if answer == "" or (answer[0] == "E" and len(answer) == 3):
            raise self._failed(f"the debug server does not {what}: {answer or 'not supported'}")
        return answer

    def _connect(self, host: str, port: int) -> socket.socket:
        until = time.monotonic() + _CONNECT_S
        while True:
            try:
                return socket.create_connection((host, port), timeout=_CONNECT_S)
            except OSError as error:
                if time.monotonic() > until:
                    raise self._failed(
                        f"nobody answers: {error}; start qemu with -gdb, OpenOCD or pyOCD first"
                    ) from error
                time.sleep(0.1)

    def _byte(self) -> bytes:
        if not self._coming:
            self._coming = self._socket.recv(65536)
            if not self._coming:
                raise ConnectionError("it has closed the connection")
        byte, self._coming = self._coming[:1], self._coming[1:]
        return byte

    def _failed(self, what: str) -> StorageError:
        return StorageError(f"{self.where}: {what}", code="E-DEVICE-GDB")


def _escaped(data: bytes) -> str:
    """Bytes as they stand in a packet: four of them have a meaning there."""
    return "".join("}" + chr(byte ^ 0x20) if byte in b"#$}*" else chr(byte) for byte in data)
