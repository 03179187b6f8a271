"""What an emulated core does, as it runs: blocks, cycles, and what the caches did not have.

The part that is called millions of times is C, in `watcher/`. It is compiled for the host with the
compiler that builds the firmware, and kept in the same cache.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import sys
from collections.abc import Callable, Collection
from ctypes import POINTER, c_int, c_int64, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import MetabitError
from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.build import compile_for_host
from metabit.firmware_sim.cost.pipeline import Pipeline

SOURCES = Path(__file__).parent / "watcher"
_KINDS = {"code": 1, "data": 2, "both": 3}
#: Bits of a Cortex-M's XPSR that say which instructions of an IT block are still to come.
_IN_CONDITION = 0x0600FC00
_FAILED = (1 << 64) - 1
_FIND = ctypes.CFUNCTYPE(c_uint64, c_uint64, c_uint32, c_uint32, c_uint32)
_TELL = ctypes.CFUNCTYPE(None, c_uint64)


class _Totals(ctypes.Structure):
    """`totals` of watcher.c."""

    _fields_ = [(name, c_uint64) for name in ("n_blocks", "taken", "cycles", "state", "failed")]


#: Functions of watcher.c: what they return, and what they take after the watcher.
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "watcher_free": (None, []),
    "watcher_cache": (c_int, [c_uint32, c_uint64, c_uint64, c_uint32, c_uint32, c_uint32]),
    "watcher_mark": (c_int, [c_uint64]),
    "watcher_condition": (None, [c_void_p, c_void_p, c_int, c_uint32]),
    "watcher_empty_caches": (None, []),
    "watcher_start": (None, [c_uint64, c_uint32, c_int]),
    "watcher_stop": (None, []),
    "watcher_totals": (POINTER(_Totals), []),
    "watcher_misses": (c_uint64, [c_uint32]),
    "watcher_keys": (POINTER(c_uint64), []),
    "watcher_times": (POINTER(c_uint64), []),
}


class BlockWatcher:
    """Counts what an emulated core executes while it is attached.

    Args:
        board: supplies the caches.
        pipeline: the cost model of its core; None to count no cycles.
        marks: addresses at which functions begin.
        reached: called with the address when one of them is about to run.

    Raises:
        MetabitError: the compiler is missing (E-TOOLCHAIN), or there is no memory.
    """

    def __init__(
        self, board: Board, pipeline: Pipeline | None, marks: Collection[int] = (),
        reached: Callable[[int], None] | None = None,
    ) -> None:  # fmt: skip
        self._thumb = board.isa == "thumb"
        self._pipeline = pipeline
        self._caches = board.caches
        self._error: Exception | None = None
        self._core: Any = None
        self._watching: c_uint64 | None = None
        self._find = _FIND(self._cost) if pipeline is not None else _FIND()
        self._tell = _TELL() if reached is None else _TELL(reached)
        self._library = _library()
        self._watcher = c_void_p(self._library.watcher_new(self._find, self._tell))
        for address in marks:
            if self._library.watcher_mark(self._watcher, address):
                raise MetabitError("no memory for the marks of functions", code="E-MEMORY")
        for cache in board.caches:
            kept = board.flash if cache.of == "flash" else None
            first, end = (0, _FAILED) if kept is None else (kept.origin, kept.end)
            n_sets = cache.bytes // (cache.ways * cache.line_bytes)
            shape = (first, end, cache.line_bytes, cache.ways, n_sets)
            if self._library.watcher_cache(self._watcher, _KINDS[cache.serves], *shape):
                raise MetabitError(f"no memory for the cache {cache.name}", code="E-MEMORY")
        self.empty_caches()

    def __del__(self) -> None:
        if getattr(self, "_watcher", None):
            self._library.watcher_free(self._watcher)

    # ---- counting ----

    def attach(self, core: Any, following: int, *, watches: bool) -> None:
        """Begin to count, with nothing outstanding in the core.

        The hook of blocks stays in the core, since taking it out again would make the emulator
        translate the whole program once more; it does nothing until the next `attach`.

        Args:
            core: the emulator, a `unicorn.Uc`, always the same.
            following: address of the next instruction.
            watches: whether accesses of memory are looked at, which takes longer.
        """
        uc = importlib.import_module("unicorn")
        self._error = None
        self.start(following, watches=watches)
        if self._core is None:
            self._core = core
            self._hook(uc.UC_HOOK_BLOCK, "watcher_block")
        if watches and any(cache.serves != "code" for cache in self._caches):
            if self._thumb:
                emulator, status = _emulator(), uc.arm_const.UC_ARM_REG_XPSR
                moves = (_address(emulator.uc_reg_read), _address(emulator.uc_reg_write))
                self._library.watcher_condition(self._watcher, *moves, status, _IN_CONDITION)
            self._watching = self._hook(
                uc.UC_HOOK_MEM_READ | uc.UC_HOOK_MEM_WRITE, "watcher_access"
            )

    def detach(self) -> None:
        """End counting.

        Raises:
            Exception: what went wrong in the cost model.
        """
        self._library.watcher_stop(self._watcher)
        if self._watching is not None:
            _emulator().uc_hook_del(self._core._uch, self._watching)
            self._core.ctl_flush_tb()
            self._watching = None
        if self._error is not None:
            raise self._error
        assert not self._totals().failed, "no memory to count blocks"

    def start(self, following: int, *, watches: bool) -> None:
        """Begin to count what is handed to `block` and `access`."""
        first = 0 if self._pipeline is None else self._pipeline.first
        self._library.watcher_start(self._watcher, following, first, watches)

    def block(self, address: int, n_bytes: int) -> None:
        """One block of instructions that runs; an attached core calls it."""
        self._library.watcher_block(None, address, n_bytes, self._watcher)

    def access(self, address: int, n_bytes: int) -> None:
        """One access of memory; an attached core calls it."""
        self._library.watcher_access(None, 0, address, n_bytes, 0, self._watcher)

    def empty_caches(self) -> None:
        """As after power-on."""
        self._library.watcher_empty_caches(self._watcher)

    # ---- what was seen ----

    @property
    def taken(self) -> int:
        """Jumps out of the straight line."""
        return int(self._totals().taken)

    @property
    def cycles(self) -> int | None:
        """Cycles until nothing is outstanding any more; None without a cost model."""
        totals = self._totals()
        if self._pipeline is None:
            return None
        return int(totals.cycles) + self._pipeline.outstanding(totals.state)

    @property
    def cycles_so_far(self) -> int:
        """Cycles until the next block may begin; 0 without a cost model."""
        return int(self._totals().cycles)

    def blocks(self) -> list[tuple[int, int]]:
        """Address and bytes of every block that was ever seen, by its number."""
        keys = self._by_block(self._library.watcher_keys).tolist()
        return [(key >> 16, key & 0xFFFF) for key in keys]

    def times(self) -> NDArray[np.uint64]:
        """How often each block has run so far, shape (blocks,)."""
        return self._by_block(self._library.watcher_times)

    def ran(self) -> dict[tuple[int, int], int]:
        """How often each block ran, by its address and bytes."""
        pairs = zip(self.blocks(), self.times().tolist(), strict=True)
        return {block: number for block, number in pairs if number}

    def misses(self) -> dict[str, float]:
        """Lines that each cache did not have, by its name."""
        count = self._library.watcher_misses
        return {cache.name: count(self._watcher, i) for i, cache in enumerate(self._caches)}

    def _by_block(self, figures: Any) -> NDArray[np.uint64]:
        """A copy of what C keeps for each block, which it may move."""
        n = int(self._totals().n_blocks)
        if n == 0:
            return np.zeros(0, np.uint64)
        return np.array(np.ctypeslib.as_array(figures(self._watcher), (n,)))

    def _totals(self) -> Any:
        return self._library.watcher_totals(self._watcher).contents

    def _cost(self, address: int, n_bytes: int, jumped: int, state: int) -> int:
        """Called from C for a block and a state that are new; an error waits for `detach`."""
        assert self._pipeline is not None
        try:
            cycles, after = self._pipeline.block(address, n_bytes, bool(jumped), state)
        except Exception as error:
            self._error = error
            if self._core is not None:
                self._core.emu_stop()
            return _FAILED
        return cycles << 32 | after

    def _hook(self, kinds: int, function: str) -> c_uint64:
        """Let the emulator call a function of C, without Python between them."""
        hook = c_uint64()
        failed = _emulator().uc_hook_add(
            self._core._uch, ctypes.byref(hook), kinds, _address(getattr(self._library, function)),
            self._watcher, c_uint64(1), c_uint64(0),
        )  # fmt: skip
        assert not failed, f"the emulator takes no hook ({failed})"
        self._core.ctl_flush_tb()  # blocks translated before have no hook in them
        return hook


def _address(function: Any) -> c_void_p:
    return ctypes.cast(function, c_void_p)


def _emulator() -> Any:
    """The emulator's C library, as its Python package has loaded it."""
    return importlib.import_module("unicorn.unicorn_py3.unicorn").uclib


@functools.cache
def _library() -> Any:
    suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
    library = ctypes.CDLL(str(compile_for_host(SOURCES, f"watcher{suffix}")))
    library.watcher_new.restype, library.watcher_new.argtypes = c_void_p, [_FIND, _TELL]
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, [c_void_p, *arguments]
    library.watcher_block.restype = None
    library.watcher_block.argtypes = [c_void_p, c_uint64, c_uint32, c_void_p]
    library.watcher_access.restype = None
    library.watcher_access.argtypes = [c_void_p, c_int, c_uint64, c_int, c_int64, c_void_p]
    return library
