"""Read what is needed of a little-endian ELF file: segments, sections, symbols."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from metabit.errors import FormatError

_LOAD, _SYMTAB, _NOBITS = 1, 2, 8


@dataclass(frozen=True)
class ElfSection:
    """A section that takes memory on the board."""

    name: str
    address: int
    bytes: int


@dataclass(frozen=True)
class Elf:
    """A linked program.

    Attributes:
        entry: address of the first instruction.
        segments: (load address, contents) of what is stored in the image.
        sections: sections that take memory on the board, by name.
        symbols: address by name; a Thumb function's lowest bit is cleared.
        functions: (address, name) of the functions, in order of address.
    """

    entry: int
    segments: tuple[tuple[int, bytes], ...]
    sections: dict[str, ElfSection]
    symbols: dict[str, int]
    functions: tuple[tuple[int, str], ...]

    def function_at(self, address: int) -> str:
        """Name of the function that holds an address; "?" before the first one."""
        name = "?"
        for start, candidate in self.functions:
            if start > address:
                break
            name = candidate
        return name


def parse(data: bytes, *, thumb: bool) -> Elf:
    """Parse the bytes of a 32- or 64-bit little-endian ELF file.

    Raises:
        FormatError: it is something else.
    """
    if data[:4] != b"\x7fELF" or data[5] != 1:
        raise FormatError("the linker's output is not a little-endian ELF file", code="E-ELF")
    wide = data[4] == 2
    head = struct.unpack_from("<QQQIHHHHHH" if wide else "<IIIIHHHHHH", data, 24)
    entry, program_at, sections_at, _, _, program_size, n_programs, section_size, n, names_at = head
    segments = []
    for i in range(n_programs):
        program = program_at + i * program_size
        if wide:
            kind, _, at, _, load_at, stored = struct.unpack_from("<IIQQQQ", data, program)
        else:  # the flags come later here
            kind, at, _, load_at, stored = struct.unpack_from("<IIIII", data, program)
        if kind == _LOAD and stored:
            segments.append((load_at, data[at : at + stored]))
    raw = [
        struct.unpack_from(
            "<IIQQQQII" if wide else "<IIIIIIII", data, sections_at + i * section_size
        )
        for i in range(n)
    ]
    names = raw[names_at][4]
    sections = {}
    for name_at, _, flags, address, _, size, _, _ in raw:
        if flags & 2 and size:  # SHF_ALLOC
            name = _text(data, names + name_at)
            sections[name] = ElfSection(name, address, size)
    symbols, functions = _symbols(data, raw, wide=wide, thumb=thumb)
    return Elf(entry & ~int(thumb), tuple(segments), sections, symbols, functions)


def _symbols(
    data: bytes, sections: list[tuple[int, ...]], *, wide: bool, thumb: bool
) -> tuple[dict[str, int], tuple[tuple[int, str], ...]]:
    """All named symbols, and the functions among them."""
    symbols: dict[str, int] = {}
    functions: dict[int, str] = {}
    for _, kind, _, _, at, size, link, _ in sections:
        if kind != _SYMTAB:
            continue
        strings = sections[link][4]
        for entry in range(at, at + size, 24 if wide else 16):
            if wide:
                name_at, info, _, _, value = struct.unpack_from("<IBBHQ", data, entry)
            else:
                name_at, value, _, info = struct.unpack_from("<IIIB", data, entry)
            name = _text(data, strings + name_at)
            if not name or name.startswith("$"):  # mapping symbols: $t, $d, $x
                continue
            is_function = info & 15 == 2
            address = value & ~1 if thumb and is_function else value
            symbols[name] = address
            if is_function and ("." not in name or address not in functions):
                functions[address] = name  # of several names, one without the compiler's dots
    return symbols, tuple(sorted(functions.items()))


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode()
