"""A model that the C core has opened in an arena of its own, and the calls on it.

What comes in here was checked before: samples and labels by `inputs`, the choice of options by
`plan`. `Engine` is this for people.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime import _native, isa
from metabit.edge_runtime.forking import engine_lock
from metabit.edge_runtime.inputs import Samples
from metabit.edge_runtime.mapped import Mapped, aligned


class OpenModel:
    """An open `mb_model`.

    Args:
        mapped: the model in memory.
        options: what learns, and how; they fit the model.
        arena_bytes: RAM that it needs with them.

    Attributes:
        handle: the `mb_model`, for calls of the C library that have no method here.
        arena: the memory that the model lives in, shape (arena_bytes / 8,), uint64.
        lock: of all calls, because one scratch memory serves all threads; the same thread may take
            it twice.

    Raises:
        MetabitError: the C core refuses it; says why.
    """

    def __init__(self, mapped: Mapped, options: _native.NativeOptions, arena_bytes: int) -> None:
        self.handle = ctypes.c_void_p()
        self.lock = engine_lock()
        # The C core reads and writes all of this for as long as the model is open.
        self._mapped, self._options = mapped, options
        self.arena = aligned(arena_bytes).view(np.uint64)
        self._lib = _native.library()
        # For calls of one sample: asking an array for its address takes longer than a network.
        self._label = np.empty(1, dtype=np.int32)
        self._label_at = self._label.ctypes.data
        opened = self._lib.mb_open(
            ctypes.byref(self.handle), self.arena.ctypes.data, self.arena.nbytes,
            mapped.memory.ctypes.data, mapped.memory.size, ctypes.byref(options),
        )  # fmt: skip
        _native.check(opened, mapped.where)

    @property
    def isa(self) -> str:
        """The kernel set that runs, such as "avx2"."""
        return isa.name(self._lib.mb_isa_used(self.handle))

    @property
    def knows_novelty(self) -> bool:
        """Whether a counting head is open whose file brings a limit for what is new."""
        return int(self._lib.mb_novelty(self.handle, None, 0, None, None)) == 0

    def labels(self, samples: Samples) -> NDArray[np.int64]:
        """Labels of samples, shape (n,)."""
        if len(samples) == 1:
            with self.lock:  # another thread may use the same place
                self._call(self._lib.mb_predict, samples.ctypes.data, 1, self._label_at, None)
                return self._label.astype(np.int64)
        labels = np.empty(len(samples), dtype=np.int32)
        self._call(
            self._lib.mb_predict, samples.ctypes.data, len(samples), labels.ctypes.data, None
        )
        return labels.astype(np.int64)

    def scores(self, samples: Samples, n_outputs: int) -> NDArray[np.int32]:
        """Scores of samples, shape (n, n_outputs)."""
        scores = np.empty((len(samples), n_outputs), dtype=np.int32)
        self._call(
            self._lib.mb_predict, samples.ctypes.data, len(samples), None, scores.ctypes.data
        )
        return scores

    def novelty(self, samples: Samples) -> NDArray[np.float32]:
        """How far samples are from what the counting head knows, shape (n,)."""
        novelty = np.empty(len(samples), dtype=np.float32)
        self._call(
            self._lib.mb_novelty, samples.ctypes.data, len(samples), None, novelty.ctypes.data
        )
        return novelty

    def learn(self, samples: Samples, labels: NDArray[np.int32]) -> NDArray[np.int64]:
        """Learn samples in their order; what was said before each, shape (n,)."""
        said = np.empty(len(samples), dtype=np.int32)
        self._call(
            self._lib.mb_learn, samples.ctypes.data, labels.ctypes.data, len(samples),
            said.ctypes.data,
        )  # fmt: skip
        return said.astype(np.int64)

    def observe(self, samples: Samples) -> None:
        """Let a head see samples without labels."""
        self._call(self._lib.mb_observe, samples.ctypes.data, len(samples))

    def _call(self, function: Callable[..., int], *arguments: Any) -> None:
        """Call the C core about this model; one thread at a time."""
        with self.lock:
            result = function(self.handle, *arguments)
        _native.check(result, self._mapped.where)
