"""Frames of a sensor pushed into an open model, and the samples that its front end makes."""

from __future__ import annotations

import ctypes
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabit.edge_runtime import _native
from metabit.errors import InputError
from metabit.export.spec import FrontEnd
from metabit.export.windows import counts_of


@dataclass(frozen=True)
class WindowStatus:
    """Counters of a front end since the model was opened.

    Attributes:
        n_windows: whole windows.
        n_counts: values of frames, all channels together.
        n_limited: how many of them did not fit the scale of their channel.
    """

    n_windows: int
    n_counts: int
    n_limited: int

    @property
    def limited_share(self) -> float:
        """Share of the values that did not fit; above a few in a thousand the sensor, or its unit,
        differs from training."""
        return self.n_limited / self.n_counts if self.n_counts else 0.0


class Windows:
    """The front end of an open model.

    Args:
        handle: the open `mb_model`, whose memory must outlive this.
        front_end: what the file says of it, or None.
        n_inputs: values per sample.
        where: name of the model, for messages.
        lock: of the engine, whose threads share the frames.
    """

    def __init__(
        self, handle: ctypes.c_void_p, front_end: FrontEnd | None, n_inputs: int, where: str,
        lock: AbstractContextManager[object],
    ) -> None:  # fmt: skip
        self._handle, self._front_end, self._lock = handle, front_end, lock
        self._n_inputs, self._where = n_inputs, where
        self._lib = _native.library()

    def push(self, frames: ArrayLike) -> NDArray[np.int8]:
        """Hand frames over; returns the samples that became whole, shape (n, n_inputs)."""
        counts = counts_of(frames, self._needed(), self._where)
        ready, samples, taken = ctypes.c_uint32(), [], 0
        with self._lock:
            while taken < len(counts):
                result = self._lib.mb_push(
                    self._handle, counts[taken:].ctypes.data, len(counts) - taken,
                    ctypes.byref(ready),
                )  # fmt: skip
                taken += _native.check(result, self._where)
                if ready.value:
                    address = self._lib.mb_window_sample(self._handle)
                    sample = ctypes.string_at(address, self._n_inputs)
                    samples.append(np.frombuffer(sample, np.int8))
        return np.stack(samples) if samples else np.zeros((0, self._n_inputs), dtype=np.int8)

    def restart(self) -> None:
        """Forget the frames that have come: the next one begins a window."""
        self._needed()
        with self._lock:
            _native.check(self._lib.mb_restart_window(self._handle), self._where)

    def status(self) -> WindowStatus:
        """Counters since the model was opened."""
        self._needed()
        raw = _native.NativeWindowStatus()
        _native.check(self._lib.mb_get_window_status(self._handle, ctypes.byref(raw)), self._where)
        return WindowStatus(raw.n_windows, raw.n_counts, raw.n_limited)

    def _needed(self) -> FrontEnd:
        if self._front_end is None:
            raise InputError(
                f"{self._where} has no front end and reads samples; train it with [frontend] in "
                "the recipe",
                code="E-NO-FRONTEND",
            )
        return self._front_end
