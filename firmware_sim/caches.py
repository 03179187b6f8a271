"""Caches of a board, fed by the accesses of the emulated core: how many lines were not there.

Lines are replaced in the order of their last use. There is no prefetcher and no write buffer: what
those hide is in the range of `miss_cycles` of a board file.
"""

from __future__ import annotations

from collections.abc import Callable

from metabit.firmware_sim.boards import Board, Cache


class _Level:
    """One cache of the board."""

    def __init__(self, shape: Cache, board: Board) -> None:
        self.shape = shape
        self.shift = shape.line_bytes.bit_length() - 1
        self.n_sets = shape.bytes // (shape.ways * shape.line_bytes)
        self.sets: list[dict[int, None]] = []
        self.misses = 0
        kept = board.flash if shape.of == "flash" else None
        self.first, self.end = (0, 1 << 64) if kept is None else (kept.origin, kept.end)
        self.clear()

    def clear(self) -> None:
        """Forget all lines."""
        self.sets = [{} for _ in range(self.n_sets)]

    def has(self, address: int) -> bool:
        """Look an address up, and take its line in."""
        line = address >> self.shift
        lines = self.sets[line % self.n_sets]
        if line in lines:
            del lines[line]  # and in again, as the one used last
            lines[line] = None
            return True
        self.misses += 1
        lines[line] = None
        if len(lines) > self.shape.ways:
            del lines[next(iter(lines))]
        return False


class Caches:
    """All caches of a board; what one does not have is looked for in the next.

    Args:
        board: supplies their shapes.
    """

    def __init__(self, board: Board) -> None:
        self._levels = [_Level(shape, board) for shape in board.caches]
        self.code = self._watcher("code")
        self.data = self._watcher("data")

    def clear(self) -> None:
        """As after power-on."""
        for level in self._levels:
            level.clear()

    def start(self) -> None:
        """Begin to count misses."""
        for level in self._levels:
            level.misses = 0

    def misses(self) -> dict[str, float]:
        """Lines that each cache did not have since `start`, by its name."""
        return {level.shape.name: level.misses for level in self._levels}

    def _watcher(self, kind: str) -> Callable[[int, int], None] | None:
        """What takes an access, its address and bytes; None where no cache serves its kind."""
        levels = [level for level in self._levels if level.shape.serves in (kind, "both")]
        if not levels:
            return None
        step = min(level.shape.line_bytes for level in levels)
        last = -1

        def touch(address: int, n_bytes: int) -> None:
            nonlocal last
            first, end = address // step, (address + n_bytes - 1) // step
            if first == last == end:
                return
            for line in range(first, end + 1):
                at = line * step
                for level in levels:
                    if level.first <= at < level.end and level.has(at):
                        break
            last = end

        return touch
