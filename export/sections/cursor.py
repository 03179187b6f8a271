"""A cursor over one section of a .mbit file: what it hands out lies inside and has been checked."""

from __future__ import annotations

import math
import struct

import numpy as np
from numpy.typing import NDArray

from metabit.errors import CorruptError
from metabit.export.bits import pack_bits, unpack_bits, words
from metabit.export.layout import Section
from metabit.export.limits import norm_problem
from metabit.export.spec import Norm


class Cursor:
    """Reads one section from its start, and refuses to run past its end.

    Every method raises CorruptError where the section does not hold what is asked for.
    """

    def __init__(self, data: bytes, section: Section, where: str) -> None:
        self._bytes = memoryview(data)[section.offset_bytes :][: section.length_bytes]
        self._at = 0
        self._name = f"{where}: section {section.type}"

    def corrupt(self, what: str) -> CorruptError:
        """The error of a section that holds something wrong, for the caller to raise."""
        return CorruptError(f"{self._name}: {what}; export the model again", code="E-SECTION-VALUE")

    def take(self, n_bytes: int) -> memoryview:
        """The next bytes."""
        if n_bytes > len(self._bytes) - self._at:
            raise self.corrupt(f"ends after {len(self._bytes)} bytes, more are needed")
        self._at += n_bytes
        return self._bytes[self._at - n_bytes : self._at]

    def rest(self) -> bytes:
        """All bytes that are left."""
        return bytes(self.take(len(self._bytes) - self._at))

    def finish(self) -> None:
        """Refuse a section with more bytes."""
        if self._at != len(self._bytes):
            raise self.corrupt(f"{len(self._bytes) - self._at} bytes too long")

    def unpack(self, record: struct.Struct) -> tuple[int | float, ...]:
        """The next record."""
        return record.unpack(self.take(record.size))

    def array(self, dtype: str, *shape: int) -> NDArray[np.generic]:
        """The next values, in an array of their own."""
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        return np.frombuffer(self.take(n_bytes), dtype=dtype).reshape(shape).copy()

    def packed_signs(self, rows: int, n_bits: int) -> NDArray[np.int8]:
        """The next packed rows as -1 and +1, shape (rows, n_bits), int8."""
        packed = self.array("u1", rows, 4 * words(n_bits)).astype(np.uint8)
        signs = unpack_bits(packed, n_bits)
        if not np.array_equal(pack_bits(signs), packed):
            raise self.corrupt("padding bits are not zero")
        return signs

    def norm(self, n_out: int) -> Norm:
        """The next normalisation of n_out channels, in the ranges of the format."""
        mean, var, gamma, beta = self.array("<f4", 4, n_out).astype(np.float32)
        norm = Norm(mean, var, gamma, beta)
        problem = norm_problem(norm)
        if problem:
            raise self.corrupt(problem)
        return norm
