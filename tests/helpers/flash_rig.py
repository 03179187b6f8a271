"""Flash in memory whose power can go at any erasure and any write."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, c_int, c_size_t, c_uint8, c_uint32, c_void_p
from dataclasses import dataclass
from typing import Any

from metabit.edge_runtime import _native

ERASE = CFUNCTYPE(c_int, c_void_p, c_size_t)
MOVE = CFUNCTYPE(c_int, c_void_p, c_size_t, POINTER(c_uint8), c_size_t)
#: MB_OK, MB_ERR_STORAGE and MB_ERR_INPUT of metabit.h.
OK, STORAGE, INPUT = 0, -4, -5


class MbFlash(ctypes.Structure):
    """mb_flash of metabit_flash.h."""

    _fields_ = (
        ("bytes", c_size_t), ("page_bytes", c_size_t), ("write_bytes", c_size_t),
        ("n_slots", c_uint32), ("erase", ERASE), ("write", MOVE), ("read", MOVE),
        ("context", c_void_p), ("own", c_uint8 * 512),
    )  # fmt: skip


class PowerCut(Exception):
    """Nothing after this is done."""


@dataclass(frozen=True)
class Shape:
    """What a chip's flash is like, and how it is used."""

    page_bytes: int = 64
    write_bytes: int = 4
    pages_per_slot: int = 4
    n_slots: int = 2

    @property
    def bytes(self) -> int:
        return self.page_bytes * self.pages_per_slot * self.n_slots


class Flash:
    """Flash in memory, which is kept while programs begin and end.

    Args:
        shape: its sizes.

    Attributes:
        cells: its bytes.
        n_calls: how often it was erased or written since `begin`.
        cut_at: the call in whose middle the power goes; below 0: never.
        n_erased: erasures by page.
        n_written: bytes.
        native: what the C core keeps of it.
        fails: whether the chip says from now on that it has failed.
        misused: what was done that a chip does not allow.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.cells = bytearray(random.Random(1).randbytes(shape.bytes))
        self.n_erased = [0] * (shape.bytes // shape.page_bytes)
        self.n_written = 0
        self.fails = False
        self.misused = ""
        self._random = random.Random(2)

    def begin(self, cut_at: int = -1) -> int:
        """The program begins: `mb_flash_start`."""
        self.n_calls, self.cut_at, self._off = 0, cut_at, False
        self._calls = (ERASE(self._erase), MOVE(self._write), MOVE(self._read))
        s = self.shape
        self.native = MbFlash(s.bytes, s.page_bytes, s.write_bytes, s.n_slots, *self._calls)
        return self.call("start")

    def call(self, name: str, *arguments: object) -> int:
        """A call of metabit_flash.h; PowerCut where the power went."""
        function = getattr(_native.library(), f"mb_flash_{name}")
        return self.run(function, ctypes.byref(self.native), *arguments)

    def run(self, function: Callable[..., Any], *arguments: object) -> int:
        """Any call of the C core that may use this flash."""
        result = int(function(*arguments))
        assert self.misused == "", self.misused
        if self._off:
            raise PowerCut
        return result

    def keep(self, record: bytes, piece: int = 7) -> int:
        """Keep a record, which is written in pieces."""
        error = self.call("keep_start", c_size_t(len(record)))
        for at in range(0, len(record), piece):
            data = record[at : at + piece]
            error = error or self.call("keep_write", c_size_t(at), data, c_size_t(len(data)))
        return error or self.call("keep_end")

    def kept(self) -> bytes:
        """The record that is there."""
        n = self.call("kept_bytes")
        into = ctypes.create_string_buffer(n)
        assert self.call("kept_read", c_size_t(0), into, c_size_t(n)) == OK
        return into.raw

    def _allow(self, right: bool, rule: str) -> None:
        """C calls this, and an exception would not come through."""
        if not right and not self._off:
            self.misused = rule

    def _lives(self) -> bool | None:
        """Whether a call is done; None: the power goes in its middle."""
        if self._off:
            return False
        self.n_calls += 1
        self._off = self.n_calls - 1 == self.cut_at
        return None if self._off else True

    def _erase(self, _context: int, offset: int) -> int:
        page = self.shape.page_bytes
        self._allow(offset % page == 0, "a page is erased whole")
        cells = slice(offset, offset + page)
        lives = self._lives()
        if lives:
            self.cells[cells] = b"\xff" * page
            self.n_erased[offset // page] += 1
        elif lives is None:  # any of the bits
            noise = self._random.randbytes(page)
            self.cells[cells] = bytes(a | b for a, b in zip(self.cells[cells], noise, strict=True))
        return int(self.fails)

    def _write(self, _context: int, offset: int, data: ctypes.Array[c_uint8], n: int) -> int:
        unit = self.shape.write_bytes
        self._allow(offset % unit == n % unit == 0, "units are written whole")
        self._allow(self.cells[offset : offset + n] == b"\xff" * n, "a unit is written once")
        lives = self._lives()
        if lives:
            self.cells[offset : offset + n] = bytes(data[:n])
            self.n_written += n
        elif lives is None:
            noise = self._random.randbytes(n)
            some = bytes(a | b for a, b in zip(data[:n], noise, strict=True))
            self.cells[offset : offset + n] = some
        return int(self.fails)

    def _read(self, _context: int, offset: int, into: ctypes.Array[c_uint8], n: int) -> int:
        self._allow(offset + n <= self.shape.bytes, "there is nothing after the area")
        for i in range(n):
            into[i] = self.cells[offset + i]
        return 0
