"""Streams of benchmarks/drifting are what they say, and the device follows them by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.drifting import learners, streams, unpack
from benchmarks.drifting.published import published
from benchmarks.drifting.stream import N_ROWS, N_START, Stream
from benchmarks.tables import drifting as table
from benchmarks.tables.gates import NEURAL, RIVAL, SIMPLE
from metabit.errors import InputError

MADE = [
    name for name, build in streams.STREAMS.items() if not build.__module__.endswith(".streams")
]


@pytest.mark.parametrize("name", MADE)
def test_a_stream_follows_from_its_seed_and_shows_classes_and_finite_numbers(name: str) -> None:
    build = streams.STREAMS[name]
    one, same, other = build(1), build(1), build(2)
    assert one.x.shape[0] == len(one.y) == N_ROWS
    assert np.isfinite(one.x).all()
    assert np.unique(one.y).tolist() == list(range(one.n_classes))
    assert learners.digest(one) == learners.digest(same) != learners.digest(other)


def test_no_stream_is_in_both_halves() -> None:
    assert not streams.TO_CHOOSE_ON.keys() & streams.TO_REPORT.keys()
    assert len(MADE) == len(streams.STREAMS) - 8


def test_a_published_stream_that_is_not_there_says_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.drifting.published.FOLDER", tmp_path)
    with pytest.raises(InputError, match="make drifting-rivals"):
        published("weather")
    monkeypatch.setattr(unpack, "FOLDER", tmp_path)
    unpack.write("weather", [(["1.5", "2"], "rain"), (["0", "1"], "dry")])
    read = published("weather")
    assert read.x.tolist() == [[1.5, 2.0], [0.0, 1.0]]
    assert read.y.tolist() == [1, 0]


def _short(name: str, n: int) -> Stream:
    whole = streams.STREAMS[name](1)
    return Stream(whole.x[:n], whole.y[:n])


@pytest.mark.parametrize(("name", "least"), [("clouds that move", 0.9), ("SEA, jumps", 0.8)])
def test_the_command_line_follows_a_stream_of_raw_numbers(name: str, least: float) -> None:
    assert learners.device(_short(name, 2000), seed=1) > least


def test_a_rival_learns_raw_numbers_too() -> None:
    stream = Stream(np.array([[0.0], [1.0]] * 150), np.array([0, 1] * 150))
    assert learners.rival("last label")(stream, 1) == 0.0
    assert learners.rival("larger class")(stream, 1) == 0.5
    assert N_START == 200


def test_the_bar_is_of_all_rivals_and_of_the_seeds_that_all_met() -> None:
    def row(right: float, *more: float) -> dict[str, object]:
        runs = [{"seed": 600 + i, "right": r} for i, r in enumerate((right, *more))]
        return {"row": 0, "streams": {"s": runs}}

    r = {RIVAL + name: row(0.8) for name in (*SIMPLE, learners.STEADY)}
    assert np.isnan(table.bar(r, "s"))  # the MLP is missing
    r[RIVAL + NEURAL] = row(0.83, 0.0)
    assert table.bar(r, "s") == pytest.approx(81.0)
    r[RIVAL + SIMPLE[0]] = row(0.84)
    assert table.bar(r, "s") == pytest.approx(83.0)
