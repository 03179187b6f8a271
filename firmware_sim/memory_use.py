"""RAM and flash of a linked firmware by part, and the one refusal where it is too much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from metabit.edge_runtime.plan import PARTS, Plan
from metabit.edge_runtime.sizes import format_kib
from metabit.errors import BudgetError
from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.build import Firmware


@dataclass(frozen=True)
class MemoryUse:
    """One kind of memory: what is in it, and how much there is.

    Attributes:
        parts: bytes by part, in words for people; they sum to `used_bytes`.
        available_bytes: what the board has; 0 when it has no such memory.
    """

    parts: Mapping[str, int]
    available_bytes: int

    @property
    def used_bytes(self) -> int:
        """Sum of the parts."""
        return sum(self.parts.values())

    @property
    def over_bytes(self) -> int:
        """How much is missing; 0 when it fits."""
        return max(self.used_bytes - self.available_bytes, 0)

    def largest(self) -> list[tuple[str, int]]:
        """The parts that take bytes, the largest first."""
        parts = [(part, n_bytes) for part, n_bytes in self.parts.items() if n_bytes]
        return sorted(parts, key=lambda part: -part[1])

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "parts": dict(self.parts),
            "used_bytes": self.used_bytes,
            "available_bytes": self.available_bytes,
            "over_bytes": self.over_bytes,
        }


def memory_of(
    board: Board, firmware: Firmware, plan: Plan, kept_bytes: int = 0
) -> tuple[MemoryUse, MemoryUse]:
    """RAM and flash by part.

    Args:
        board: says what there is.
        firmware: as linked, for this board or for the same without limits.
        plan: of the arena.
        kept_bytes: of flash that is for what is learnt.
    """
    arena = {PARTS[name]: n_bytes for name, n_bytes in plan.parts.items() if n_bytes}
    ram = arena | {
        "sample, label and score buffers": firmware.section_bytes(".buffers"),
        "firmware variables": firmware.data_bytes + firmware.bss_bytes,
        "stack, reserved": board.stack_bytes,
    }
    code = _code(firmware)
    if board.flash is None:
        ram |= code
    # What alignment leaves empty is memory that nothing else can use.
    first = board.ram.origin if board.flash is not None else board.load_at
    gaps = firmware.program.symbols["fw_ram_end"] - first - sum(ram.values())
    ram |= {"alignment": gaps} if gaps else {}
    if board.flash is None:
        return MemoryUse(ram, board.ram.end - board.load_at), MemoryUse({}, 0)
    flash_end = firmware.program.symbols["fw_flash_end"]
    code |= {"alignment": flash_end - board.flash.origin - sum(code.values())}
    code |= {"slots for what is learnt": kept_bytes} if kept_bytes else {}
    return MemoryUse(ram, board.ram.bytes), MemoryUse(code, board.flash.bytes)


def _code(firmware: Firmware) -> dict[str, int]:
    """What is not written at run time, by part."""
    at = firmware.program.symbols
    return {
        "metabit core": at["fw_core_end"] - at["fw_text_start"],
        "start-up and mailbox": at["fw_firmware_end"]
        - at["fw_core_end"]
        + firmware.section_bytes(".vectors"),
        "compiler's run-time library": at["fw_text_end"] - at["fw_firmware_end"],
        "constants": firmware.section_bytes(".rodata") + firmware.data_bytes,
        "model": firmware.section_bytes(".model"),
    }


def too_large(where: str, board: str, choice: str, ram: MemoryUse, flash: MemoryUse) -> BudgetError:
    """The refusal of what does not fit: what is missing, the largest parts, and what to do."""
    words = [f"{where}: {choice} does not fit {board}"]
    for name, memory in (("RAM", ram), ("flash", flash)):
        if memory.over_bytes:
            parts = ", ".join(f"{part} {format_kib(n)}" for part, n in memory.largest()[:3])
            words.append(
                f"{format_kib(memory.over_bytes)} of {name} are missing (largest parts: {parts})"
            )
    return BudgetError(
        "; ".join(words) + ". Let fewer layers learn, or use --bits 4 or a smaller network",
        code="E-BUDGET",
    )
