"""Windows alternate, and the figures made of them are what they say. No time is tested."""

from __future__ import annotations

import numpy as np
import pytest

from metabit.bench.timing import Contestant, Limits, Times, clock_mhz, take_turns


def busy(n: int) -> None:
    """About 10 µs of work a call."""
    for _ in range(n):
        clock_mhz()


def test_contestants_take_turns_after_their_warm_up() -> None:
    log: list[str] = []

    def contestant(name: str) -> Contestant:
        def run(n: int) -> None:
            log.extend(name * n)
            busy(n)

        return Contestant(name, run)

    rounds: list[int] = []
    times = take_turns(
        [contestant("a"), contestant("b")], Limits(5, 2, 60.0), lambda: rounds.append(len(log))
    )
    assert list(times) == ["a", "b"]
    assert [len(t.us) for t in times.values()] == [5, 5]
    assert len(rounds) == 5
    a, b = (times[name].calls for name in "ab")
    one_round = ["a"] * (1 + a) + ["b"] * (1 + b)  # one call of each is not counted
    assert log[-7 * len(one_round) :] == 7 * one_round


def test_no_round_is_begun_when_the_time_is_over_but_three_are_made() -> None:
    times = take_turns([Contestant("busy", busy)], Limits(1000, 0, 0.0))
    assert len(times["busy"].us) == 3


def test_the_figures_of_known_windows() -> None:
    us = np.arange(1.0, 101.0)
    times = Times(us, np.where(us <= 50, 2000.0, 1000.0), calls=7)
    assert (times.min_us, times.median_us) == (1.0, 50.5)
    assert times.p99_us == pytest.approx(99.01)
    # The quickest quarter in cycles: 2,000, 4,000, ... of the first windows and none of the others.
    assert times.cycles == pytest.approx(26_000, rel=0.01)
    answer = times.to_dict()
    assert answer["clock_mhz"] == {"min": 1000.0, "median": 1500.0, "max": 2000.0}
    assert (answer["windows"], answer["calls_a_window"]) == (100, 7)
