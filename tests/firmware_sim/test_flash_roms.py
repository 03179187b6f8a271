"""Flash of RP2040, RP2350 and ESP32-C3 chips, erased and written by their boot ROMs.

The ROMs are emulated here as their makers describe them; no chip was there.
"""

from __future__ import annotations

import ctypes
import struct
from typing import Any, ClassVar

import pytest
from helpers.chip_rig import Chip, firmware_of, teach

from metabit.firmware_sim.build import Firmware

unicorn = pytest.importorskip("unicorn")


class Pico(Chip):
    """An RP2040 with a boot ROM: code cannot be read from flash while that is disconnected."""

    NAMES = ("IF", "EX", "RE", "RP", "FC")

    def __init__(self, firmware: Firmware, flash: bytes | None = None) -> None:
        super().__init__(firmware, flash)
        self._left = False
        uc = self._uc
        rom = bytearray(4096)
        # Pointers, then a function that looks a table up, and functions that only return.
        struct.pack_into("<HHH", rom, 0x14, 0x100, 0, 0x40 | 1)
        for number, name in enumerate(self.NAMES):
            rom[0x100 + 4 * number : 0x104 + 4 * number] = name.encode() + struct.pack(
                "<H", 0x80 + 4 * number | 1
            )
            rom[0x80 + 4 * number : 0x82 + 4 * number] = b"\x70\x47"
        # ldrh r2, [r0]; cmp r2, r1; beq found; adds r0, #4; b up; found: ldrh r0, [r0, #2]; bx lr
        rom[0x40:0x4E] = struct.pack("<7H", 0x8802, 0x428A, 0xD001, 0x3004, 0xE7FA, 0x8840, 0x4770)
        ram = firmware.board.ram
        uc.mem_protect(ram.origin, ram.bytes, unicorn.UC_PROT_ALL)  # code runs there
        uc.mem_map(0, 4096, unicorn.UC_PROT_ALL)
        uc.mem_write(0, bytes(rom))
        uc.mmio_map(0x18000000, 4096, self._ssi, None, self._set_ssi, None)
        uc.hook_add(unicorn.UC_HOOK_CODE, self._called, None, 0x80, 0x80 + 4 * len(self.NAMES))
        uc.hook_add(unicorn.UC_HOOK_BLOCK, self._ran, None, self.flash.origin, self.flash.end - 1)

    def _ssi(self, _uc: Any, offset: int, _size: int, _data: Any) -> int:
        return 4 if offset == 0x28 else 0  # all is sent

    def _set_ssi(self, _uc: Any, offset: int, _size: int, value: int, _data: Any) -> None:
        if offset == 0xF4 and value == 0xA0 << 24 | 4 << 11 | 8 << 2 | 2:
            self._left = False  # quick reads again

    def _ran(self, _uc: Any, _at: int, _size: int, _data: Any) -> None:
        self.forbid(self._left, "code was read from flash that is disconnected")

    def _called(self, uc: Any, at: int, _size: int, _data: Any) -> None:
        name = self.NAMES[(at - 0x80) // 4]
        arm = unicorn.arm_const
        r0, r1, r2, r3 = (uc.reg_read(getattr(arm, f"UC_ARM_REG_R{i}")) for i in range(4))
        if name == "EX":
            self._left = True
        if name == "RE":
            self.forbid((r0 % 4096, r1, r2, r3) != (0, 4096, 4096, 0x20), "a page is 4 KiB")
            self.write(self.flash.origin + r0, b"\xff" * r1)
        if name == "RP":
            self.forbid(r0 % 256 != 0 or r2 % 256 != 0, "256 bytes are written at once")
            data, there = self.read(r1, r2), self.read(self.flash.origin + r0, r2)
            self.forbid(there != b"\xff" * r2, "flash was written twice")
            self.write(self.flash.origin + r0, data)


class Pico2(Chip):
    """An RP2350 with a boot ROM, of its Arm or of its RISC-V cores. While three registers do not
    say one way of reading flash, it cannot be read."""

    QMI = 0x400D0000
    QUICK: ClassVar = {0x0C: 0x60007203, 0x10: 0x000492A8, 0x14: 0xEB}
    SLOW: ClassVar = {0x0C: 0x6000000C, 0x10: 0x1000, 0x14: 0x03}
    NAMES = ("IF", "EX", "FO", "FC")
    LOOK_UP, FIRST = 0x100, 0x200

    def __init__(self, firmware: Firmware, flash: bytes | None = None) -> None:
        super().__init__(firmware, flash)
        self._reads, self._stale = dict(self.QUICK), range(0)
        uc, self._arm = self._uc, firmware.board.isa == "thumb"
        rom, back = bytearray(0x8000), b"\x70\x47" if self._arm else b"\x82\x80"
        place = 0x16 if self._arm else 0x7DFA
        rom[place : place + 2] = struct.pack("<H", self.LOOK_UP | int(self._arm))
        for at in (self.LOOK_UP, *(self.FIRST + 4 * i for i in range(len(self.NAMES)))):
            rom[at : at + 2] = back
        ram = firmware.board.ram
        uc.mem_protect(ram.origin, ram.bytes, unicorn.UC_PROT_ALL)  # code runs there
        uc.mem_map(0, len(rom), unicorn.UC_PROT_ALL)
        uc.mem_write(0, bytes(rom))
        uc.mmio_map(self.QMI, 4096, self._get, None, self._put, None)
        uc.hook_add(unicorn.UC_HOOK_CODE, self._called, None, 0, len(rom) - 1)
        origin, last = self.flash.origin, self.flash.end - 1
        uc.hook_add(unicorn.UC_HOOK_BLOCK, self._ran, None, origin, last)
        self._places, self._watch = (origin, last), 0

    def _watch_reads(self) -> None:
        """Watch what is read from flash as long as not all of it may be read, and no longer.

        A load of a conditional block that is watched makes the emulator apply the condition to the
        instruction after the next page border too.
        """
        wanted = self._reads != self.QUICK or len(self._stale) > 0
        if wanted and not self._watch:
            hook = self._uc.hook_add(unicorn.UC_HOOK_MEM_READ, self._fetched, None, *self._places)
            self._watch = hook
        elif self._watch and not wanted:
            self._uc.hook_del(self._watch)
            self._watch = 0

    def _get(self, _uc: Any, offset: int, _size: int, _data: Any) -> int:
        return self._reads.get(offset, 0)

    def _put(self, _uc: Any, offset: int, _size: int, value: int, _data: Any) -> None:
        self._reads[offset] = value
        self._watch_reads()

    def _ran(self, _uc: Any, _at: int, _size: int, _data: Any) -> None:
        self.forbid(self._reads != self.QUICK, "code was read from flash in another way")

    def _fetched(self, _uc: Any, _kind: int, at: int, size: int, _value: int, _data: Any) -> None:
        self.forbid(self._reads != self.QUICK, "data was read from flash in another way")
        self.forbid(at in self._stale, "the cache still has what was there before")

    def _register(self, number: int) -> int:
        if self._arm:
            return int(getattr(unicorn.arm_const, f"UC_ARM_REG_R{number}"))
        return int(getattr(unicorn.riscv_const, f"UC_RISCV_REG_A{number}"))

    def _called(self, uc: Any, at: int, _size: int, _data: Any) -> None:
        first, second, third, fourth = (uc.reg_read(self._register(i)) for i in range(4))
        answer = 0
        if at == self.LOOK_UP:
            name = bytes((first & 0xFF, first >> 8)).decode()
            self.forbid(name not in self.NAMES, f"the ROM has no {name}")
            self.forbid(second != (4 if self._arm else 1), "that is not for this core")
            answer = self.FIRST + 4 * self.NAMES.index(name) + int(self._arm)
        elif (name := self.NAMES[(at - self.FIRST) // 4]) == "EX":
            self._reads = dict(self.SLOW)
        elif name == "FC":
            self._stale = range(0)
        elif name == "FO":
            self._change(first, second, third, fourth)
        self._watch_reads()
        uc.reg_write(self._register(0), answer)

    def _change(self, what: int, at: int, n_bytes: int, data: int) -> None:
        self.forbid(self._reads != self.SLOW, "the flash was not ready for commands")
        self.forbid(what & 0xFFFF != 0x101, "an address of the core, in the secure state")
        if what >> 16 == 0:
            self.forbid(at % 4096 + n_bytes % 4096 != 0, "a page is 4 KiB")
            new = b"\xff" * n_bytes
        else:
            self.forbid(at % 256 + n_bytes % 256 != 0, "256 bytes are written at once")
            self.forbid(self.flash.origin <= data < self.flash.end, "the ROM read from flash")
            self.forbid(self.read(at, n_bytes) != b"\xff" * n_bytes, "flash was written twice")
            new = self.read(data, n_bytes)
        self.write(at, new)
        self._stale = range(at, at + n_bytes)


class Esp32C3(Chip):
    """An ESP32-C3 with a boot ROM. Its RAM is run elsewhere than it is written; flash is seen in
    two windows, and in neither of them while the cache is suspended."""

    CODE, DATA, RAM_FOR_CODE = 0x42000000, 0x3C000000, 0x700000
    NAMES: ClassVar = {
        0x40000128: "erase", 0x4000012C: "write", 0x40000140: "unlock", 0x400004D4: "forget",
        0x40000524: "suspend", 0x40000528: "resume",
    }  # fmt: skip

    def __init__(self, firmware: Firmware, flash: bytes | None = None) -> None:
        super().__init__(firmware, flash)
        uc, ram = self._uc, firmware.board.ram
        self._is_open, self._stale = True, range(0)
        self._shared = [self._share(self.flash.origin, self.flash.bytes, self.DATA)]
        self._shared.append(self._share(ram.origin, ram.bytes, ram.origin + self.RAM_FOR_CODE))
        uc.mem_protect(self.CODE, self.flash.bytes, unicorn.UC_PROT_EXEC)
        uc.mem_protect(ram.origin, ram.bytes, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        uc.mem_map(0x40000000, 4096, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        for at in self.NAMES:
            uc.mem_write(at, b"\x82\x80\x82\x80")  # ret
        uc.hook_add(unicorn.UC_HOOK_CODE, self._called, None, 0x40000000, 0x40000FFF)
        uc.hook_add(unicorn.UC_HOOK_BLOCK, self._ran, None, self.CODE, self.CODE + (4 << 20) - 1)
        uc.hook_add(
            unicorn.UC_HOOK_MEM_READ, self._fetched, None, self.DATA, self.DATA + (4 << 20) - 1
        )

    def _share(self, origin: int, n_bytes: int, other: int) -> Any:
        """The same memory at two addresses."""
        uc, memory = self._uc, ctypes.create_string_buffer(n_bytes + 4096)
        at = -(-ctypes.addressof(memory) // 4096) * 4096
        ctypes.memmove(at, self.read(origin, n_bytes), n_bytes)
        uc.mem_unmap(origin, n_bytes)
        for place in (origin, other):
            uc.mem_map_ptr(place, n_bytes, unicorn.UC_PROT_ALL, at)
        return memory

    def _ran(self, _uc: Any, _at: int, _size: int, _data: Any) -> None:
        self.forbid(not self._is_open, "code was read from flash while the cache was suspended")

    def _fetched(self, _uc: Any, _kind: int, at: int, size: int, _value: int, _data: Any) -> None:
        self.forbid(not self._is_open, "data was read from flash while the cache was suspended")
        self.forbid(at in self._stale, "the cache still has what was there before")

    def _called(self, uc: Any, at: int, _size: int, _data: Any) -> None:
        if (name := self.NAMES.get(at)) is None:
            return
        riscv = unicorn.riscv_const
        a0, a1, a2 = (uc.reg_read(getattr(riscv, f"UC_RISCV_REG_A{i}")) for i in range(3))
        self.forbid(self._is_open and name != "suspend", f"{name} with the cache at work")
        if name in ("suspend", "resume"):
            self._is_open = name == "resume"
        if name == "forget" and a0 - self.DATA <= self._stale.start - self.DATA:
            self._stale = range(0)
        if name == "erase":
            self._change(a0 * 4096, b"\xff" * 4096)
        if name == "write":
            self.forbid(a0 % 4 + a1 % 4 + a2 % 4 != 0, "the ROM writes whole words")
            there = self.read(self.CODE + a0, a2)
            self.forbid(there != b"\xff" * a2, "flash was written twice")
            self._change(a0, self.read(a1, a2))
        uc.reg_write(riscv.UC_RISCV_REG_A0, 0)

    def _change(self, at: int, data: bytes) -> None:
        self.write(self.CODE + at, data)
        self._stale = range(self.DATA + at, self.DATA + at + len(data))


@pytest.mark.long
def test_a_pico_keeps_what_it_commits() -> None:
    made = firmware_of("raspberry-pi-pico")
    teach(lambda flash: Pico(made, flash))


@pytest.mark.long
@pytest.mark.parametrize("board", ["raspberry-pi-pico-2", "raspberry-pi-pico-2-riscv"])
def test_a_pico_2_keeps_what_it_commits(board: str) -> None:
    made = firmware_of(board)
    teach(lambda flash: Pico2(made, flash))


@pytest.mark.long
def test_an_esp32_c3_keeps_what_it_commits() -> None:
    made = firmware_of("esp32-c3")
    teach(lambda flash: Esp32C3(made, flash))
