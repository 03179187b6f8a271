"""The boards that metabit knows: memory, core, clock, power. One TOML file each, in `boards/`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from metabit.errors import InputError, nearest

Isa = Literal["thumb", "aarch64"]
#: Low, typical and high: an estimate with its error bar.
Range = tuple[float, float, float]

FOLDER = Path(__file__).parent / "boards"
EXACT: Range = (1.0, 1.0, 1.0)


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
class Board:
    """One board, as its TOML file has it.

    Attributes:
        name: how it is chosen.
        title: what it is, for people.
        core: key of the cost tables in `latency.py`.
        clock_hz: of the core.
        isa: instruction set the emulator runs.
        flags: target flags of the cross compiler.
        emulated_cpu: key of the emulator's CPU models.
        ram: all of it.
        flash: memory that code and model run from; None when they are loaded into RAM.
        load_at: where code starts when there is no flash.
        stack_bytes: what the firmware reserves for the stack.
        page_bytes, endurance_cycles: flash erase unit, and erasures it lasts; 0 when unknown.
        fetch_factor: cycles are multiplied by it for fetching instructions.
        cache_bytes, memory_bytes_per_s: last cache, and the speed of memory after it; 0: none.
        active_mw: power while the core runs; None when unknown.
        power_covers: what that power includes.
    """

    name: str
    title: str
    core: str
    clock_hz: int
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
    cache_bytes: int = 0
    memory_bytes_per_s: int = 0
    active_mw: Range | None = None
    power_covers: str = ""

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
        """The same core with memory enough for anything, to measure what does not fit."""
        huge = 1 << 29
        flash = None if self.flash is None else Region(self.flash.origin, huge - self.flash.origin)
        return replace(self, ram=Region(self.ram.origin, 2 * huge), flash=flash)


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
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"cannot read board file {path}: {error.strerror}", code="E-BOARD"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"board file {path} is not TOML: {error}", code="E-BOARD-FILE") from error
    except RecursionError as error:
        raise InputError(
            f"board file {path} is nested deeper than TOML is read", code="E-BOARD-FILE"
        ) from error
    return parse(values, str(path))


def parse(values: Mapping[str, Any], where: str) -> Board:
    """A board from the values of a TOML file; every key is checked."""
    table = _Table(values, where, "")
    target, memory = table.table("target"), table.table("memory")
    flash, timing = table.table("flash", optional=True), table.table("timing", optional=True)
    power = table.table("power", optional=True)
    ram = memory.region("ram")
    board = Board(
        name=table.take("name", str),
        title=table.take("title", str),
        core=table.take("core", str),
        clock_hz=table.number("clock_hz", least=1),
        isa=_isa(target.take("isa", str), where),
        flags=target.words("flags"),
        emulated_cpu=target.take("emulated_cpu", str),
        ram=ram,
        flash=memory.region("flash") if "flash" in memory else None,
        load_at=memory.number("load_at", default=ram.origin),
        stack_bytes=memory.number("stack_bytes", least=256),
        page_bytes=flash.number("page_bytes", default=0),
        endurance_cycles=flash.number("endurance_cycles", default=0),
        fetch_factor=timing.range("fetch_factor") or EXACT,
        cache_bytes=timing.number("cache_bytes", default=0),
        memory_bytes_per_s=timing.number("memory_bytes_per_s", default=0),
        active_mw=power.range("active_mw"),
        power_covers=power.take("covers", str, ""),
    )
    for part in (table, target, memory, flash, timing, power):
        part.finish()
    if board.isa == "thumb" and board.flash is None:
        raise InputError(
            f"{where}: a thumb board needs [memory] flash: its vector table lies there",
            code="E-BOARD-FILE",
        )
    return board


def _isa(text: str, where: str) -> Isa:
    if text == "thumb" or text == "aarch64":
        return text  # type: ignore[return-value]
    raise InputError(
        f'{where}: [target] isa = "{text}" is unknown; {nearest(text, ("thumb", "aarch64"))}',
        code="E-BOARD-FILE",
    )


_REQUIRED = object()


class _Table:
    """A TOML table that names what is missing, of the wrong type, or not understood."""

    def __init__(self, values: Mapping[str, Any], where: str, section: str) -> None:
        self._values, self._where, self._section = values, where, section
        self._known: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def wrong(self, what: str) -> InputError:
        """The error for this table."""
        section = f" [{self._section}]" if self._section else ""
        return InputError(f"{self._where}:{section} {what}", code="E-BOARD-FILE")

    def take(self, key: str, kind: type, default: object = _REQUIRED) -> Any:
        """One value of the given type."""
        self._known.add(key)
        if key not in self._values and default is not _REQUIRED:
            return default
        if key not in self._values:
            raise self.wrong(f"{key} is missing")
        value = self._values[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.wrong(f"{key} must be of type {kind.__name__}, found {value!r}")
        return value

    def number(self, key: str, *, default: int | None = None, least: int = 0) -> int:
        """An integer that is not too small."""
        value = self.take(key, int, _REQUIRED if default is None else default)
        if value < least:
            raise self.wrong(f"{key} = {value} is below {least}")
        return int(value)

    def words(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        value = self.take(key, list)
        if not all(isinstance(word, str) for word in value):
            raise self.wrong(f"{key} must be a list of strings")
        return tuple(value)

    def range(self, key: str) -> Range | None:
        """Three growing numbers, or None when the key is not there."""
        value = self.take(key, list, None)
        if value is None:
            return None
        if (
            len(value) != 3
            or not all(isinstance(v, int | float) and v >= 0 for v in value)
            or sorted(value) != value
        ):
            raise self.wrong(f"{key} must be three numbers: low, typical, high")
        return (float(value[0]), float(value[1]), float(value[2]))

    def region(self, key: str) -> Region:
        """A table of origin and bytes."""
        part = _Table(self.take(key, dict), self._where, f"{self._section}.{key}")
        region = Region(part.number("origin"), part.number("bytes", least=4096))
        part.finish()
        if region.origin % 4096 or region.bytes % 4096 or region.end > 1 << 32:
            raise self.wrong(f"{key} must start and end at multiples of 4096, below 4 GiB")
        return region

    def table(self, key: str, *, optional: bool = False) -> _Table:
        """A section."""
        return _Table(self.take(key, dict, {} if optional else _REQUIRED), self._where, key)

    def finish(self) -> None:
        """Refuse keys that nobody asked for: they are typing errors."""
        for key in self._values:
            if key not in self._known:
                raise self.wrong(f'key "{key}" is unknown; {nearest(key, self._known)}')
