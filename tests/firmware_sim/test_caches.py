"""Caches: least recently used lines go first, and a miss asks the next cache."""

from __future__ import annotations

from dataclasses import replace

from metabit.firmware_sim import boards
from metabit.firmware_sim.boards import Cache
from metabit.firmware_sim.caches import Caches

L1 = Cache("L1", "data", "all", 128, 2, 32, (1, 1, 1))
L2 = Cache("L2", "both", "all", 1024, 2, 64, (1, 1, 1))


def caches(*shapes: Cache) -> Caches:
    made = Caches(replace(boards.load("nrf52840"), caches=shapes))
    made.start()
    return made


def read(made: Caches, *addresses: int, n_bytes: int = 4) -> dict[str, float]:
    """Misses of reading some words."""
    assert made.data is not None
    made.start()
    for address in addresses:
        made.data(address, n_bytes)
    return made.misses()


def test_the_line_used_longest_ago_makes_room() -> None:
    """Two sets of two lines of 32 bytes: lines at multiples of 64 share a set."""
    made = caches(L1)
    assert read(made, 0, 64, 0, 128) == {"L1": 3}
    assert read(made, 0) == {"L1": 0}
    assert read(made, 64) == {"L1": 1}


def test_a_miss_asks_the_next_cache_whose_lines_are_longer() -> None:
    made = caches(L1, L2)
    assert read(made, 0, 32, 64, 96) == {"L1": 4, "L2": 2}
    assert read(made, 0, 256, 512) == {"L1": 2, "L2": 2}


def test_an_access_across_a_border_takes_both_lines() -> None:
    assert read(caches(L1), 28, n_bytes=8) == {"L1": 2}


def test_code_and_data_share_only_what_serves_both() -> None:
    made = caches(L1, L2)
    assert made.code is not None
    made.code(0, 64)
    assert made.misses() == {"L1": 0, "L2": 1}
    assert read(made, 0) == {"L1": 1, "L2": 0}
    assert caches(L1).code is None


def test_a_cache_of_flash_leaves_ram_alone() -> None:
    made = caches(replace(L1, of="flash"))
    assert read(made, 0x20000000, 0x20000040, 0x40) == {"L1": 1}


def test_power_on_empties_all_of_them() -> None:
    made = caches(L1, L2)
    read(made, 0)
    made.clear()
    assert read(made, 4096, 0) == {"L1": 2, "L2": 2}
