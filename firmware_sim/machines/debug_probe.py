"""Run a firmware on a core that a debug server holds: of a machine of qemu, or of a board."""

from __future__ import annotations

import contextlib
import struct

from metabit.errors import MetabitError, MismatchError, StorageError
from metabit.firmware_sim.build import Firmware
from metabit.firmware_sim.machines.gdb_remote import GdbRemote

PAINT = b"\xa5"
#: Numbers of stack pointer and program counter for GDB, and bytes of a register.
_REGISTERS = {"thumb": (13, 15, 4), "riscv32": (2, 32, 4), "aarch64": (31, 32, 8)}
#: The status register of a Cortex-M. A core whose flash was empty when it was switched on has not
#: set the bit of Thumb instructions.
_XPSR, _THUMB = 25, 1 << 24


class DebugProbe:
    """A core with a firmware in its memory, started and stopped at `fw_stop`.

    It does what an `Emulator` does for a `Device`, but counts nothing.

    Args:
        firmware: what to run; what is not in the core's memory yet is written there.
        remote: the debug server.
        restart: let the firmware begin. Otherwise a core that has it in its memory continues where
            it stands, with what it has learnt.

    Attributes:
        is_waiting: whether it stands at `fw_stop`.

    Raises:
        MismatchError: the memory does not take the firmware: flash it first (E-DEVICE-MODEL).
        StorageError: the debug server refuses something (E-DEVICE-GDB).
    """

    def __init__(self, firmware: Firmware, remote: GdbRemote, *, restart: bool = True) -> None:
        self.firmware = firmware
        self._remote = remote
        self._next = 0  # where the core continues when it runs again
        self._symbols = firmware.program.symbols
        self._sp, self._pc, self._width = _REGISTERS[firmware.board.isa]
        self.is_waiting = False
        was_there = self._load()
        remote.stop_at(self._symbols["fw_stop"])
        pc = remote.register(self._pc)
        function = firmware.program.function_at(pc)
        if restart or not was_there or function in ("fw_unexpected", "?"):
            self._reset()
        elif pc == self._symbols["fw_stop"]:
            self.is_waiting, self._next = True, self._symbols["fw_resume"]
        else:
            self._next = pc

    def read(self, address: int, n_bytes: int) -> bytes:
        """Bytes of the core's memory."""
        return self._remote.read(address, n_bytes)

    def write(self, address: int, data: bytes) -> None:
        """Write the core's memory."""
        self._remote.write(address, data)

    def symbol(self, name: str) -> int:
        """Address of a symbol of the firmware."""
        return self._symbols[name]

    def stack_used_bytes(self) -> int:
        """The deepest the stack has been since reset: bytes that no longer hold the paint."""
        low, high = self._symbols["fw_stack_low"], self._symbols["fw_stack_high"]
        return len(self.read(low, high - low).lstrip(PAINT))

    def run(self, *, count: bool = False) -> None:
        """Run until the firmware stops for the host; nothing is counted.

        Raises:
            MetabitError: it stopped elsewhere: the core has faulted (E-SIM-FAULT).
        """
        assert not count, "only an emulated core counts"
        self._remote.set_register(self._pc, self._next, self._width)
        self._remote.run()
        pc = self._remote.register(self._pc)
        if pc != self._symbols["fw_stop"]:
            raise MetabitError(
                f"the firmware on {self._remote.where} stopped at {pc:#010x} in "
                f"{self.firmware.program.function_at(pc)}(): the core has faulted",
                code="E-SIM-FAULT",
            )
        self.is_waiting, self._next = True, self._symbols["fw_resume"]

    def close(self) -> None:
        """Let the debug server go."""
        self._remote.close()

    def _load(self) -> bool:
        """Write what is not there of the firmware, and return whether all of it was.

        Memory is written as memory where the debug server does that, as qemu does with flash too,
        or else as flash.
        """
        missing = self._missing()
        if not missing:
            return True
        for address, contents in missing:
            with contextlib.suppress(StorageError):  # what counts is what is there then
                self.write(address, contents)
        if self._missing() and self.firmware.board.page_bytes:
            with contextlib.suppress(StorageError):
                segments = self.firmware.program.segments
                self._remote.flash(segments, self.firmware.board.page_bytes)
        for address, _ in self._missing():
            raise MismatchError(
                f"{self._remote.where}: the memory at {address:#x} does not hold this firmware and "
                "cannot be written by the debug server; flash the firmware first",
                code="E-DEVICE-MODEL",
            )
        return False

    def _missing(self) -> list[tuple[int, bytes]]:
        """The parts of the firmware that the memory does not hold."""
        segments = self.firmware.program.segments
        return [
            (at, contents) for at, contents in segments if self.read(at, len(contents)) != contents
        ]

    def _reset(self) -> None:
        """Start as the hardware does."""
        low, high = self._symbols["fw_stack_low"], self._symbols["fw_stack_high"]
        self.write(low, PAINT * (high - low))
        if self.firmware.board.isa == "thumb":
            stack, entry = struct.unpack("<II", self.read(self._symbols["fw_vectors"], 8))
            self._remote.set_register(self._sp, stack, self._width)
            self._remote.set_register(_XPSR, _THUMB, self._width)
            self._next = entry & ~1
        else:
            self._next = self._symbols["fw_reset"]
