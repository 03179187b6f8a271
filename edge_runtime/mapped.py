"""A model in memory as the C core reads it: aligned, and checked."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime import _native
from metabit.export.blob import Blob, ModelSource


class Mapped:
    """A checked model in memory.

    Attributes:
        blob: its bytes as they were read.
        where: its name, for messages.
        memory: the same bytes, shape (n,), uint8, starting at a multiple of 64 bytes.
        info: what the C core says of it.

    Raises:
        InputError: there is no such file.
        FormatError, CorruptError: it is not a .mbit file, or a damaged one.
    """

    def __init__(self, source: ModelSource) -> None:
        self.blob = Blob.of(source)
        self.where = self.blob.where
        self.memory = aligned(len(self.blob.data))
        self.memory[:] = np.frombuffer(self.blob.data, dtype=np.uint8)
        self.info = _native.Info()
        result = _native.library().mb_verify(
            self.memory.ctypes.data, self.memory.size, ctypes.byref(self.info)
        )
        if result < 0:
            _ = self.blob.model  # the Python reader names the section and what is wrong with it
            _native.check(result, self.where)


def aligned(n_bytes: int) -> NDArray[np.uint8]:
    """Memory for the C core, shape (n_bytes,), starting at a multiple of 64 bytes; not cleared."""
    memory = np.empty(n_bytes + 64, dtype=np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + n_bytes]
