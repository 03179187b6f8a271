"""Run a firmware on an emulated core: only the board's own memory is there, everything else faults.

The emulator executes every instruction, but it is no clock: it gives instructions, not cycles.
"""

from __future__ import annotations

import importlib
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError, MetabitError, nearest
from metabit.firmware_sim.build import Firmware, require
from metabit.firmware_sim.cost import cores
from metabit.firmware_sim.cost.counting import Block, Counts, decode, decoder
from metabit.firmware_sim.cost.operations import MachineOperation, operations
from metabit.firmware_sim.cost.phases import PhaseRecord
from metabit.firmware_sim.cost.pipeline import Pipeline
from metabit.firmware_sim.cost.watcher import BlockWatcher

PAINT = b"\xa5"
_PAGE = 4096
#: The Cortex-M system control space holds the switch of the floating-point unit.
_SYSTEM_CONTROL = (0xE000E000, _PAGE)
_SECONDS_AT_MOST = 600
#: Accesses of memory are looked at in so many counted commands, which is slow: the first finds
#: the caches empty, and the second finds them as the first has left them.
_WATCHED = 2

_CPUS = {
    "thumb": {
        "cortex-m0": "UC_CPU_ARM_CORTEX_M0",
        "cortex-m3": "UC_CPU_ARM_CORTEX_M3",
        "cortex-m4": "UC_CPU_ARM_CORTEX_M4",
        "cortex-m7": "UC_CPU_ARM_CORTEX_M7",
        "cortex-m33": "UC_CPU_ARM_CORTEX_M33",
    },
    "aarch64": {
        "cortex-a53": "UC_CPU_ARM64_A53",
        "cortex-a72": "UC_CPU_ARM64_A72",
        "max": "UC_CPU_ARM64_MAX",
    },
    "riscv32": {"rv32": "UC_CPU_RISCV32_ANY"},
}


class Emulator:
    """An emulated core with a firmware in its memory, started and stopped at `fw_stop`.

    Args:
        firmware: what to run.

    Raises:
        MetabitError: a package of the `sim` extra is missing (E-TOOLCHAIN).
    """

    def __init__(self, firmware: Firmware) -> None:
        require("unicorn")
        require("capstone")
        self.firmware = firmware
        self._thumb = firmware.board.isa == "thumb"
        self._symbols: dict[str, int] = firmware.program.symbols
        self._uc, self._pc, self._sp, self._second = _core(firmware)
        self._blocks: dict[tuple[int, int], tuple[str, Block]] = {}
        self._decoder = decoder(firmware.board.isa)
        self._watcher: BlockWatcher | None = None
        self._watched = 0
        self._phases = PhaseRecord(self._symbols, self._second_argument, self._so_far)
        self._map()
        self._load()
        self._reset()

    # ---- memory ----

    def read(self, address: int, n_bytes: int) -> bytes:
        """Bytes of the board's memory."""
        return bytes(self._uc.mem_read(address, n_bytes))

    def write(self, address: int, data: bytes) -> None:
        """Write the board's memory, as a debug probe would."""
        self._uc.mem_write(address, data)

    def symbol(self, name: str) -> int:
        """Address of a symbol of the firmware."""
        return self._symbols[name]

    def stack_used_bytes(self) -> int:
        """The deepest the stack has been since reset: bytes that no longer hold the paint."""
        low, high = self._symbols["fw_stack_low"], self._symbols["fw_stack_high"]
        stack = self.read(low, high - low)
        return len(stack.lstrip(PAINT))

    def close(self) -> None:
        """Nobody else holds it."""

    def _map(self) -> None:
        """Map the board's memory with its rights, and nothing else."""
        board, uc = self.firmware.board, _unicorn()
        code, data = uc.UC_PROT_READ | uc.UC_PROT_EXEC, uc.UC_PROT_READ | uc.UC_PROT_WRITE
        if board.flash is not None:
            self._uc.mem_map(board.flash.origin, board.flash.bytes, code)
            self._uc.mem_map(board.ram.origin, board.ram.bytes, data)
        else:  # code and model in RAM, write-protected as an operating system would
            border = -(-self._symbols["fw_code_end"] // _PAGE) * _PAGE
            self._uc.mem_map(board.load_at, border - board.load_at, code)
            self._uc.mem_map(border, board.ram.end - border, data)
        if self._thumb:
            self._uc.mem_map(*_SYSTEM_CONTROL, data)

    def _load(self) -> None:
        """Put the program in place; RAM starts as paint, since no board starts with clean RAM."""
        for address, contents in self.firmware.program.segments:
            self.write(address, contents)
        low, end = self._symbols["fw_stack_low"], self._symbols["fw_ram_end"]
        if self.firmware.board.flash is not None:
            self.write(low, PAINT * (end - low))
            return
        self.write(low, PAINT * (self._symbols["fw_stack_high"] - low))
        bss = self._symbols["fw_bss_start"]  # .data is loaded in place when there is no flash
        self.write(bss, PAINT * (end - bss))

    def _reset(self) -> None:
        """Start as the hardware does."""
        if self._thumb:
            stack, entry = struct.unpack("<II", self.read(self._symbols["fw_vectors"], 8))
            self._uc.reg_write(self._sp, stack)
            self._next = entry
        else:
            self._next = self._symbols["fw_reset"]

    # ---- running ----

    def run(self, *, count: bool = False) -> Counts | None:
        """Run until the firmware stops for the host.

        Args:
            count: count instructions; somewhat slower.

        Returns:
            The counts, or None when not asked for.

        Raises:
            MetabitError: the core faulted (E-SIM-FAULT) or did not stop (E-SIM-HANG).
        """
        watcher = self._start_counting() if count else None
        stop = self._symbols["fw_stop"]
        try:
            self._uc.emu_start(self._next, stop, timeout=_SECONDS_AT_MOST * 1_000_000)
        except _unicorn().UcError as error:
            raise self._fault(str(error)) from error
        finally:
            if watcher is not None:
                watcher.detach()
        if self._uc.reg_read(self._pc) != stop:
            raise self._error(f"did not finish within {_SECONDS_AT_MOST} s", "E-SIM-HANG")
        self._next = self._symbols["fw_resume"] | int(self._thumb)
        return None if watcher is None else self._counts(watcher)

    def _fault(self, what: str) -> MetabitError:
        return self._error(f"faulted: {what}", "E-SIM-FAULT")

    def _error(self, what: str, code: str) -> MetabitError:
        pc, sp = self._uc.reg_read(self._pc), self._uc.reg_read(self._sp)
        function = self.firmware.program.function_at(pc)
        low = self._symbols["fw_stack_low"]
        # Some instructions write up to 512 bytes below the stack pointer before they move it.
        hint = " The stack is exhausted: reserve more." if sp < low + 512 else ""
        return MetabitError(
            f"the firmware on {self.firmware.board.name} {what} at {pc:#010x} in {function}() "
            f"(stack pointer {sp:#010x}).{hint}",
            code=code,
        )

    # ---- counting ----

    def empty_caches(self) -> None:
        """Let the next counted command find the caches as they are after power-on."""
        if self._watcher is not None:
            self._watcher.empty_caches()
        self.watch_memory()

    def watch_memory(self) -> None:
        """Look at what the caches have in the next counted command, and in the one after it."""
        self._watched = 0

    def _start_counting(self) -> BlockWatcher:
        if self._watcher is None:
            self._watcher = BlockWatcher(
                self.firmware.board, self._make_pipeline(), self._phases.marks,
                self._phases.reached,
            )  # fmt: skip
        self._phases.begin()
        self._watched += 1
        self._watcher.attach(self._uc, self._next & -2, watches=self._watched <= _WATCHED)
        return self._watcher

    def _counts(self, watcher: BlockWatcher) -> Counts:
        by_class: dict[str, float] = {}
        by_function: dict[str, float] = {}
        for key, times in watcher.ran().items():
            if key not in self._blocks:
                self._blocks[key] = self._decode(*key)
            function, block = self._blocks[key]
            for kind, n in block.by_class.items():
                by_class[kind] = by_class.get(kind, 0) + n * times
            n_instructions = sum(block.by_class.values()) * times
            by_function[function] = by_function.get(function, 0) + n_instructions
        misses = watcher.misses() if self._watched <= _WATCHED else {}
        lengths = np.array([self._length(block) for block in watcher.blocks()], np.float64)
        phases = tuple(self._phases.phases(lengths, watcher.cycles))
        return Counts(by_class, by_function, watcher.taken, misses, watcher.cycles, phases)

    def _length(self, block: tuple[int, int]) -> int:
        """Instructions of a block; 0 where it only ran in a command that faulted."""
        known = self._blocks.get(block)
        return 0 if known is None else sum(known[1].by_class.values())

    def _second_argument(self) -> int:
        return int(self._uc.reg_read(self._second))

    def _so_far(self) -> tuple[int, NDArray[np.uint64]]:
        assert self._watcher is not None
        return self._watcher.cycles_so_far, self._watcher.times()

    def _make_pipeline(self) -> Pipeline | None:
        """The cost model of the board's core; None where there is none."""
        board = self.firmware.board
        if board.core not in cores.names():
            return None
        detailed = decoder(board.isa)
        detailed.detail = True

        def decode_block(address: int, size: int) -> list[MachineOperation]:
            return operations(detailed, board.isa, self.read(address, size), address)

        return Pipeline(cores.load(board.core), decode_block)

    def _decode(self, address: int, size: int) -> tuple[str, Block]:
        code = self.read(address, size)
        block = decode(self._decoder, self.firmware.board.isa, code, address)
        return self.firmware.program.function_at(address), block


def _unicorn() -> Any:
    """The emulator's package; its own type hints are too partial to check against."""
    return importlib.import_module("unicorn")


def _core(firmware: Firmware) -> tuple[Any, int, int, int]:
    """The emulated core, and its names for program counter, stack pointer and second argument."""
    unicorn, board = _unicorn(), firmware.board
    if board.emulated_cpu not in _CPUS[board.isa]:
        raise InputError(
            f'{board.name}: emulated_cpu "{board.emulated_cpu}" is unknown; '
            f"{nearest(board.emulated_cpu, _CPUS[board.isa])}",
            code="E-BOARD-FILE",
        )
    constants, architecture, mode, prefix, second = {
        "thumb": (
            unicorn.arm_const, unicorn.UC_ARCH_ARM,
            unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS, "UC_ARM_REG_", "R1",
        ),
        "aarch64": (
            unicorn.arm64_const, unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM, "UC_ARM64_REG_", "X1",
        ),
        "riscv32": (
            unicorn.riscv_const, unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32, "UC_RISCV_REG_",
            "A1",
        ),
    }[board.isa]  # fmt: skip
    uc = unicorn.Uc(architecture, mode)
    uc.ctl_set_cpu_model(getattr(constants, _CPUS[board.isa][board.emulated_cpu]))
    pc, sp, argument = (getattr(constants, prefix + name) for name in ("PC", "SP", second))
    return uc, pc, sp, argument
