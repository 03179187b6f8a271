"""What a board keeps in its flash: slots that take turns (metabit_flash.h; docs/DEVICE.md)."""

from __future__ import annotations

from metabit.firmware_sim.boards import Board

#: Of MB_FLASH_SEAL_BYTES and of the record before its state image, at most.
_SEAL_BYTES, _RECORD_BYTES = 256, 24
#: Two are enough for a power cut; more of them last longer, and take longer to look through.
LEAST_SLOTS, MOST_SLOTS = 2, 16


def slot_bytes(board: Board, state_bytes: int) -> int:
    """Whole pages of a board's flash that hold a state image of so many bytes."""
    pages = -(-(_SEAL_BYTES + _RECORD_BYTES + state_bytes) // board.page_bytes)
    return pages * board.page_bytes


def n_slots(board: Board, state_bytes: int, free_bytes: int) -> int:
    """Slots that fit at the end of the flash, of which so many bytes are free."""
    return min(free_bytes // slot_bytes(board, state_bytes), MOST_SLOTS)
