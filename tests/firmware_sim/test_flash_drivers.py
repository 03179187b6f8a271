"""Flash of STM32 and RA4M1 chips, erased and written by registers.

The registers are emulated here as their makers have them; no chip was there.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from helpers.chip_rig import Chip, firmware_of, teach

from metabit.firmware_sim.build import Firmware

unicorn = pytest.importorskip("unicorn")

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


class Ra4m1(Chip):
    """An RA4M1: its flash is written in a mode in which nothing can be read from it."""

    FLASH, ENTRY, CACHE = 0x407EC000, 0x407EFFB2, 0x4001C000
    TO_CHANGE, TO_READ = [0x12, 0x92, 0x82], [0x92, 0x12, 0x08]

    def __init__(self, firmware: Firmware, flash: bytes | None = None) -> None:
        super().__init__(firmware, flash)
        uc, ram = self._uc, firmware.board.ram
        uc.mem_protect(ram.origin, ram.bytes, unicorn.UC_PROT_ALL)  # code runs there
        self._kept: dict[int, int] = {}
        self._modes: list[int] = []
        self._entry = self._unlocked = 0
        self._tries: list[int] = []
        self._is_done, self._is_cached, self._stale = False, True, range(0)
        for page in (self.FLASH, self.ENTRY & ~0xFFF, self.CACHE):
            uc.mmio_map(page, 4096, self._get, page, self._put, page)
        uc.hook_add(unicorn.UC_HOOK_BLOCK, self._ran, None, self.flash.origin, self.flash.end - 1)
        uc.hook_add(
            unicorn.UC_HOOK_MEM_READ, self._fetched, None, self.flash.origin, self.flash.end - 1
        )

    def _ran(self, _uc: Any, _at: int, _size: int, _data: Any) -> None:
        self.forbid(self._entry != 0, "code was read from flash that cannot be read")

    def _fetched(self, _uc: Any, _kind: int, at: int, size: int, _value: int, _data: Any) -> None:
        self.forbid(self._entry != 0, "data was read from flash that cannot be read")
        self.forbid(at in self._stale, "the cache still has what was there before")

    def _get(self, _uc: Any, offset: int, _size: int, page: int) -> int:
        at = page + offset
        if at == self.FLASH + 0x12C:
            return int(self._is_done) << 6
        return self._entry if at == self.ENTRY else 0  # no errors, and the cache is emptied

    def _put(self, _uc: Any, offset: int, _size: int, value: int, page: int) -> None:
        at = page + offset
        if at == self.CACHE + 0x100:
            self._is_cached = bool(value)
        elif at == self.CACHE + 0x104:
            self._stale = range(0)
        elif at == self.ENTRY:
            self._enter(value)
        elif at == self.FLASH + 0x180:
            self._tries = [value]
        elif at == self.FLASH + 0x100:
            self._tries.append(value)
            if len(self._tries) == 4:
                _, first, inverse, last = self._tries
                self.forbid(self._tries[0] != 0xA5, "the mode was not unlocked")
                self.forbid(first != last or inverse != first ^ 0xFF, "a mode is written thrice")
                self._modes.append(first)
        elif at == self.FLASH + 0x114:
            self._command(value)
        else:
            self._kept[at - self.FLASH] = value

    def _enter(self, value: int) -> None:
        self.forbid(value >> 8 != 0xAA, "the key is missing")
        self.forbid(self._is_cached, "the cache is on")
        if value & 0xFF == 0:
            self.forbid(self._modes[-3:] != self.TO_READ, "the way back was another")
        self._entry = value & 0xFF

    def _command(self, value: int) -> None:
        self._is_done = value != 0
        if not value:
            return
        kept = self._kept
        self.forbid(self._entry != 1 or self._modes[-3:] != self.TO_CHANGE, "it is only read")
        self.forbid(kept.get(0x1D8) != 23, "the flash was not told how fast its clock is")
        at = kept[0x110] << 16 | kept[0x108]
        if value == 0x84:
            self.forbid(at % 2048 != 0, "a page is 2 KiB")
            end = kept[0x120] << 16 | kept[0x118]
            self.forbid(end != at + 2047, "one page is erased")
            self._change(at, b"\xff" * 2048)
        else:
            self.forbid(value != 0x81 or at % 8 != 0, "8 bytes are written at once")
            data = struct.pack("<4H", *(kept[i] for i in (0x130, 0x138, 0x140, 0x144)))
            self.forbid(self.read(at, 8) != b"\xff" * 8, "flash was written twice")
            self._change(at, data)

    def _change(self, at: int, data: bytes) -> None:
        self.write(at, data)
        self._stale = range(at, at + len(data))


@pytest.mark.long
@pytest.mark.parametrize("board", BOARDS)
def test_an_stm32_keeps_what_it_commits(board: str) -> None:
    made = firmware_of(board)
    teach(lambda flash: Stm32(made, BOARDS[board], flash))


@pytest.mark.long
def test_an_uno_r4_keeps_what_it_commits() -> None:
    made = firmware_of("arduino-uno-r4")
    teach(lambda flash: Ra4m1(made, flash))
