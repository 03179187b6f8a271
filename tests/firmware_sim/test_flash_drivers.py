"""Flash of STM32, RP2040 and ESP32-C3 chips: erased and written by registers or by a boot ROM.

The registers are emulated here as their reference manuals have them; no chip was there.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from helpers import random_model, random_samples

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.options import Options
from metabit.export.container import dumps
from metabit.firmware_sim import boards
from metabit.firmware_sim.build import Firmware
from metabit.firmware_sim.core_line import CoreLine
from metabit.firmware_sim.emulator import Emulator
from metabit.firmware_sim.flash_image import debug_image
from metabit.firmware_sim.link.client import LinkClient
from metabit.firmware_sim.link.device import LinkedDevice

unicorn = pytest.importorskip("unicorn")

MODEL = random_model((12, 33, 4), seed=3)
BLOB = dumps(MODEL)
KEYS = [0x45670123, 0xCDEF89AB]


@dataclass(frozen=True)
class Registers:
    """A flash interface of STM32 chips.

    Attributes:
        base, banks: addresses: of the interface, and of each bank's registers in it.
        bank_bytes: flash per bank.
        key, control: offsets.
        lock, program, erase, start: bits of the control register.
        page_number: the first sector or page of the bank that is erased by this control word.
        unit_bytes: that are written at once.
    """

    base: int
    banks: tuple[int, ...]
    bank_bytes: int
    key: int
    control: int
    lock: int
    program: int
    erase: int
    start: int
    page_number: Callable[[int], int]
    unit_bytes: int


F7 = Registers(
    0x40023C00, (0,), 1 << 20, 4, 0x10, 1 << 31, 1, 2, 1 << 16, lambda word: (word >> 3 & 15) - 4, 4
)
BOARDS = {
    "stm32f746": F7,
    "stm32h743": Registers(
        0x52002000, (0, 0x100), 1 << 20, 4, 0xC, 1, 2, 4, 1 << 7, lambda word: word >> 8 & 7, 32
    ),
    "stm32l4r5": Registers(
        0x40022000, (0,), 2 << 20, 8, 0x14, 1 << 31, 1, 2, 1 << 16, lambda word: word >> 3 & 511, 8
    ),
    "stm32u575": Registers(
        0x40022000, (0,), 2 << 20, 8, 0x28, 1 << 31, 1, 2, 1 << 16,
        lambda word: (word >> 3 & 127) + (word >> 11 & 1) * 128, 16,
    ),
}  # fmt: skip


class Chip(Emulator):
    """An emulated core whose flash is written as a chip's."""

    def __init__(self, firmware: Firmware, flash: bytes | None = None) -> None:
        super().__init__(firmware)
        region = firmware.board.flash
        assert region is not None
        self.flash, self.misused = region, ""
        if firmware.board.isa == "thumb" and firmware.board.core != "cortex-m0plus":
            self._uc.mem_map(0xE0001000, 4096)  # the unit with the counter of cycles, at a stand
        if flash is not None:
            self.write(region.origin, flash)

    def forbid(self, wrong: bool, what: str) -> None:
        """An exception would not come through the emulator."""
        if wrong and not self.misused:
            self.misused = what
            self._uc.emu_stop()

    def contents(self) -> bytes:
        return self.read(self.flash.origin, self.flash.bytes)


class Stm32(Chip):
    """Args: as `Chip`, and the registers of the flash interface."""

    def __init__(
        self, firmware: Firmware, registers: Registers, flash: bytes | None = None
    ) -> None:
        super().__init__(firmware, flash)
        self._registers, self._keys = registers, dict.fromkeys(registers.banks, tuple[int, ...]())
        self._control = dict.fromkeys(registers.banks, registers.lock)
        uc = self._uc
        page = registers.base & ~0xFFF
        uc.mmio_map(page, 4096, self._get, page, self._put, page)
        uc.mem_map(0x40030000, 4096)  # the instruction cache of U5, which is off
        origin = self.flash.origin
        uc.mem_protect(origin, self.flash.bytes, unicorn.UC_PROT_ALL)
        uc.hook_add(unicorn.UC_HOOK_MEM_WRITE, self._stored, None, origin, self.flash.end - 1)
        self._stale: set[int] = set()
        if firmware.board.core == "cortex-m7":
            self.write(0xE000ED14, struct.pack("<I", 1 << 16))  # the data cache is on
            uc.hook_add(unicorn.UC_HOOK_MEM_WRITE, self._forgot, None, 0xE000EF5C, 0xE000EF5F)

    def _forgot(self, _uc: Any, _kind: int, _at: int, _size: int, line: int, _data: Any) -> None:
        self._stale.discard(line & 0xFFFFFFFF)

    def _get(self, _uc: Any, offset: int, _size: int, page: int) -> int:
        at = page + offset - self._registers.base
        controls = {bank + self._registers.control: v for bank, v in self._control.items()}
        return controls.get(at, 0)  # never busy, and no errors

    def _put(self, _uc: Any, offset: int, _size: int, value: int, page: int) -> None:
        r = self._registers
        for bank in r.banks:
            at = page + offset - r.base - bank
            if at == r.key:
                self._keys[bank] = (*self._keys[bank], value)[-2:]
                if list(self._keys[bank]) == KEYS:
                    self._control[bank] &= ~r.lock
            elif at == r.control:
                self._set(bank, value)

    def _set(self, bank: int, value: int) -> None:
        r = self._registers
        self.forbid(bool(self._control[bank] & r.lock), "the control register is locked")
        if not self._control[bank] & (r.program | r.erase):
            self.forbid(bool(self._stale), "the cache still has what was there before")
        self._control[bank] = value
        if value & r.lock:
            self._keys[bank] = ()
        if value & r.start:
            self.forbid(not value & r.erase, "started without an erasure")
            page_bytes = self.firmware.board.page_bytes
            first = r.banks.index(bank) * r.bank_bytes + r.page_number(value) * page_bytes
            at = self.flash.origin + first
            self.write(at, b"\xff" * page_bytes)
            self._change(at, page_bytes)
            self._control[bank] &= ~r.start

    def _stored(self, _uc: Any, _kind: int, at: int, size: int, _value: int, _data: Any) -> None:
        r = self._registers
        bank = r.banks[(at - self.flash.origin) // r.bank_bytes]
        self.forbid(not self._control[bank] & r.program, "flash was written while it is read-only")
        self.forbid(self.read(at, size) != b"\xff" * size, "flash was written twice")
        self.forbid(size != 4, "flash is written in words")
        self._change(at, size)

    def _change(self, at: int, n_bytes: int) -> None:
        if self.firmware.board.core == "cortex-m7":
            self._stale.update(range(at & ~31, at + n_bytes, 32))


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


def teach(make: Callable[[bytes | None], Chip]) -> None:
    """What is committed is there after a reset, twice, and the chip was not misused."""
    host, flash = Engine(BLOB, learn="all"), None
    x = random_samples(np.random.default_rng(3), MODEL.input, 6)
    y = np.arange(6, dtype=np.int32) % 4
    for n_learnt in (0, 6, 12):
        chip = make(flash)
        device = LinkedDevice(LinkClient(CoreLine(chip, "chip")))
        assert (device.info.restored, device.info.session) == (int(n_learnt > 0), n_learnt)
        assert device.state_out() == host.save_state()
        device.learn(n_learnt + 6, x, y, commit_every=6)
        host.learn(x, y)
        assert chip.misused == ""
        flash = chip.contents()


def firmware_of(board: str) -> Firmware:
    made, _ = debug_image(
        BLOB, boards.load(board), "all", Options(), emulated=False, keeps_at_host=False
    )
    return made


@pytest.mark.long
@pytest.mark.parametrize("board", BOARDS)
def test_an_stm32_keeps_what_it_commits(board: str) -> None:
    made = firmware_of(board)
    teach(lambda flash: Stm32(made, BOARDS[board], flash))


@pytest.mark.long
def test_a_pico_keeps_what_it_commits() -> None:
    made = firmware_of("raspberry-pi-pico")
    teach(lambda flash: Pico(made, flash))


@pytest.mark.long
def test_an_esp32_c3_keeps_what_it_commits() -> None:
    made = firmware_of("esp32-c3")
    teach(lambda flash: Esp32C3(made, flash))
