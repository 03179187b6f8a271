"""Candidates on a board: what the firmware leaves them, and which are too slow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.small_fit import asked_in, question_of, write_table

from metabit.firmware_sim import boards
from metabit.firmware_sim.simulate import simulate
from metabit.fitting import networks, on_board, race
from metabit.fitting.cost import blob_of
from metabit.fitting.fit import answer
from metabit.fitting.material import read
from metabit.fitting.propose import propose
from metabit.fitting.question import Budgets
from metabit.trainer.streams.build import RAW


@pytest.mark.long
def test_slow_candidates_are_refused_from_two_that_were_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "HIDDEN", ((), (16,), (1024,)))
    board = boards.load("nrf52840")
    budgets = Budgets(board="nrf52840", latency_us=300.0)
    question = question_of(write_table(tmp_path / "mine.csv"))
    question = replace(question, budgets=budgets, frontend=RAW)
    made = propose(question, read(question.data, 0), tmp_path / "features", lambda _line: None)
    assert made.counts == {"latency": 1}
    assert [entry.candidate.shape for entry in made.entries] == ["4-3", "4-16-3"]
    small = made.entries[0]
    spent = on_board.spent_by(small, made.features[small.features], "nrf52840")
    assert spent.predict_us is not None
    assert 0 < spent.predict_us < 300
    assert on_board.keeps_to(spent, budgets)
    assert not on_board.keeps_to(spent, replace(budgets, latency_us=spent.predict_us / 2))
    blob = blob_of(small.candidate, made.features[small.features], small.cost)
    room = on_board.room_on("nrf52840", Budgets(), blob)
    assert room.ram_bytes is not None
    assert board.ram_bytes / 2 < room.ram_bytes < board.ram_bytes - board.stack_bytes


@pytest.mark.long
def test_the_delivered_network_is_run_on_the_board_with_its_front_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "HIDDEN", ((),))
    monkeypatch.setattr(race, "FULL_STEPS", 64)
    question = question_of(write_table(tmp_path / "mine.csv"))
    question = replace(question, budgets=Budgets(board="nrf52840"), frontend=RAW)
    done = answer(question, asked_in(tmp_path / "out"))["confirmed"]
    made = simulate(tmp_path / "out" / "mine.mbit", "nrf52840", learn="counting", n_samples=2)
    assert made.front_end is not None
    assert made.front_end.estimate is not None
    assert (done["board"], done["n_samples"]) == ("nrf52840", on_board.CONFIRMED)
    assert done["predict_us"] > made.front_end.estimate.microseconds[1]
    assert done["learn_us"] > 0
