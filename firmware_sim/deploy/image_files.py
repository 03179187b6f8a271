"""A linked program as flashers take it: a plain image, Intel HEX, and UF2.

Sources: Intel's "Hexadecimal Object File Format Specification" (1988); Microsoft's specification of
UF2, https://github.com/microsoft/uf2.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

#: (address in flash, contents) of what is stored.
Segments = Sequence[tuple[int, bytes]]

#: What flash holds where nothing was written.
ERASED = 0xFF
_HEX_BYTES = 16
_UF2_BYTES = 256
_UF2_FIRST, _UF2_SECOND, _UF2_LAST = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_UF2_HAS_FAMILY = 0x2000


def plain_image(segments: Segments) -> bytes:
    """Every byte from the first address to the last; gaps are as erased flash."""
    first = min(address for address, _ in segments)
    image = bytearray([ERASED]) * (max(a + len(content) for a, content in segments) - first)
    for address, content in segments:
        image[address - first : address - first + len(content)] = content
    return bytes(image)


def intel_hex(segments: Segments, entry: int) -> str:
    """Lines of 16 bytes, with the address's upper half in a line of its own where it changes.

    Args:
        segments: what is stored.
        entry: address of the first instruction.
    """
    lines, upper = [], None
    for address, content in sorted(segments):
        for at in range(address, address + len(content), _HEX_BYTES):
            if at >> 16 != upper:
                upper = at >> 16
                lines.append(_hex_line(4, 0, struct.pack(">H", upper)))
            # A line does not cross into the next 64 KiB: segments begin at multiples of 16 there.
            piece = content[at - address : at - address + _HEX_BYTES]
            room = 0x10000 - (at & 0xFFFF)
            lines.append(_hex_line(0, at & 0xFFFF, piece[:room]))
            if piece[room:]:
                upper = (at + room) >> 16
                lines.append(_hex_line(4, 0, struct.pack(">H", upper)))
                lines.append(_hex_line(0, 0, piece[room:]))
    lines.append(_hex_line(5, 0, struct.pack(">I", entry)))
    lines.append(_hex_line(1, 0, b""))
    return "\n".join(lines) + "\n"


def _hex_line(kind: int, address: int, content: bytes) -> str:
    line = struct.pack(">BHB", len(content), address, kind) + content
    return f":{(line + bytes([-sum(line) & 0xFF])).hex().upper()}"


def uf2(segments: Segments, family: int) -> bytes:
    """Blocks of 512 bytes with 256 bytes of the image each, for boot loaders that are drives.

    Args:
        segments: what is stored; the first one begins at a multiple of 256.
        family: of the chip.
    """
    first = min(address for address, _ in segments)
    image = plain_image(segments)
    pieces = [
        image[at : at + _UF2_BYTES].ljust(_UF2_BYTES, bytes([ERASED]))
        for at in range(0, len(image), _UF2_BYTES)
    ]
    return b"".join(
        struct.pack(
            "<8I",
            *(_UF2_FIRST, _UF2_SECOND, _UF2_HAS_FAMILY, first + number * _UF2_BYTES),
            *(_UF2_BYTES, number, len(pieces), family),
        )
        + piece.ljust(476, b"\0")
        + struct.pack("<I", _UF2_LAST)
        for number, piece in enumerate(pieces)
    )


def crc32_of_rp2040(content: bytes) -> int:
    """The CRC that the RP2040's boot ROM checks: polynomial 04C11DB7, the highest bit first, begun
    with all ones, and not inverted at the end (RP2040 data sheet, "Flash boot sequence")."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc >> 31 else 0)) & 0xFFFFFFFF
    return crc
