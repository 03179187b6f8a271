"""Estimates: cycles of the core and of its caches, with an error bar, and never more than that."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from metabit.firmware_sim import boards
from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.cost import cores, latency
from metabit.firmware_sim.cost.counting import Counts
from metabit.firmware_sim.cost.latency import CostEstimate


def estimate(board: Board, counts: Counts, cold: Counts) -> CostEstimate:
    """The estimate of a core that has a cost model."""
    made = latency.estimate(board, counts, cold)
    assert made is not None
    return made


def test_cycles_and_time_of_a_sum_done_by_hand() -> None:
    """At 1 MHz, where fetches cost nothing but at the high end."""
    board = replace(
        boards.load("nrf52840"), clock_hz=1_000_000, clock_range=(1e6, 1e6, 1e6),
        fetch_factor=(1, 1, 2),
    )  # fmt: skip
    made = estimate(board, Counts(cycles=1000), Counts())
    low, high = cores.load("cortex-m4f").bar
    assert made.cycles == pytest.approx((1000 * low, 1000, 2000 * high))
    assert made.microseconds == pytest.approx(made.cycles)


def test_errors_of_time_and_power_are_added_in_quadrature() -> None:
    board = replace(boards.load("nrf52840"), fetch_factor=(1, 1, 1), active_mw=(5, 10, 20))
    made = estimate(board, Counts(cycles=64_000), Counts())
    low, high = cores.load("cortex-m4f").bar
    assert made.microjoules == pytest.approx(
        (10 * (1 - math.hypot(1 - low, 0.5)), 10, 10 * (1 + math.hypot(high - 1, 1)))
    )


def test_a_clock_that_may_fall_makes_the_bar_wider() -> None:
    steady = replace(boards.load("raspberry-pi-3b-plus"), caches=(), clock_range=(1.4e9,) * 3)
    throttled = replace(steady, clock_range=(0.7e9, 1.4e9, 1.4e9))
    counts = Counts(cycles=1400)
    one, other = (estimate(board, counts, counts).microseconds for board in (steady, throttled))
    assert one[:2] == pytest.approx(other[:2])
    assert other[2] > 2 * other[1] > one[2]


def test_a_board_without_power_figures_has_no_energy() -> None:
    board = replace(boards.load("nrf52840"), active_mw=None)
    assert estimate(board, Counts(cycles=1), Counts()).microjoules is None


def test_a_core_without_a_cost_model_has_no_estimate() -> None:
    assert latency.estimate(boards.load("nrf52840"), Counts({"alu": 1}), Counts()) is None


def test_what_a_cache_does_not_have_is_waited_for() -> None:
    """Warm at the typical end of the bar, cold at the high one, where DRAM is not read ahead.

    A line from DRAM costs nothing more in the caches that it passes.
    """
    board = replace(boards.load("raspberry-pi-3b-plus"), clock_range=(1.4e9,) * 3)
    none = {cache.name: 0.0 for cache in board.caches}
    counts = Counts(cycles=1000, misses=none)
    high = cores.load(board.core).bar[1]
    warm = replace(counts, misses=none | {"L1 data": 3000.0, "L2": 1000.0})
    cold = replace(counts, misses=none | {"L1 data": 3000.0, "L2": 3000.0})
    made = estimate(board, warm, cold)
    line = 64 / 2_068_000_000 * 1_400_000_000
    assert made.cycles[1] == pytest.approx(1000 * line + 2000 * 8)
    assert made.cycles[2] == pytest.approx(1000 * high + 3000 * line)


def test_dram_that_is_read_while_the_core_works_takes_no_time() -> None:
    board = boards.load("raspberry-pi-3b-plus")
    none = {cache.name: 0.0 for cache in board.caches}
    idle, busy = (Counts(cycles=1_000_000, misses=none | {"L2": n}) for n in (0.0, 100.0))
    assert estimate(board, busy, busy).cycles[1] == estimate(board, idle, idle).cycles[1]


def test_an_estimate_says_that_it_is_one() -> None:
    made = estimate(boards.load("nrf52840"), Counts(cycles=10), Counts())
    assert made.to_dict()["kind"] == "estimate"
