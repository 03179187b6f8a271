"""The emulator: only the board's memory exists, faults are explained, counts are right."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import unicorn
from helpers.random_models import random_samples

from metabit.edge_runtime.inputs import Samples
from metabit.edge_runtime.options import Options
from metabit.errors import InputError, MetabitError
from metabit.firmware_sim import boards, session
from metabit.firmware_sim.build import Image, build
from metabit.firmware_sim.machines.device import Device
from metabit.firmware_sim.machines.emulator import PAINT, Emulator
from metabit.firmware_sim.session import Session

# What the core finds where it resumes, in place of the firmware's return.
WRITE_TO_CODE = {
    "nrf52840": bytes.fromhex("0020 0060"),  # movs r0, #0; str r0, [r0]
    "raspberry-pi-3b-plus": bytes.fromhex("0001a0d2 1f0000f9"),  # mov x0, #0x80000; str xzr, [x0]
}
JUMP_TO_RAM = {
    "nrf52840": bytes.fromhex("6846 0130 0047"),  # mov r0, sp; adds r0, #1; bx r0
    "raspberry-pi-3b-plus": bytes.fromhex("e0030091 00001fd6"),  # mov x0, sp; br x0
}


def sample_of(running: Session) -> Samples:
    samples: Samples = random_samples(np.random.default_rng(5), running.model.input, 1)
    return samples.reshape(-1)


@pytest.mark.parametrize("beyond", [0, 4096, 1 << 20])
def test_reading_beyond_ram_faults_and_names_the_function(device: Device, beyond: int) -> None:
    """The firmware's pointer to its model is bent to the first byte after RAM, and further."""
    board = device.firmware.board
    width = 4 if board.isa == "thumb" else 8
    address = board.ram.end + beyond
    device.emulator.write(device.emulator.symbol("model"), address.to_bytes(width, "little"))
    with pytest.raises(MetabitError, match=r"faulted.* at 0x[0-9a-f]{8} in mb_\w+\(\)") as caught:
        device.save_state()
    assert caught.value.code == "E-SIM-FAULT"
    assert board.name in str(caught.value)


@pytest.mark.parametrize("code", [WRITE_TO_CODE, JUMP_TO_RAM], ids=["write-code", "run-data"])
def test_code_cannot_be_written_and_data_cannot_be_run(
    start: Callable[..., Session], board_name: str, code: dict[str, bytes]
) -> None:
    emulator = Emulator(start(board_name).firmware)
    emulator.run()
    emulator.write(emulator.symbol("fw_resume"), code[board_name])
    with pytest.raises(MetabitError, match="faulted") as caught:
        emulator.run()
    assert caught.value.code == "E-SIM-FAULT"


def test_a_stack_that_is_too_small_faults_instead_of_writing_over_data(
    blob: bytes, board_name: str
) -> None:
    small = replace(boards.load(board_name), stack_bytes=1024)
    device = session.start(blob, small, "all", Options()).device()
    with pytest.raises(MetabitError, match="stack is exhausted") as caught:
        device.open()
    assert caught.value.code == "E-SIM-FAULT"


def test_the_stack_used_is_what_a_smaller_stack_would_need(blob: bytes, board_name: str) -> None:
    board = boards.load(board_name)
    used = run_once(session.start(blob, board, "all", Options()))
    assert 1024 < used < board.stack_bytes
    # By whole lines of 64 bytes: kernels align their tables to one, so a top elsewhere costs more.
    enough = replace(board, stack_bytes=(used + 63) // 64 * 64)
    assert run_once(session.start(blob, enough, "all", Options())) == used
    too_small = replace(board, stack_bytes=used // 64 * 64 - 64)
    with pytest.raises(MetabitError, match="stack is exhausted"):
        run_once(session.start(blob, too_small, "all", Options()))


def run_once(running: Session) -> int:
    """Stack used by opening a model and learning one sample."""
    device = running.device()
    device.open()
    device.learn(sample_of(running)[None], np.array([1], np.int32))
    return device.stack_used_bytes()


def test_memory_starts_dirty_and_variables_are_cleared(
    start: Callable[..., Session], board_name: str
) -> None:
    emulator = Emulator(start(board_name).firmware)
    low, high = emulator.symbol("fw_bss_start"), emulator.symbol("fw_bss_end")
    assert emulator.read(low, high - low) == PAINT * (high - low)
    emulator.run()
    pointer = emulator.read(emulator.symbol("model"), 4)
    assert pointer == bytes(4)
    arena = emulator.symbol("fw_arena")
    assert emulator.read(arena, 64) == PAINT * 64  # nothing clears the arena before mb_open does


def test_counts_are_reproducible_and_counting_changes_nothing(
    start: Callable[..., Session], board_name: str
) -> None:
    running = start(board_name)
    sample = sample_of(running)
    results = []
    for _ in range(2):
        device = running.device()
        device.open(count=True)
        counts = [device.counts]
        device.predict(sample, count=True)
        counts.append(device.counts)
        device.learn(sample[None], np.array([1], np.int32), count=True)
        counts.append(device.counts)
        results.append((counts, device.save_state()))
    plain = running.device()
    plain.open()
    plain.predict(sample)
    plain.learn(sample[None], np.array([1], np.int32))
    assert results[0] == results[1]
    assert plain.save_state() == results[0][1]


def test_the_count_is_the_number_of_instructions_that_ran(
    start: Callable[..., Session], board_name: str
) -> None:
    """Against a hook on every instruction: slower, and simple enough to be believed.

    The hook does not see instructions that a Thumb IT block lets pass; those are left out here.
    """
    running = start(board_name)
    sample = sample_of(running)
    counted, stepped = running.device(), running.device()
    for device in (counted, stepped):
        device.open()
    counted.learn(sample[None], np.array([2], np.int32), count=True)
    hooked: Counter[int] = Counter()
    core = stepped.emulator._uc
    core.hook_add(unicorn.UC_HOOK_CODE, lambda _uc, at, _size, _data: hooked.update((at,)))
    core.ctl_flush_tb()
    stepped.learn(sample[None], np.array([2], np.int32))
    ours: Counter[int] = Counter()
    conditional = set()
    goes_on: dict[int, int] = {}  # an IT block that a page border cuts goes on in the next block
    watcher = counted.emulator._watcher
    assert watcher is not None
    for (block, size), times in sorted(watcher.ran().items()):
        in_it = goes_on.get(block, 0)
        code = counted.emulator.read(block, size)
        for at, _, mnemonic, _ in counted.emulator._decoder.disasm_lite(code, block):
            ours[at] += times
            if in_it:
                conditional.add(at)
            in_it = len(mnemonic) - 1 if re.fullmatch("it[te]*", mnemonic) else max(in_it - 1, 0)
        if in_it:
            goes_on[block + size] = in_it
    assert counted.counts.total == ours.total() == sum(counted.counts.by_function.values())
    assert {at: n for at, n in ours.items() if at not in conditional} == {
        at: n for at, n in hooked.items() if at not in conditional
    }
    assert bool(conditional) == (running.board.isa == "thumb")


def test_an_unknown_core_is_named(blob: bytes) -> None:
    board = replace(boards.load("nrf52840"), emulated_cpu="cortex-m5")
    with pytest.raises(InputError, match="cortex-m"):
        Emulator(build(board, Image(blob, 8192, 65, 5)))
