"""The boards that metabit knows: memory, core, clock, caches, power; `boards/` has their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast

from metabit.errors import InputError, nearest
from metabit.firmware_sim.toml_table import BoardTable, Range, read_toml

Isa = Literal["thumb", "aarch64", "riscv32", "none"]
#: Instruction sets that an emulated core runs.
ISAS = ("thumb", "aarch64", "riscv32")

FOLDER = Path(__file__).parent / "boards"
#: Clock and serial port of boards whose firmware runs by itself.
BOARD_FILES = Path(__file__).parent / "standalone" / "boards"
EXACT: Range = (1.0, 1.0, 1.0)
#: Memory is mapped by such pages.
PAGE = 4096
#: Where the registers of a Cortex-M lie; no memory can.
SYSTEM = range(0xE0000000, 1 << 32)


@dataclass(frozen=True)
class Region:
    """A stretch of memory."""

    origin: int
    bytes: int

    @property
    def end(self) -> int:
        """First address after it."""
        return self.origin + self.bytes


@dataclass(frozen=True)
class Cache:
    """One cache, in the order in which an access looks at them.

    Attributes:
        name: for people.
        serves: what looks into it: "code", "data" or "both".
        of: what it keeps: "flash", or "all" of the memory.
        bytes, ways, line_bytes: its shape.
        miss_cycles: what a miss costs, where the next cache, or the memory, has it.
    """

    name: str
    serves: str
    of: str
    bytes: int
    ways: int
    line_bytes: int
    miss_cycles: Range


@dataclass(frozen=True)
class Standalone:
    """What firmware that runs by itself needs of a board.

    Attributes:
        sources: C and assembly files: clock, serial port, what a boot ROM looks for.
        flash: C file that erases and writes the chip's flash; None where metabit has none.
        clock_hz: how fast the core runs with these files; 0 where that is not known.
        clock: in words: where that comes from.
        serial: in words: which port, which pins.
        uf2_family: by which a UF2 boot loader knows its chip; 0 when it has none.
        data_window: where data in flash is read; 0: where its code is.
        commands: lines that flash the image, in the folder where it lies.
    """

    sources: tuple[Path, ...]
    flash: Path | None
    clock_hz: int
    clock: str
    serial: str
    uf2_family: int
    data_window: int
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Board:
    """One board, as its TOML file has it.

    Attributes:
        name: how it is chosen.
        title: what it is, for people.
        core: name of the cost model of its core.
        clock_hz: of the core, as it mostly runs.
        clock_range: the slowest, the usual and the fastest clock: some boards throttle.
        isa: instruction set the emulator runs; "none": the board can only be planned for.
        flags: target flags of the cross compiler.
        emulated_cpu: key of the emulator's CPU models.
        ram: all of it.
        flash: memory that code and model run from; None when they are loaded into RAM.
        load_at: where code starts when there is no flash.
        stack_bytes: what the firmware reserves for the stack.
        page_bytes, endurance_cycles: flash erase unit, and erasures it lasts; 0 when unknown.
        fetch_factor: cycles are multiplied by it for fetching instructions.
        caches: in the order in which an access looks at them.
        memory_bytes_per_s: speed of the memory after the last cache; 0: as `miss_cycles` says.
        active_mw: power while the core runs; None when unknown.
        power_covers: what that power includes.
        sources: where the figures are from, by what they are about.
        standalone: how firmware runs there by itself; None where metabit does not know.
    """

    name: str
    title: str
    core: str
    clock_hz: int
    clock_range: Range
    isa: Isa
    flags: tuple[str, ...]
    emulated_cpu: str
    ram: Region
    flash: Region | None
    load_at: int
    stack_bytes: int
    page_bytes: int = 0
    endurance_cycles: int = 0
    fetch_factor: Range = EXACT
    caches: tuple[Cache, ...] = ()
    memory_bytes_per_s: int = 0
    active_mw: Range | None = None
    power_covers: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    standalone: Standalone | None = None

    @property
    def emulated(self) -> bool:
        """Whether the firmware can be built for it and run here."""
        return self.isa != "none"

    @property
    def panels(self) -> bool:
        """Whether its kernels want weights interleaved in RAM: those for vector registers do."""
        return self.isa == "aarch64"

    @property
    def ram_bytes(self) -> int:
        """RAM in all."""
        return self.ram.bytes

    @property
    def flash_bytes(self) -> int:
        """Flash in all; 0 when code and model are in RAM."""
        return 0 if self.flash is None else self.flash.bytes

    def without_limits(self) -> Board:
        """The same core with memory up to whatever lies next, to measure what does not fit."""
        if self.flash is None:
            return replace(self, ram=_grown(self.ram, ()))
        ram, flash = _grown(self.ram, (self.flash,)), _grown(self.flash, (self.ram,))
        return replace(self, ram=ram, flash=flash)

    def with_one_window(self) -> Board:
        """The same board as the emulated core shows its flash: data where the code is."""
        if self.standalone is None:
            return self
        return replace(self, standalone=replace(self.standalone, data_window=0))


def _grown(region: Region, others: tuple[Region, ...]) -> Region:
    """The region made longer: by 1 GiB, or to where the next one begins."""
    borders = [SYSTEM.start, *(o.origin for o in others), region.origin + (1 << 30)]
    return Region(region.origin, min(b for b in borders if b >= region.end) - region.origin)


def names() -> list[str]:
    """Names of the boards that come with metabit."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str | Path) -> Board:
    """A board by its name, or from a TOML file of your own.

    Args:
        name: one of `names()`, or a path that ends in .toml.

    Raises:
        InputError: no such board (the nearest name is given), or a file that says something wrong.
    """
    text = str(name)
    path = Path(text) if text.endswith(".toml") else FOLDER / f"{text}.toml"
    if not text.endswith(".toml") and text not in names():
        raise InputError(
            f'board "{text}" is unknown; {nearest(text, names())} '
            "A path to a TOML file of your own works too.",
            code="E-BOARD",
        )
    return _parse(read_toml(path, "board file"), path.parent)


def _parse(table: BoardTable, folder: Path) -> Board:
    """A board from its TOML file; every key is checked."""
    target, memory = table.table("target", optional=True), table.table("memory")
    flash, timing = table.table("flash", optional=True), table.table("timing", optional=True)
    power, sources = table.table("power", optional=True), table.table("sources", optional=True)
    standalone = table.table("standalone", optional=True)
    caches = table.tables("cache")
    clock = table.number_or_range("clock_hz", least=1000)  # less was meant in MHz
    planned_only = "target" not in table
    ram = _region(memory, "ram")
    board = Board(
        name=table.take("name", str),
        title=table.take("title", str),
        core=table.take("core", str),
        clock_hz=int(clock[1]),
        clock_range=clock,
        isa="none" if planned_only else cast(Isa, target.choice("isa", ISAS)),
        flags=() if planned_only else target.words("flags"),
        emulated_cpu="" if planned_only else target.take("emulated_cpu", str),
        ram=ram,
        flash=_region(memory, "flash") if "flash" in memory else None,
        load_at=memory.number("load_at", default=ram.origin),
        stack_bytes=memory.number("stack_bytes", least=256),
        page_bytes=flash.number("page_bytes", default=0),
        endurance_cycles=flash.number("endurance_cycles", default=0),
        fetch_factor=timing.range("fetch_factor") or EXACT,
        caches=tuple(map(_cache, caches)),
        memory_bytes_per_s=timing.number("memory_bytes_per_s", default=0),
        active_mw=power.range("active_mw"),
        power_covers=power.take("covers", str, ""),
        sources=sources.texts(),
        standalone=_standalone(standalone, folder) if "standalone" in table else None,
    )
    for part in (table, target, memory, flash, timing, power, standalone, *caches):
        part.finish()
    _check(board, memory)
    return board


def _region(memory: BoardTable, key: str) -> Region:
    """A table of origin and bytes."""
    part = memory.table(key)
    region = Region(part.number("origin"), part.number("bytes", least=PAGE))
    part.finish()
    if region.origin % PAGE or region.bytes % PAGE or region.end > 1 << 32:
        raise memory.wrong(f"{key} must start and end at multiples of {PAGE}, below 4 GiB")
    return region


def _standalone(part: BoardTable, folder: Path) -> Standalone:
    """Files lie beside the board's own, or come with metabit."""

    def found(key: str, name: str) -> Path:
        places = [place / name for place in (folder, BOARD_FILES) if (place / name).is_file()]
        if not places:
            raise part.wrong(f'{key}: there is no "{name}" in {folder} or in {BOARD_FILES}')
        return places[0].resolve()

    flash = part.take("flash", str, "")
    return Standalone(
        sources=tuple(found("sources", name) for name in part.words("sources")),
        flash=found("flash", flash) if flash else None,
        clock_hz=part.number("clock_hz"),
        clock=part.take("clock", str),
        serial=part.take("serial", str),
        uf2_family=part.number("uf2_family", default=0),
        data_window=part.number("data_window", default=0),
        commands=part.words("commands"),
    )


def _cache(part: BoardTable) -> Cache:
    cache = Cache(
        name=part.take("name", str),
        serves=part.choice("serves", ("code", "data", "both")),
        of=part.choice("of", ("flash", "all")),
        bytes=part.number("bytes", least=1),
        ways=part.number("ways", least=1),
        line_bytes=part.number("line_bytes", least=4),
        miss_cycles=part.number_or_range("miss_cycles"),
    )
    if cache.line_bytes & (cache.line_bytes - 1) or cache.bytes % (cache.ways * cache.line_bytes):
        raise part.wrong(
            "line_bytes must be a power of two, and bytes a multiple of ways * line_bytes"
        )
    return cache


def _check(board: Board, memory: BoardTable) -> None:
    """Refuse a memory map on which no firmware can start."""
    ram, flash = board.ram, board.flash
    if flash is None and board.isa in ("thumb", "riscv32"):
        raise memory.wrong(f"a {board.isa} board needs flash: its start-up code lies there")
    if flash is not None and ram.origin < flash.end and flash.origin < ram.end:
        raise memory.wrong("ram and flash overlap")
    if board.isa == "thumb" and max(r.end for r in (ram, flash or ram)) > SYSTEM.start:
        raise memory.wrong(f"ram and flash must end below {SYSTEM.start:#x}, where registers lie")
    if board.load_at % PAGE or not ram.origin <= board.load_at < ram.end:
        raise memory.wrong(f"load_at must be a multiple of {PAGE} within ram")
    if board.standalone and board.standalone.flash and not (board.flash and board.page_bytes):
        raise memory.wrong("standalone.flash needs a flash and its page_bytes")
    if board.stack_bytes % 16 or board.stack_bytes >= ram.bytes:
        raise memory.wrong("stack_bytes must be a multiple of 16, and less than ram")
