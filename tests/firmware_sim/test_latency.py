"""Estimates: sums of counts times costs, with an error bar, and never more than that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from metabit.errors import InputError
from metabit.firmware_sim import boards
from metabit.firmware_sim.counting import CLASSES, Counts
from metabit.firmware_sim.latency import CORES, core_of, estimate


@pytest.mark.parametrize("name", sorted(CORES))
def test_a_core_has_a_cost_for_every_class_low_to_high(name: str) -> None:
    core = CORES[name]
    assert set(core.costs) == set(CLASSES)
    assert core.source
    for costs in (*core.costs.values(), core.taken, core.extra_word):
        assert list(costs) == sorted(costs)
        assert costs[0] >= 0


def test_every_board_has_a_cost_table() -> None:
    for name in boards.names():
        assert core_of(boards.load(name)).costs


def test_a_core_without_a_table_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="cortex-m4f") as caught:
        core_of(replace(boards.load("nrf52840"), core="cortex-m4"))
    assert caught.value.code == "E-CORE"


def test_cycles_time_and_energy_of_a_sum_done_by_hand() -> None:
    """On a Cortex-M4 at 1 MHz and 2 mW, whose fetches cost nothing but at the high end."""
    board = replace(
        boards.load("nrf52840"), clock_hz=1_000_000, fetch_factor=(1, 1, 2), active_mw=(2, 2, 2)
    )
    counts = Counts({"alu": 1000, "div": 100, "branch": 10}, {}, taken=10, extra_words=5)
    made = estimate(board, counts, touched_bytes=0)
    low, typical = 1000 + 200 + 10 + 10 + 5, 1000 + 600 + 10 + 20 + 5
    high = 2 * (1000 + 1200 + 10 + 30 + 5)
    assert made.cycles == pytest.approx((low, typical, high))
    assert made.microseconds == pytest.approx(made.cycles)
    assert made.microjoules == pytest.approx([c * 2 / 1000 for c in made.cycles])


def test_a_board_without_power_figures_has_no_energy() -> None:
    board = replace(boards.load("nrf52840"), active_mw=None)
    assert estimate(board, Counts({"alu": 1}), touched_bytes=0).microjoules is None


def test_what_exceeds_the_cache_is_streamed_from_memory() -> None:
    board = boards.load("raspberry-pi-3b-plus")
    counts = Counts({"alu": 1000})
    inside = estimate(board, counts, touched_bytes=board.cache_bytes)
    outside = estimate(board, counts, touched_bytes=board.cache_bytes + 2_068_000)
    extra = [b - a for a, b in zip(inside.microseconds, outside.microseconds, strict=True)]
    whole = (board.cache_bytes + 2_068_000) / board.memory_bytes_per_s * 1e6
    assert extra == pytest.approx([0, 1000, whole])


def test_an_estimate_says_that_it_is_one() -> None:
    made = estimate(boards.load("nrf52840"), Counts({"alu": 10}), touched_bytes=0)
    assert made.to_dict()["kind"] == "estimate"
