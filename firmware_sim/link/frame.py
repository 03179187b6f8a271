"""Frames: a body and its CRC-32 in COBS, between zeros (frame.c is the twin of this file)."""

from __future__ import annotations

import struct
import zlib

_CRC = struct.Struct("<I")
_LONGEST = 254
#: A line that never sends a zero is not a device's.
_MOST_BYTES = 1 << 20


def encode(body: bytes) -> bytes:
    """The frame of a body, with a zero before it and one after it."""
    coded = bytearray(b"\0")
    for stretch in (body + _CRC.pack(zlib.crc32(body))).split(b"\0"):
        while len(stretch) >= _LONGEST:
            coded += b"\xff" + stretch[:_LONGEST]
            stretch = stretch[_LONGEST:]
        coded += bytes((len(stretch) + 1,)) + stretch
    return bytes(coded + b"\0")


def decode(coded: bytes) -> bytes | None:
    """The body of a frame without its zeros; None if it is damaged."""
    body, at = bytearray(), 0
    while at < len(coded):
        code = coded[at]
        body += coded[at + 1 : at + code]
        at += code
        if code <= _LONGEST and at < len(coded):
            body.append(0)
    if at != len(coded) or len(body) < _CRC.size:
        return None
    checked = bytes(body[: -_CRC.size])
    return checked if _CRC.unpack(body[-_CRC.size :])[0] == zlib.crc32(checked) else None


class FrameReader:
    """Takes frames out of the bytes that come."""

    def __init__(self) -> None:
        self._rest = b""
        self.n_damaged = 0

    def take(self, data: bytes) -> list[bytes]:
        """The bodies of the frames that these bytes end; damaged ones are counted and dropped."""
        *ended, rest = (self._rest + data).split(b"\0")
        self._rest = rest[-_MOST_BYTES:]
        bodies = [decode(coded) for coded in ended if coded]
        self.n_damaged += bodies.count(None)
        return [body for body in bodies if body is not None]
