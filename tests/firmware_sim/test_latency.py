"""Estimates: sums of counts times costs, with an error bar, and never more than that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metabit.firmware_sim import boards, latency
from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.counting import CLASSES, Counts
from metabit.firmware_sim.latency import CORES, CostEstimate


def estimate(board: Board, counts: Counts, cold: Counts) -> CostEstimate:
    """The estimate of a core that has a cost table."""
    made = latency.estimate(board, counts, cold)
    assert made is not None
    return made


@pytest.mark.parametrize("name", sorted(CORES))
def test_a_core_has_a_cost_for_every_class_low_to_high(name: str) -> None:
    core = CORES[name]
    assert set(core.costs) == set(CLASSES)
    assert core.source
    for costs in (*core.costs.values(), core.taken, core.extra_word):
        assert list(costs) == sorted(costs)
        assert costs[0] >= 0


def test_cycles_time_and_energy_of_a_sum_done_by_hand() -> None:
    """On a Cortex-M4 at 1 MHz and 2 mW, whose fetches cost nothing but at the high end."""
    board = replace(
        boards.load("nrf52840"),
        clock_range=(1e6, 1e6, 1e6),
        fetch_factor=(1, 1, 2),
        active_mw=(2, 2, 2),
    )
    counts = Counts({"alu": 1000, "div": 100, "branch": 10}, {}, taken=10, extra_words=5)
    made = estimate(board, counts, Counts())
    low, typical = 1000 + 200 + 10 + 10 + 5, 1000 + 600 + 10 + 20 + 5
    high = 2 * (1000 + 1200 + 10 + 30 + 5)
    assert made.cycles == pytest.approx((low, typical, high))
    assert made.microseconds == pytest.approx(made.cycles)
    assert made.microjoules == pytest.approx([c * 2 / 1000 for c in made.cycles])


def test_a_board_without_power_figures_has_no_energy() -> None:
    board = replace(boards.load("nrf52840"), active_mw=None)
    assert estimate(board, Counts({"alu": 1}), Counts()).microjoules is None


def test_what_a_cache_does_not_have_is_waited_for() -> None:
    """Warm at the typical end of the bar, cold at the high one."""
    board = boards.load("raspberry-pi-3b-plus")
    none = {cache.name: 0.0 for cache in board.caches}
    counts = Counts({"alu": 1000}, misses=none)
    inside = estimate(board, counts, counts)
    warm = replace(counts, misses=none | {"L2": 1000.0})
    cold = replace(counts, misses=none | {"L1 data": 10.0, "L2": 2000.0})
    outside = estimate(board, warm, cold)
    extra = [b - a for a, b in zip(inside.cycles, outside.cycles, strict=True)]
    line = 64 / 2_068_000_000 * 1_400_000_000
    assert extra == pytest.approx([1000 * line, 1000 * line, 2000 * line + 10 * 15])


def test_an_estimate_says_that_it_is_one() -> None:
    made = estimate(boards.load("nrf52840"), Counts({"alu": 10}), Counts())
    assert made.to_dict()["kind"] == "estimate"
