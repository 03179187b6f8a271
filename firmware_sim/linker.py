"""The linker script of a board: where code, constants, model, stack, data and arena lie."""

from __future__ import annotations

from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.keeping import LEAST_SLOTS, MOST_SLOTS

# The stack comes first in RAM: a stack that grows too far leaves RAM and faults, instead of
# writing over data. Boundary symbols split .text into the core, the firmware around it, and the
# compiler's own run-time library. .header and .image_def, which a boot ROM looks for, are empty on
# most boards. The image's arena and buffers keep what they hold: nothing clears them.
_CODE = """
  .header : {{ KEEP(*(.header)) }} > {code}
  .vectors : {{ KEEP(*(.vectors)) }} > {code}
  .image_def : {{ KEEP(*(.image_def)) }} > {code}
  .text : {{
    fw_text_start = .;
    *core/*.o(.text .text.*)
    fw_core_end = .;
    *firmware/*.o(.text .text.*)
    fw_firmware_end = .;
    *(.text .text.*)
    fw_text_end = .;{align}
  }} > {code}{passed}
  .rodata : {{ *(.rodata .rodata.*) }} > {data}
  .model : ALIGN(64) {{ KEEP(*(.model)) }} > {data}
  fw_code_end = .;
"""
# Where flash is seen in a second window for data, constants lie as far in as they do in flash.
_PASSED = """
  .passed (NOLOAD) : {{ . += LOADADDR(.text) + SIZEOF(.text) - {flash:#x}; }} > WINDOW"""
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
  fw_data_load = LOADADDR(.data){window};
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
  fw_keep = {end:#x}{window} - MIN(({end:#x} - fw_flash_end) / {slot}, {most}) * {slot};
  fw_keep_end = {end:#x}{window};
"""


def script(board: Board, slot: int = 0, data_window: int = 0) -> str:
    """The linker script for a board's memory.

    Args:
        board: its memory.
        slot: bytes of a slot for what is learnt; 0 where nothing is kept in flash.
        data_window: where data in flash is read, if not where its code is.
    """
    start = board.ram.origin if board.flash is not None else board.load_at
    memory = [f"  RAM (rwx) : ORIGIN = {start:#x}, LENGTH = {board.ram.end - start:#x}"]
    code = data = "RAM"
    load = passed = window = align = ""
    if board.flash is not None:
        flash = board.flash
        left = flash.bytes - LEAST_SLOTS * slot
        memory.append(f"  FLASH (rx) : ORIGIN = {flash.origin:#x}, LENGTH = {left:#x}")
        code, data, load = "FLASH", "FLASH", " AT > FLASH"
        if data_window:
            memory.append(f"  WINDOW (r) : ORIGIN = {data_window:#x}, LENGTH = {left:#x}")
            data, align = "WINDOW AT > FLASH", "\n    . = ALIGN(64);"
            passed = _PASSED.format(flash=flash.origin)
            window = f" - {flash.origin:#x} + {data_window:#x}"
    # Without flash, code and model share RAM with the rest; a page border lets them be protected.
    parts = [
        _CODE.format(code=code, data=data, align=align, passed=passed),
        _STACK.format(stack=board.stack_bytes, align=4096 if board.flash is None else 8),
        _DATA.format(load=load, window=window),
    ]
    if board.flash is not None and slot:
        parts.append(_KEPT.format(end=board.flash.end, slot=slot, most=MOST_SLOTS, window=window))
    regions = "\n".join(memory)
    return f"MEMORY\n{{\n{regions}\n}}\nENTRY(fw_reset)\nSECTIONS\n{{{''.join(parts)}}}\n"
