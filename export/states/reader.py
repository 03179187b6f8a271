"""A cursor over a state image: what it hands out lies inside, and can do no harm where it is used.

It refuses what the C core refuses (`edge_runtime/src/model/state.c`), and nothing else.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import CorruptError
from metabit.export.bits import level_row_bytes, unpack_levels
from metabit.export.spec import Float32Array, Int8Array, Int64Array

CRC_BYTES = 4
_COUNT = struct.Struct("<I")


class StateReader:
    """Reads an image whose checksum holds, from `at` on to the checksum at its end.

    Every method raises CorruptError where the image does not hold what is asked for.
    """

    def __init__(self, data: bytes, at: int, where: str) -> None:
        self._bytes, self.at, self._where = memoryview(data)[:-CRC_BYTES], at, where

    def corrupt(self, what: str) -> CorruptError:
        """The error of an image that holds something wrong, for the caller to raise."""
        return CorruptError(
            f"{self._where}: {what}; no engine wrote this: load the state before it",
            code="E-STATE-FIELDS",
        )

    def _take(self, n_bytes: int) -> memoryview:
        if n_bytes > len(self._bytes) - self.at:
            raise self.corrupt("it ends before its values do")
        self.at += n_bytes
        return self._bytes[self.at - n_bytes : self.at]

    def finish(self) -> None:
        """Refuse an image with more bytes."""
        if self.at != len(self._bytes):
            raise self.corrupt("it is longer than its values")

    def numbers(self, layout: struct.Struct) -> tuple[Any, ...]:
        """The numbers of a record that follows."""
        return layout.unpack(self._take(layout.size))

    def array(self, dtype: str, n: int) -> NDArray[Any]:
        """An array of n numbers that follows, in memory of its own."""
        return np.frombuffer(self._take(n * np.dtype(dtype).itemsize), dtype).copy()

    def padded(self, dtype: str, n: int) -> NDArray[Any]:
        """The same, and what fills it up to four bytes, which may be anything."""
        values = self.array(dtype, n)
        self._take(-values.nbytes % 4)
        return values

    def within(
        self, dtype: str, n: int, low: float | Float32Array, high: float | Float32Array, what: str
    ) -> NDArray[Any]:
        """An array of n numbers that follows, none of which lies outside of its bounds."""
        values = self.array(dtype, n)
        if not bool(((values >= low) & (values <= high)).all()):
            raise self.corrupt(f"{what} is out of range")
        return values

    def rows(self, n_out: int, n_in: int, bits: int) -> Int8Array:
        """Hidden weights that follow, shape (n_out, n_in)."""
        row_bytes = level_row_bytes(n_in, bits)
        packed = self.array("u1", n_out * row_bytes).reshape(n_out, row_bytes)
        return unpack_levels(packed, n_in, bits)

    def fill_up(self) -> None:
        """Pass what fills up four bytes, which may be anything."""
        self._take(-self.at % 4)

    def ring(
        self, n_slots: int, n_bytes: int, n_classes: int
    ) -> tuple[int, NDArray[np.uint8], NDArray[np.uint8]]:
        """Samples kept for replay that follow, and what fills up the values before them.

        Args:
            n_slots: samples that are kept at most.
            n_bytes: of one sample.
            n_classes: every label lies below it, the label of an empty slot too.

        Returns:
            How many are kept; labels, shape (n_slots,); samples, shape (n_slots, n_bytes).
        """
        self.fill_up()
        (n_kept,) = self.numbers(_COUNT)
        # What fills up the labels is a label to the C core.
        labels: Int64Array = self.array("u1", n_slots + -n_slots % 4)
        if n_kept > n_slots or bool((labels >= n_classes).any()):
            raise self.corrupt("a label of a sample kept for replay, or their number, is too large")
        entries = self.array("u1", n_slots * n_bytes).reshape(n_slots, n_bytes)
        return int(n_kept), labels[:n_slots].astype(np.uint8), entries
