"""The envelope of a .mbit file: header, section table, checksums. No network in here."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from metabit.errors import CorruptError, FormatError

MAGIC = b"\x89MBIT\r\n\x1a"
FORMAT_MAJOR = 1
#: Written only with what earlier versions do not know.
MINOR_CONVOLUTIONS, MINOR_HEAD, MINOR_FRONT = 1, 2, 3
MINOR_UNTRAINED, MINOR_BONUS, MINOR_TRACKER, MINOR_GOAL = 4, 5, 6, 7
ENDIAN_MARK = 0x01020304
ALIGNMENT = 64
MAX_SECTIONS = 64

# magic, major, minor, endian mark, file bytes, sections, CRC of the table, zero, CRC of the header
HEADER = struct.Struct("<8sHHIIII32sI")
ENTRY = struct.Struct("<4sIIII12s")  # type, flags, offset, length, CRC, zero
CRITICAL = 1

NETWORK, WEIGHTS, THRESHOLDS, NORM = "NETW", "WGTS", "THRS", "NORM"
LEARN, HEAD, TRACKER, GOAL, FRONT = "LERN", "HEAD", "TRCK", "GOAL", "FRNT"
GOLDEN, PROBES, META = "GOLD", "PROB", "META"
REQUIRED = (NETWORK, WEIGHTS, THRESHOLDS, NORM)
KNOWN = (*REQUIRED, LEARN, HEAD, TRACKER, GOAL, FRONT, GOLDEN, PROBES, META)


@dataclass(frozen=True)
class Section:
    """One entry of the section table."""

    type: str
    critical: bool
    offset_bytes: int
    length_bytes: int
    crc32: int


def _align(n: int) -> int:
    return -(-n // ALIGNMENT) * ALIGNMENT


def assemble(sections: Sequence[tuple[str, bool, bytes]], minor: int) -> bytes:
    """Lay sections (type, critical, payload) out into a file, aligned, with checksums.

    Args:
        sections: in their order.
        minor: the lowest minor version that can read them.
    """
    offset = _align(HEADER.size + ENTRY.size * len(sections))
    table, body = b"", b""
    start = offset
    for kind, critical, payload in sections:
        body += b"\0" * (_align(len(body)) - len(body))
        offset = start + len(body)
        table += ENTRY.pack(
            kind.encode(), CRITICAL if critical else 0, offset, len(payload),
            zlib.crc32(payload), b"",
        )  # fmt: skip
        body += payload
    head = HEADER.pack(
        MAGIC, FORMAT_MAJOR, minor, ENDIAN_MARK, start + len(body), len(sections),
        zlib.crc32(table), b"", 0,
    )  # fmt: skip
    head = head[:-4] + struct.pack("<I", zlib.crc32(head[:-4]))
    gap = b"\0" * (start - len(head) - len(table))
    return head + table + gap + body


def sections(data: bytes, where: str) -> list[Section]:
    """Check the envelope of `data` and return its section table.

    Raises:
        FormatError: not a .mbit file, a later format, or an unknown critical section.
        CorruptError: truncated, overlapping, with holes, or with a wrong checksum.
    """
    count = _check_header(data, where)
    table_end = HEADER.size + ENTRY.size * count
    found: list[Section] = []
    end = table_end
    for i in range(count):
        kind, flags, offset, length, crc, zero = ENTRY.unpack_from(data, HEADER.size + 32 * i)
        name = kind.decode("latin-1")
        if offset != _align(end) or offset + length > len(data) or flags > 1 or any(zero):
            raise CorruptError(
                f"{where}: section {name!r} does not follow the one before it, or leaves the file",
                code="E-SECTION-BOUNDS",
            )
        if any(data[end:offset]):
            raise CorruptError(f"{where}: bytes before {name!r} are not zero", code="E-PADDING")
        if zlib.crc32(data[offset : offset + length]) != crc:
            raise CorruptError(
                f"{where}: section {name!r} has a wrong checksum: the file is damaged; copy or "
                "export it again",
                code="E-SECTION-CRC",
            )
        end = offset + length
        if name not in KNOWN and flags & CRITICAL:
            raise FormatError(
                f"{where}: needs section {name!r}, unknown to this version; update metabit",
                code="E-SECTION-UNKNOWN",
            )
        # As in C, which does not remember the names of sections that it does not know.
        if name in KNOWN and any(section.type == name for section in found):
            raise CorruptError(f"{where}: section {name!r} occurs twice", code="E-SECTION-TWICE")
        found.append(Section(name, bool(flags & CRITICAL), offset, length, crc))
    if end != len(data):
        raise CorruptError(
            f"{where}: {len(data) - end} bytes after the last section", code="E-LENGTH"
        )
    return found


def version_text(data: bytes) -> str:
    """The format version of a file whose envelope has been checked, like "1.0"."""
    _, major, minor, *_ = HEADER.unpack_from(data)
    return f"{major}.{minor}"


def _check_header(data: bytes, where: str) -> int:
    if len(data) < HEADER.size or data[: len(MAGIC)] != MAGIC:
        raise FormatError(f"{where}: not a .mbit file; `metabit export` makes one", code="E-MAGIC")
    _, major, minor, endian, file_bytes, count, table_crc, zero, crc = HEADER.unpack_from(data)
    if zlib.crc32(data[: HEADER.size - 4]) != crc:
        raise CorruptError(
            f"{where}: the header has a wrong checksum: the file is damaged", code="E-HEADER-CRC"
        )
    if major != FORMAT_MAJOR or endian != ENDIAN_MARK:
        raise FormatError(
            f"{where}: format version {major}.{minor}, this library reads {FORMAT_MAJOR}.x; "
            "update metabit",
            code="E-VERSION",
        )
    if file_bytes != len(data):
        raise CorruptError(
            f"{where}: {len(data)} bytes, the header says {file_bytes}: the file is truncated or "
            "has something appended",
            code="E-LENGTH",
        )
    table_end = HEADER.size + ENTRY.size * count
    if any(zero) or count > MAX_SECTIONS or table_end > len(data):
        raise CorruptError(f"{where}: the header is out of range", code="E-HEADER")
    if zlib.crc32(data[HEADER.size : table_end]) != table_crc:
        raise CorruptError(f"{where}: the section table has a wrong checksum", code="E-TABLE-CRC")
    return int(count)
