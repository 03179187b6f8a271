"""The watcher's caches: the line used longest ago goes first, and a miss asks the next cache.

What it counts of a core is held against a hook on every instruction in test_emulator.py.
"""

from __future__ import annotations

import importlib
import struct
from dataclasses import replace
from typing import Any

import pytest

from metabit.firmware_sim import boards
from metabit.firmware_sim.boards import Cache
from metabit.firmware_sim.cost import cores
from metabit.firmware_sim.cost.operations import MachineOperation
from metabit.firmware_sim.cost.pipeline import Pipeline
from metabit.firmware_sim.cost.watcher import BlockWatcher

L1 = Cache("L1", "data", "all", 128, 2, 32, (1, 1, 1))
L2 = Cache("L2", "both", "all", 1024, 2, 64, (1, 1, 1))


def caches(*shapes: Cache) -> BlockWatcher:
    made = BlockWatcher(replace(boards.load("nrf52840"), caches=shapes), None)
    made.start(0, watches=True)
    return made


def read(made: BlockWatcher, *addresses: int, n_bytes: int = 4) -> dict[str, float]:
    """Misses of reading some words."""
    made.start(0, watches=True)
    for address in addresses:
        made.access(address, n_bytes)
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
    made.block(0, 64)
    assert made.misses() == {"L1": 0, "L2": 1}
    assert read(made, 0) == {"L1": 1, "L2": 0}


def test_a_cache_of_flash_leaves_ram_alone() -> None:
    made = caches(replace(L1, of="flash"))
    assert read(made, 0x20000000, 0x20000040, 0x40) == {"L1": 1}


def test_power_on_empties_all_of_them() -> None:
    made = caches(L1, L2)
    read(made, 0)
    made.empty_caches()
    assert read(made, 4096, 0) == {"L1": 2, "L2": 2}


def test_a_fault_of_the_cost_model_ends_the_run_and_is_raised() -> None:
    def undecodable(_address: int, _n_bytes: int) -> list[MachineOperation]:
        raise ValueError("what is this")

    unicorn: Any = importlib.import_module("unicorn")
    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    uc.mem_map(0, 4096)
    uc.mem_write(0, b"\xfe\xe7")  # a branch to itself
    made = BlockWatcher(boards.load("nrf52840"), Pipeline(cores.load("cortex-m4f"), undecodable))
    made.attach(uc, 0, watches=False)
    uc.emu_start(1, 64)
    with pytest.raises(ValueError, match="what is this"):
        made.detach()


LOAD, STORE = 0x681A, 0x601A  # ldr r2, [r3] and str r2, [r3]


@pytest.mark.parametrize("access", [LOAD, STORE])
@pytest.mark.parametrize("watches", [False, True])
def test_code_after_an_access_under_a_condition_runs_without_one(
    access: int, *, watches: bool
) -> None:
    """The condition holds at the access and no longer where the next block begins; if it stayed in
    the core, `adds` would not run there."""
    block = (0x2801, 0xBF08, access, 0x2802, 0xE7FF)  # cmp r0, #1; it eq; access; cmp r0, #2; b .+2
    code = (*block, 0x3101, 0x3101)  # adds r1, #1, twice
    unicorn: Any = importlib.import_module("unicorn")
    arm = unicorn.arm_const
    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    uc.mem_map(0, 4096)
    uc.mem_map(0x20000000, 4096)
    uc.mem_write(0, struct.pack(f"<{len(code)}H", *code))
    uc.reg_write(arm.UC_ARM_REG_R0, 1)
    uc.reg_write(arm.UC_ARM_REG_R3, 0x20000000)
    made = caches(L1)
    made.attach(uc, 0, watches=watches)
    uc.emu_start(1, 2 * len(code))
    made.detach()
    assert made.misses() == {"L1": watches}
    assert uc.reg_read(arm.UC_ARM_REG_R1) == 2
