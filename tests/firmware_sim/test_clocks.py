"""STM32 chips run as fast as their boards' files say, and their serial ports keep 115,200 baud.

The registers of clock, voltage and flash are emulated as the reference manuals have them: a bit
that says "ready" comes only where everything that it needs was asked for before. No chip was there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from helpers.random_models import random_model

from metabit.export.container import dumps
from metabit.firmware_sim.build import Firmware
from metabit.firmware_sim.deploy.flash_image import flash_image
from metabit.firmware_sim.machines.emulator import Emulator

pytest.importorskip("unicorn")

Registers = dict[int, int]


def bits(value: int, low: int, n: int) -> int:
    return value >> low & ((1 << n) - 1)


def divider(code: int) -> int:
    """Of an AHB or APB bus: codes below the half divide by 1."""
    return {4: 2, 5: 4, 6: 8, 7: 16, 8: 2, 9: 4, 10: 8, 11: 16}.get(code, 1)


@dataclass(frozen=True)
class Chip:
    """What a chip's manual says.

    Attributes:
        control: the register with the PLL's switch (bit 24) and its "ready" (bit 25).
        settings: of the PLL; they cannot be changed while it is on.
        switch: register, first bit, bits and value that choose the PLL for the core, and the bit
            where the register says so.
        latency: register and wait states that the flash needs at full speed.
        after_reset: registers that are not 0 then.
        ready: by register, the bits that it adds.
        is_powered: whether the voltage is there for full speed.
        pll_hz, usart_hz: by the registers.
        core_divider: of the PLL's clock.
        divider: of the serial port, in parts of its clock.
    """

    control: int
    settings: tuple[int, ...]
    switch: tuple[int, int, int, int, int]
    latency: tuple[int, int]
    after_reset: Registers
    ready: dict[int, Callable[[Registers], int]]
    is_powered: Callable[[Registers], bool]
    pll_hz: Callable[[Registers], float]
    core_divider: Callable[[Registers], int]
    usart_divider: Callable[[Registers], int]
    port: int
    divider_parts: int = 1


def f7_pll(r: Registers) -> float:
    at = r[0x40023804]
    return 16e6 / bits(at, 0, 6) * bits(at, 6, 9) / (2 * bits(at, 16, 2) + 2)


def f7_power(r: Registers) -> int:
    on = bits(r[0x40007000], 16, 2)
    is_locked = bits(r[0x40023800], 24, 1)
    return (on & 1 and is_locked) << 16 | (on == 3) << 17


def h7_pll(r: Registers) -> float:
    at = r[0x58024430]
    return 64e6 / bits(r[0x58024428], 4, 6) * (bits(at, 0, 9) + 1) / (bits(at, 9, 7) + 1)


def h7_voltage(r: Registers) -> int:
    return (r[0x5802480C] == 2) << 13


def l4_pll(r: Registers) -> float:
    at = r[0x4002100C]
    is_on = bits(at, 24, 1) and bits(at, 0, 2) == 1
    return is_on * 4e6 / (bits(at, 4, 4) + 1) * bits(at, 8, 7) / (2 * bits(at, 25, 2) + 2)


def u5_pll(r: Registers) -> float:
    at, by = r[0x46020C28], r[0x46020C34]
    is_on = bits(at, 18, 1) and bits(at, 0, 2) == 1
    return is_on * 4e6 / (bits(at, 8, 4) + 1) * (bits(by, 0, 9) + 1) / (bits(by, 24, 7) + 1)


def u5_voltage(r: Registers) -> int:
    vos, boost = bits(r[0x4602080C], 16, 2) == 3, bits(r[0x4602080C], 18, 1)
    has_clock = bits(r[0x46020C28], 0, 2) == 1
    return vos << 15 | (vos and boost and has_clock) << 14


CHIPS = {
    "stm32f746": Chip(
        0x40023800, (0x40023804,), (0x40023808, 0, 2, 2, 2), (0x40023C00, 7),
        {0x40023800: 0x83, 0x40023804: 0x24003010, 0x40007000: 0xC000},
        {0x40007004: f7_power},
        lambda r: f7_power(r) == 3 << 16,
        f7_pll,
        lambda r: divider(bits(r[0x40023808], 4, 4)),
        lambda r: divider(bits(r[0x40023808], 13, 3)),
        0x40011000,
    ),
    "stm32h743": Chip(
        0x58024400, (0x58024428, 0x58024430), (0x58024410, 0, 3, 3, 3), (0x52002000, 2),
        {0x58024428: 0x02020200, 0x5802442C: 0x01FF0000, 0x58024430: 0x01010280,
         0x5802480C: 6, 0x58024818: 0x4000, 0x52002000: 0x37},
        {0x58024804: h7_voltage, 0x58024818: h7_voltage},
        lambda r: bool(h7_voltage(r)) and bits(r[0x58024818], 14, 2) == 3,
        h7_pll,
        lambda r: divider(bits(r[0x58024418], 8, 4)),
        lambda r: divider(bits(r[0x58024418], 0, 4)) * divider(bits(r[0x5802441C], 4, 3)),
        0x40004800,
    ),
    "stm32l4r5": Chip(
        0x40021000, (0x4002100C,), (0x40021008, 0, 2, 3, 2), (0x40022000, 5),
        {0x40021000: 0x63, 0x4002100C: 0x1000, 0x40007000: 0x200, 0x40007080: 0x100,
         0x40022000: 0x600},
        {},
        lambda r: bits(r[0x40007000], 9, 2) == 1 and not bits(r[0x40007080], 8, 1),
        l4_pll,
        lambda r: divider(bits(r[0x40021008], 4, 4)),
        lambda r: divider(bits(r[0x40021008], 8, 3)),
        0x40008000, 256,
    ),
    "stm32u575": Chip(
        0x46020C00, (0x46020C28, 0x46020C34), (0x46020C1C, 0, 2, 3, 2), (0x40022000, 4),
        {0x46020C00: 0x35, 0x46020C34: 0x01010280, 0x4602080C: 0x8000, 0x40022000: 1},
        {0x4602080C: u5_voltage},
        lambda r: u5_voltage(r) == 3 << 14,
        u5_pll,
        lambda r: divider(bits(r[0x46020C20], 0, 4)),
        lambda r: divider(bits(r[0x46020C20], 8, 3)),
        0x40013800,
    ),
}  # fmt: skip


@dataclass
class Board:
    """A chip's registers, and what was done wrong with them."""

    chip: Chip
    said: bytes = b""
    wrong: str = ""
    kept: Registers = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kept = dict(self.chip.after_reset)

    @property
    def registers(self) -> Registers:
        """As the core reads them, 0 where nothing is known."""
        return _Zeros(self.kept)

    def read(self, _uc: Any, offset: int, _size: int, base: int) -> int:
        at, chip, now = base + offset, self.chip, self.registers
        value = now[at] | (chip.ready[at](now) if at in chip.ready else 0)
        if at == chip.control:
            value |= bits(value, 24, 1) << 25
        if at == chip.switch[0]:
            value |= bits(value, chip.switch[1], chip.switch[2]) << chip.switch[4]
        if at == chip.port + 0x1C:
            value |= 1 << 7  # room for a byte
        return value

    def write(self, uc: Any, offset: int, _size: int, value: int, base: int) -> None:
        at, chip = base + offset, self.chip
        if at in chip.settings and bits(self.registers[chip.control], 24, 1):
            self.wrong = "the PLL was changed while it runs"
        self.kept[at] = value
        if at == chip.switch[0] and bits(value, chip.switch[1], chip.switch[2]):
            self._check_switch(value)
        if at == chip.port + 0x28:
            self.said += bytes([value & 0xFF])
        if self.wrong or self.said.endswith(b"ready\r\n"):
            uc.emu_stop()

    def _check_switch(self, value: int) -> None:
        chip, now = self.chip, self.registers
        if bits(value, chip.switch[1], chip.switch[2]) != chip.switch[3]:
            self.wrong = "the core was given another clock than the PLL"
        if not bits(now[chip.control], 24, 1):
            self.wrong = "the core was given a PLL that is off"
        if not chip.is_powered(now):
            self.wrong = "the voltage is not high enough"
        if bits(now[chip.latency[0]], 0, 4) < chip.latency[1]:
            self.wrong = "the flash was not told to wait"


class _Zeros(dict[int, int]):
    def __missing__(self, _at: int) -> int:
        return 0


@pytest.mark.long
@pytest.mark.parametrize("name", CHIPS)
def test_the_core_and_the_serial_port_run_as_fast_as_the_boards_file_says(name: str) -> None:
    chip = CHIPS[name]
    made = flash_image(dumps(random_model((12, 33, 4), seed=3, golden=2)), name, learn="all")
    emulator, board = Emulator(Firmware(made.board, made.elf, made.program)), Board(chip)
    emulator._uc.mem_map(0xE0001000, 4096)  # the unit with the counter of cycles, at a stand
    base = 0x40000000
    emulator._uc.mmio_map(base, 0x20000000, board.read, base, board.write, base)
    emulator._uc.emu_start(emulator._next, 0xFFFFFFFF, 60_000_000)
    assert board.wrong == ""
    assert board.said.endswith(b"open: ok\r\nready\r\n")
    now = board.registers
    assert chip.pll_hz(now) / chip.core_divider(now) == made.parts.clock_hz
    hz = chip.pll_hz(now) / chip.usart_divider(now)
    assert hz * chip.divider_parts / now[chip.port + 0x0C] == pytest.approx(115_200, rel=0.001)
    caches = int.from_bytes(emulator.read(0xE000ED14, 4), "little") >> 16 & 3
    assert caches == (3 if made.board.core == "cortex-m7" else 0)
