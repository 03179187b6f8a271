"""Scoreboards against cycles that are known: of manuals, and of sums done by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from metabit.firmware_sim import boards
from metabit.firmware_sim.cost import cores
from metabit.firmware_sim.cost.cores import SIMILAR
from metabit.firmware_sim.cost.operations import MachineOperation
from metabit.firmware_sim.cost.pipeline import Pipeline


def op(kind: str, writes: str = "", *reads: str, **more: object) -> MachineOperation:
    made = {"writes": (writes,) if writes else (), "reads": reads} | more
    return MachineOperation(kind, **made)  # type: ignore[arg-type]


def cycles(core: str, block: Sequence[MachineOperation], times: int = 1) -> int:
    """Cycles of a block that repeats itself, over some repetitions."""
    return cycles_of(Pipeline(cores.load(core), lambda _at, _bytes: [*block]), times)


def cycles_of(pipeline: Pipeline, times: int, *, jumped: bool = False) -> int:
    state, ends = pipeline.first, [0]
    for _ in range(200 + times):  # until it repeats itself, and then some more
        taken, state = pipeline.block(0, 4, jumped, state)
        ends.append(ends[-1] + taken)
    return ends[-1] - ends[200]


ALU = [op("alu", f"r{i}", f"r{i}") for i in range(4)]
LOAD = op("load", "r7", "r8", address=("r8",))
MANUAL = [
    ("cortex-m4f", [*ALU], 4),
    ("cortex-m4f", [LOAD, *ALU], 6),  # a load alone takes two
    ("cortex-m4f", [LOAD, LOAD, LOAD, *ALU], 8),  # n of them n + 1
    ("cortex-m4f", [op("load_many", "r7", "r8", words=4), *ALU], 9),  # 1 + N
    ("cortex-m4f", [op("store"), *ALU], 5),  # the write buffer takes it
    ("cortex-m4f", [op("fp_div", "s0", "s1"), *ALU], 18),
    ("cortex-m3", [op("mla", "r0", "r1"), *ALU], 6),
    ("cortex-m0plus", [LOAD, LOAD, *ALU], 8),  # two each
    ("cortex-m0plus", [op("load_many", "r7", "r8", words=3), *ALU], 8),
    ("cortex-m33", [LOAD, *ALU], 5),  # nobody waits for it
    ("cortex-m33", [LOAD, op("alu", "r1", "r7")], 3),  # somebody does
    ("hazard3", [LOAD, op("alu", "r1", "r7")], 3),
    ("cortex-m7", [*ALU], 2),
    ("cortex-m7", [op("mul", "r0", "r1"), op("mul", "r2", "r3")], 2),  # one multiplier
    ("cortex-m55", [op("alu", "r0", short=True, simple=True), op("alu", "r1", short=True)], 1),
    ("cortex-m55", [op("alu", "r0"), op("alu", "r1")], 2),
    ("cortex-a53", [*ALU], 2),
    ("cortex-a53", [op("vec_q", f"v{i}") for i in range(4)], 4),  # 128 bits each cycle
    ("cortex-a53", [op("vec", f"v{i}") for i in range(4)], 2),
    ("cortex-a53", [op("vec_q", "v0"), op("alu", "x0"), op("vec_q", "v1"), op("alu", "x1")], 2),
    ("cortex-a72", [op("alu", f"x{i}") for i in range(6)], 3),  # two pipelines, though three enter
    ("cortex-a76", [op("alu", f"x{i}") for i in range(6)], 2),
    ("cortex-a76", [op("mul64", f"x{i}") for i in range(4)], 12),
    ("cortex-a76", [op("vec_q", f"v{i}") for i in range(4)], 2),
    ("cortex-a72", [op("load", "x0", "x0", address=("x0",))], 4),  # a chain of loads
]


@pytest.mark.parametrize(("core", "block", "expected"), MANUAL)
def test_known_sequences_take_their_cycles(
    core: str, block: Sequence[MachineOperation], expected: int
) -> None:
    assert cycles(core, block, 12) == 12 * expected


def test_a_taken_jump_costs_what_the_core_says() -> None:
    for name, expected in (("cortex-m4f", 3), ("cortex-m0plus", 2), ("esp32-c3", 3)):
        pipeline = Pipeline(cores.load(name), lambda _at, _bytes: [op("branch")])
        assert cycles_of(pipeline, 10, jumped=True) == 10 * expected


def test_a_core_that_predicts_short_loops_loses_at_their_first_jump_only() -> None:
    pipeline = Pipeline(cores.load("hazard3"), lambda _at, _bytes: [op("branch")])
    taken, state = pipeline.block(0, 4, True, pipeline.first)
    assert (taken, pipeline.block(0, 4, True, state)[0]) == (2, 1)
    assert pipeline.block(8, 4, True, state)[0] == 2


def test_a_loaded_value_is_stored_at_once_where_the_core_says_so() -> None:
    copy = [op("load", "x1", "x9", address=("x9",)), op("store", "", "x1", "x8", address=("x8",))]
    assert cycles("hazard3", copy, 10) == 20
    assert cycles("esp32-c3", copy, 10) == 30


def test_a_shifted_operand_is_needed_sooner() -> None:
    plain = [op("alu", "x0", "x0")]
    shifted = [op("shift_logic", "x0", "x0", shifted="x0")]
    assert cycles("cortex-a53", plain, 10) == 10
    assert cycles("cortex-a53", shifted, 10) == 20


def test_a_core_that_looks_ahead_hides_what_others_wait_for() -> None:
    block = [op("load", "x0", "x9", address=("x9",)), op("alu", "x1", "x0"), *ALU]
    assert cycles("cortex-a76", block, 10) < cycles("cortex-a53", block, 10)


@pytest.mark.parametrize("name", cores.names())
def test_a_core_names_its_sources_and_has_a_bar_around_one(name: str) -> None:
    core = cores.load(name)
    assert core.name == name
    assert core.sources
    assert all(len(source) > 20 for source in (*core.sources, core.bar_source))
    assert core.bar[0] < 1 < core.bar[1]
    assert all(core.cost(kind).latency >= 1 for kind in SIMILAR)


def test_every_emulated_board_has_a_cost_model() -> None:
    for name in boards.names():
        board = boards.load(name)
        assert (board.core in cores.names()) == board.emulated
