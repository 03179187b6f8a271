"""Firmware that a board runs by itself: core, one model, and the board's clock and serial port."""

from __future__ import annotations

import json
import struct
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from metabit.edge_runtime.options import Options
from metabit.edge_runtime.plan import Goal, Learn
from metabit.errors import BudgetError, InputError
from metabit.export.blob import ModelSource
from metabit.firmware_sim import boards, linker, session
from metabit.firmware_sim.boards import Board, Standalone
from metabit.firmware_sim.build import (
    C_FLAGS,
    COMMON,
    FIRMWARE,
    LINK_FLAGS,
    SECTION_FLAGS,
    START,
    Firmware,
    Image,
    compile_objects,
    image_source,
    kept_objects,
    run_zig,
)
from metabit.firmware_sim.deploy.image_files import crc32_of_rp2040
from metabit.firmware_sim.elf import Elf
from metabit.firmware_sim.elf import parse as parse_elf
from metabit.firmware_sim.keeping import LEAST_SLOTS, slot_bytes
from metabit.firmware_sim.memory_use import memory_of, too_large
from metabit.firmware_sim.session import Session

STANDALONE = Path(__file__).parents[1] / "standalone"


@dataclass(frozen=True)
class FlashImage:
    """A firmware that stands alone.

    Attributes:
        board: what it runs on.
        parts: the board's clock, serial port and commands.
        choice: what learns, in words.
        elf: the linked program.
        program: the same, parsed.
        slot_bytes: of a slot for what is learnt; 0 where nothing is kept.
        learn_again: the most samples that a start learns again; 0: states are kept.
    """

    board: Board
    parts: Standalone
    choice: str
    elf: bytes
    program: Elf
    slot_bytes: int
    learn_again: int

    @property
    def n_slots(self) -> int:
        """Slots for what is learnt, which take turns."""
        if not self.slot_bytes:
            return 0
        at = self.program.symbols
        return (at["fw_keep_end"] - at["fw_keep"]) // self.slot_bytes

    def map(self) -> str:
        """What lies where: sections, then functions and variables, by address."""
        own = (one for one in self.program.sections.values() if one.name != ".passed")
        sections = sorted(own, key=lambda one: one.address)
        lines = ["address     bytes       section"]
        lines += [f"{one.address:#010x}  {one.bytes:>10,}  {one.name}" for one in sections]
        lines += ["", "address     symbol"]
        named = sorted(
            (address, name)
            for name, address in self.program.symbols.items()
            if not name.endswith(".c")  # names of source files have no address
        )
        lines += [f"{address:#010x}  {name}" for address, name in named]
        return "\n".join(lines) + "\n"


def flash_image(
    source: ModelSource,
    board_name: str | Path,
    *,
    learn: Learn = "auto",
    goal: Goal | None = None,
    bits: int = 0,
    bank: int = 0,
    batch: int = 0,
    contexts: int | None = None,
    storage: bool = True,
    learn_again: int = 0,
) -> FlashImage:
    """Build the firmware of a model for a board.

    Args:
        source: a .mbit file, or its bytes.
        board_name: see `boards.load`.
        learn, goal, bits, bank, batch, contexts: as for `profile`.
        storage: keep what is learnt in the board's flash, where metabit can write it.
        learn_again: keep it as samples, of which a start learns at most so many again; 0: as
            states.

    Raises:
        InputError: the board can only be planned for (E-BOARD-PLAN); metabit does not know its
            clock and serial port (E-BOARD-ALONE); or nothing is kept that could be learnt again
            (E-KEEP).
        BudgetError: it does not fit the board.
        MetabitError: the toolchain is missing (E-TOOLCHAIN), or it failed (E-BUILD).
    """
    board = boards.load(board_name)
    session.refuse_plan_only(board)
    if board.standalone is None:
        raise InputError(
            f"{board.name}: its file has no table [standalone], which names clock and serial port "
            "for firmware that runs by itself; add one (firmware_sim/standalone/boards has "
            "examples), or take the C sources of `metabit export FILE --to c`",
            code="E-BOARD-ALONE",
        )
    options = Options(state_bits=bits, bank=bank, batch=batch, contexts=contexts)
    running = session.start(source, board, learn, options, goal=goal)
    parts = board.standalone
    keeps, slot = _storage(running, parts.flash if storage else None, learn_again)
    if learn_again and not slot:
        why = "nothing learns" if not running.state_bytes else "its flash is not written"
        raise InputError(
            f"{running.where} on {board.name}: samples are to be learnt again, but {why}; leave "
            "out --learn-again, or let it learn and keep what it learns",
            code="E-KEEP",
        )
    sources = (*parts.sources, STANDALONE / "cycles.c", *keeps)
    made = _fitted(running, sources, parts.clock_hz, slot, learn_again)
    return FlashImage(board, parts, running.plan.choice, made.elf, made.program, slot, learn_again)


def debug_image(
    source: ModelSource, board: Board, learn: Learn, options: Options, *,
    emulated: bool, keeps_at_host: bool,
) -> tuple[Firmware, Session]:  # fmt: skip
    """Build the same firmware with a line that goes through memory, for a core that stands still
    meanwhile: an emulated core, or a core that a debug server holds. Clocks stay as they are.

    Args:
        source: a .mbit file, or its bytes.
        board, learn, options: as for `session.start`.
        emulated: nothing but the core and the memory is there: no flash that can be written, and
            no counter of cycles.
        keeps_at_host: what is committed goes to the host, where the board has no flash for it.

    Returns:
        the firmware, and the model beside it on this machine.

    Raises:
        BudgetError, MetabitError: as `flash_image`.
    """
    board = board.with_one_window() if emulated else board
    running = session.start(source, board, learn, options)
    own = None if emulated or board.standalone is None else board.standalone.flash
    keeps, slot = _storage(running, own)
    if not slot and keeps_at_host:
        keeps = (STANDALONE / "keep_at_host.c",)
    cycles = STANDALONE / ("cycles_none.c" if emulated else "cycles.c")
    return _fitted(running, (STANDALONE / "debug_line.c", cycles, *keeps), 0, slot), running


def _storage(
    running: Session, flash: Path | None, learn_again: int = 0
) -> tuple[tuple[Path, ...], int]:
    """Sources that keep what is learnt, and bytes of a slot; 0: nothing is kept in flash."""
    if flash is None or not running.state_bytes:
        return (STANDALONE / "keep_nothing.c",), 0
    keeps = "keep_samples.c" if learn_again else "keep_in_flash.c"
    sources = (STANDALONE / keeps, STANDALONE / "keep_area.c", flash)
    return sources, slot_bytes(running.board, running.state_bytes)


def _fitted(
    running: Session, sources: Sequence[Path], clock_hz: int, slot: int, learn_again: int = 0
) -> Firmware:
    """The firmware, or the refusal where it does not fit."""
    board, choice = running.board, running.plan.choice
    try:
        return _link(board, sources, clock_hz, running.image, choice, slot, learn_again)
    except BudgetError:
        limitless = board.without_limits()
        made = _link(limitless, sources, clock_hz, running.image, choice, slot, learn_again)
        use = memory_of(board, made, running.plan, LEAST_SLOTS * slot)
        raise too_large(running.where, board.name, choice, *use) from None


def _link(
    board: Board, sources: Sequence[Path], clock_hz: int, image: Image, choice: str, slot: int,
    learn_again: int,
) -> Firmware:  # fmt: skip
    window = 0 if board.standalone is None else board.standalone.data_window
    flags = (*board.flags, *C_FLAGS, *SECTION_FLAGS, f"-I{FIRMWARE}", f"-I{STANDALONE}")
    start = FIRMWARE / START[board.isa]
    own = [STANDALONE / "main.c", *COMMON, start, *sources]
    made = kept_objects({"firmware": own}, flags, board.name)
    with tempfile.TemporaryDirectory(prefix="metabit-image-") as folder:
        work = Path(folder)
        (work / "model.mbit").write_bytes(image.blob)
        (work / "image.S").write_text(image_source(image))
        (work / "alone.S").write_text(_alone(board, clock_hz, choice, image, slot, learn_again))
        (work / "link.ld").write_text(linker.script(board, slot, window))
        core = compile_objects(board).glob("core/*.o")
        objects = sorted(map(str, [*core, *made.glob("firmware/*.o")]))
        link = ("-T", "link.ld", *LINK_FLAGS, "-o", "firmware.elf")
        run_zig([*board.flags, *objects, "image.S", "alone.S", *link], work, board.name)
        elf = _with_crc((work / "firmware.elf").read_bytes(), thumb=board.isa == "thumb")
    return Firmware(board, elf, parse_elf(elf, thumb=board.isa == "thumb"), image.options.batch)


def _alone(
    board: Board, clock_hz: int, choice: str, image: Image, slot: int, learn_again: int
) -> str:
    """Assembly source of what the firmware says of itself, and of the buffer of its line."""
    lines = ['  .section .rodata.words, "a", %progbits']
    for name, text in (("fw_board_name", board.name), ("fw_choice", choice)):
        lines += [f"  .global {name}", f"{name}: .asciz {json.dumps(text)}"]
    lines += [
        "  .balign 4",
        "  .global fw_clock_hz, fw_keep_page_bytes, fw_keep_slot_bytes",
        f"fw_clock_hz: .4byte {clock_hz}",
        f"fw_keep_page_bytes: .4byte {board.page_bytes}",
        f"fw_keep_slot_bytes: .4byte {slot}",
        "  .global fw_frames",
        "  .balign 8",
        f"fw_frames: .dc.a {'mb_link_frames' if image.n_channels else 0}",
        '  .section .buffers, "aw", %nobits',
        "  .balign 8",
        "  .global fw_line_buffer, fw_line_buffer_end",
        f"fw_line_buffer: .space {_line_bytes(image)}",
        "fw_line_buffer_end:",
    ]
    if learn_again:  # MB_JOURNAL_STEP_BYTES of metabit_journal.h
        lines += [
            "  .balign 8",
            "  .global fw_step, fw_step_end",
            f"fw_step: .space {max(image.options.batch, 1) * (image.n_inputs + 4)}",
            "fw_step_end:",
            '  .section .rodata.words, "a", %progbits',
            "  .balign 4",
            "  .global fw_most_again",
            f"fw_most_again: .4byte {learn_again}",
        ]
    return "\n".join(lines) + "\n"


def _line_bytes(image: Image) -> int:
    """MB_LINK_BUFFER_BYTES of metabit_link.h, and room for 32 frames of a sensor."""
    batch = max(image.options.batch, 1)
    frame = 256 + batch * (image.n_inputs + 4) + 4 * image.n_outputs
    frame = max(frame, 24 + 32 * 2 * image.n_channels)
    return 2 * (-(-frame // 8) * 8)


def _with_crc(elf: bytes, *, thumb: bool) -> bytes:
    """The file with the CRC at the end of a second boot stage, where there is one."""
    program = parse_elf(elf, thumb=thumb)
    if "fw_boot2" not in program.symbols:
        return elf
    section = program.sections[".header"]
    (stage,) = _stored(program, section.address, section.bytes)
    assert elf.count(stage) == 1, "the second boot stage is there once"
    code = stage[:-4]
    return elf.replace(stage, code + struct.pack("<I", crc32_of_rp2040(code)))


def _stored(program: Elf, address: int, n_bytes: int) -> Iterator[bytes]:
    """What the image stores from an address on."""
    for start, content in program.segments:
        if start <= address < start + len(content):
            yield content[address - start : address - start + n_bytes]
