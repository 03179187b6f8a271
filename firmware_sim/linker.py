"""The linker script of a board: where code, constants, model, stack, data and arena lie."""

from __future__ import annotations

from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.keeping import LEAST_SLOTS, MOST_SLOTS

# The stack comes first in RAM: a stack that grows too far leaves RAM and faults, instead of
# writing over data. Boundary symbols split .text into the core, the firmware around it, and the
# compiler's own run-time library. .boot2 and .image_def, which a boot ROM looks for, are empty on
# most boards. The image's arena and buffers keep what they hold: nothing clears them.
_CODE = """
  .boot2 : {{ KEEP(*(.boot2)) }} > {code}
  .vectors : {{ KEEP(*(.vectors)) }} > {code}
  .image_def : {{ KEEP(*(.image_def)) }} > {code}
  .text : {{
    fw_text_start = .;
    *core/*.o(.text .text.*)
    fw_core_end = .;
    *firmware/*.o(.text .text.*)
    fw_firmware_end = .;
    *(.text .text.*)
    fw_text_end = .;
  }} > {code}
  .rodata : {{ *(.rodata .rodata.*) }} > {code}
  .model : ALIGN(64) {{ KEEP(*(.model)) }} > {code}
  fw_code_end = .;
"""
_STACK = """
  .stack (NOLOAD) : ALIGN({align}) {{
    fw_stack_low = .;
    . += {stack};
    fw_stack_high = .;
  }} > RAM
"""
_DATA = """
  .data : ALIGN(8) {{
    fw_data_start = .;
    *(.data .data.*)
    . = ALIGN(8);
    fw_data_end = .;
  }} > RAM{load}
  fw_data_load = LOADADDR(.data);
  fw_flash_end = LOADADDR(.data) + SIZEOF(.data);
  .bss (NOLOAD) : ALIGN(8) {{
    fw_bss_start = .;
    *(.bss .bss.* COMMON)
    . = ALIGN(8);
    fw_bss_end = .;
  }} > RAM
  .buffers (NOLOAD) : ALIGN(8) {{ *(.buffers) }} > RAM
  .arena (NOLOAD) : ALIGN(8) {{ *(.arena) }} > RAM
  fw_ram_end = .;
  /DISCARD/ : {{ *(.ARM.exidx* .ARM.extab* .eh_frame* .comment) }}
"""
# Slots for what is learnt take the end of the flash: as many as the program leaves free.
_KEPT = """
  fw_keep = {end:#x} - MIN(({end:#x} - fw_flash_end) / {slot}, {most}) * {slot};
  fw_keep_end = {end:#x};
"""


def script(board: Board, slot: int = 0) -> str:
    """The linker script for a board's memory.

    Args:
        board: its memory.
        slot: bytes of a slot for what is learnt; 0 where nothing is kept in flash.
    """
    start = board.ram.origin if board.flash is not None else board.load_at
    memory = [f"  RAM (rwx) : ORIGIN = {start:#x}, LENGTH = {board.ram.end - start:#x}"]
    if board.flash is not None:
        flash = board.flash
        left = flash.bytes - LEAST_SLOTS * slot
        memory.append(f"  FLASH (rx) : ORIGIN = {flash.origin:#x}, LENGTH = {left:#x}")
    # Without flash, code and model share RAM with the rest; a page border lets them be protected.
    in_flash = board.flash is not None
    parts = [
        _CODE.format(code="FLASH" if in_flash else "RAM"),
        _STACK.format(stack=board.stack_bytes, align=8 if in_flash else 4096),
        _DATA.format(load=" AT > FLASH" if in_flash else ""),
    ]
    if board.flash is not None and slot:
        parts.append(_KEPT.format(end=board.flash.end, slot=slot, most=MOST_SLOTS))
    regions = "\n".join(memory)
    return f"MEMORY\n{{\n{regions}\n}}\nENTRY(fw_reset)\nSECTIONS\n{{{''.join(parts)}}}\n"
