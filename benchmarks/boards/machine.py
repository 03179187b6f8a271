"""Emulated cores on which kernels run by themselves, for validate.py and code.py."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

from metabit.firmware_sim import boards
from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.elf import Elf

#: A board for each core: it says how to compile for it, and what runs it.
BOARDS = {
    "cortex-a53": "raspberry-pi-3b-plus",
    "cortex-a72": "raspberry-pi-4b",
    "cortex-a76": "raspberry-pi-5",
    "cortex-m0plus": "raspberry-pi-pico",
    "cortex-m3": "nrf52840",
    "cortex-m33": "stm32u575",
    "cortex-m4f": "nrf52840",
    "cortex-m55": "cortex-m55",
    "cortex-m7": "stm32f746",
    "esp32-c3": "esp32-c3",
    "hazard3": "raspberry-pi-pico-2-riscv",
}
#: Where no board has the core: how to compile for it.
TARGETS = {"cortex-m3": ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m3")}
#: Where results, inputs and the stack lie, where a kernel returns to, and how much memory there is.
OUT, IN, STOP, _STACK, _BYTES = 0x200000, 0x210000, 0x300000, 0x2F0000, 1 << 23
#: How unicorn names an instruction set and the core with all of its instructions, and the registers
#: of a call: the program counter, stack, return address, and two arguments.
_MACHINES = {
    "thumb": ("arm", "ARM", ("THUMB", "MCLASS"), "ARM_CORTEX_M33", "PC SP LR R0 R1"),
    "aarch64": ("arm64", "ARM64", ("ARM",), "ARM64_MAX", "PC SP LR X0 X1"),
    "riscv32": ("riscv", "RISCV", ("RISCV32",), "RISCV32_ANY", "PC SP RA A0 A1"),
}


def board_of(core: str) -> Board:
    """A board that has a core, or a board that is taken to have it."""
    board = boards.load(BOARDS[core])
    return replace(board, core=core, flags=TARGETS.get(core, board.flags))


def machine(board: Board, program: Elf) -> tuple[Any, list[int]]:
    """An emulated core, ready to call any kernel with its two arguments; its registers."""
    unicorn = importlib.import_module("unicorn")
    module, architecture, modes, model, registers = _MACHINES[board.isa]
    constants = getattr(unicorn, f"{module}_const")
    mode = sum(getattr(unicorn, f"UC_MODE_{name}") for name in modes)
    uc = unicorn.Uc(getattr(unicorn, f"UC_ARCH_{architecture}"), mode)
    uc.ctl_set_cpu_model(getattr(constants, f"UC_CPU_{model}"))
    names = [getattr(constants, f"UC_{architecture}_REG_{name}") for name in registers.split()]
    uc.mem_map(0, _BYTES)
    for address, data in program.segments:
        uc.mem_write(address, data)
    if board.isa == "aarch64":
        uc.reg_write(constants.UC_ARM64_REG_CPACR_EL1, 3 << 20)
    uc.mem_write(IN, bytes(range(1, 256)) * 32)
    values = (_STACK, STOP | int(board.isa == "thumb"), OUT, IN)
    for name, value in zip(names[1:], values, strict=True):
        uc.reg_write(name, value)
    return uc, names
