"""profile and simulate: the firmware on an emulated board, through the command line."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples

from metabit.export import container

from .conftest import Cli

BOARDS = ("nrf52840", "raspberry-pi-3b-plus")


@pytest.mark.parametrize("board", BOARDS)
def test_profile_tells_memory_instructions_and_estimates(
    cli: Cli, model_file: Path, board: str
) -> None:
    done = cli("profile", model_file, "--board", board, "--json")
    answer = done.answer
    assert answer["schema"] == "metabit/profile/1"
    assert answer["fits"] is True
    planned = cli("plan", model_file, "--json").answer
    assert answer["panels"] == (board == "raspberry-pi-3b-plus")
    assert (answer["arena_bytes"] == planned["arena_bytes"]) == (not answer["panels"])
    assert answer["ram"]["used_bytes"] == sum(answer["ram"]["parts"].values())
    assert answer["learn"]["instructions"]["total"] > answer["predict"]["instructions"]["total"] > 0
    bar = answer["predict"]["estimate"]["microseconds"]
    assert bar["low"] < bar["typical"] < bar["high"]
    assert "estimate" in done.stderr


def test_a_model_too_large_for_the_board_is_profiled_and_ends_with_3(
    cli: Cli, tmp_path: Path
) -> None:
    path = tmp_path / "large.mbit"
    container.save(random_model((784, 300, 10), golden=1), path)
    done = cli("profile", path, "--board", "nrf52840", "--learn", "all", "--json")
    done.refused(3, "E-BUDGET")
    assert done.answer["fits"] is False
    assert done.answer["ram"]["over_bytes"] > 0
    assert done.answer["predict"]["instructions"]["total"] > 0
    assert "hidden weights" in done.answer["error"]["message"]


@pytest.mark.parametrize("board", BOARDS)
def test_boards_take_batches(cli: Cli, model_file: Path, data_file: Path, board: str) -> None:
    line = (model_file, "--board", board, "--batch", 4)
    done = cli("profile", *line, "--json")
    one = cli("profile", model_file, "--board", board, "--json").answer
    assert "learn 4 samples, one step" in done.stderr
    assert done.answer["learn"]["samples_per_step"] == 4
    more = done.answer["learn"]["instructions"]["total"] / one["learn"]["instructions"]["total"]
    assert 2 < more < 6
    planned = cli("plan", model_file, "--batch", 4, "--json").answer["arena_bytes"]
    assert done.answer["panels"] or done.answer["arena_bytes"] == planned
    args = ("--data", data_file, "--samples", 10, "--learn", "all", "--json")
    answer = cli("simulate", *line, *args).answer
    assert answer["same_as_host"] is True
    assert len(answer["learnt"]) == 10
    assert answer["learn"]["samples_counted"] == 8  # two whole steps, not the one of what is left


@pytest.mark.parametrize("board", BOARDS)
def test_simulate_learns_on_the_board_as_on_the_host(
    cli: Cli, model_file: Path, data_file: Path, board: str
) -> None:
    args = ("--data", data_file, "--samples", 20, "--learn", "all", "--json")
    answer = cli("simulate", model_file, "--board", board, *args).answer
    assert answer["same_as_host"] is True
    host = cli("predict", model_file, data_file, "--limit", 20, "--json").answer
    assert answer["labels"] == host["labels"]
    assert len(answer["learnt"]) == answer["samples"] == 20


@pytest.mark.parametrize("verb", ["profile", "simulate"])
def test_an_unknown_board_names_the_nearest(cli: Cli, model_file: Path, verb: str) -> None:
    done = cli(verb, model_file, "--board", "nrf52480")
    done.refused(2, "E-BOARD")
    assert 'did you mean "nrf52840"?' in done.stderr


@pytest.mark.parametrize("verb", ["profile", "simulate"])
def test_a_damaged_model_is_rejected_with_4(
    cli: Cli, model_file: Path, tmp_path: Path, verb: str
) -> None:
    bad = tmp_path / "bad.mbit"
    bad.write_bytes(model_file.read_bytes()[:-4])
    cli(verb, bad, "--board", "nrf52840").refused(4, "E-LENGTH")


def test_without_the_extra_the_pip_command_is_said(
    cli: Cli, model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.util import find_spec

    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "unicorn" else find_spec(name)
    )
    done = cli("profile", model_file, "--board", "nrf52840")
    done.refused(2, "E-EXTRA")
    assert 'pip install "metabit[sim]"' in done.stderr


@pytest.mark.parametrize("verb", ["profile", "simulate"])
@pytest.mark.parametrize("learn", ["all", "auto"])
def test_what_does_not_fit_is_refused_alike_by_every_verb(
    cli: Cli, tmp_path: Path, verb: str, learn: str
) -> None:
    path = tmp_path / "large.mbit"
    container.save(random_model((784, 2048, 10), golden=1), path)
    done = cli(verb, path, "--board", "arduino-uno-r4", "--learn", learn)
    done.refused(3, "E-BUDGET")
    assert re.search(r"does not fit arduino-uno-r4; .* KiB of flash are missing", done.stderr)


@pytest.mark.parametrize("verb", ["simulate", pytest.param("profile", marks=pytest.mark.long)])
def test_what_was_learnt_is_where_a_board_begins(
    cli: Cli, model_file: Path, tmp_path: Path, verb: str
) -> None:
    data, state = tmp_path / "samples.npz", tmp_path / "state"
    model = container.load(model_file)
    x = random_samples(np.random.default_rng(0), model.input, 8)
    np.savez(data, x=x, y=np.arange(8) % model.n_outputs)
    cli("learn", model_file, data, "--learn", "head", "--replay", 5, "--state", state)
    done = cli(verb, model_file, "--board", "nrf52840", "--state", state, "--json")
    assert done.answer["choice"] == "learning the head, 8-bit state, replay of 5 samples"


def test_boards_are_listed_and_one_shows_its_sources(cli: Cli) -> None:
    answer = cli("boards", "--json").answer
    assert len(answer["boards"]) >= 12
    assert {"raspberry-pi-5", "esp32-c3", "stm32h743"} <= {b["name"] for b in answer["boards"]}
    assert [b["name"] for b in answer["boards"] if not b["emulated"]] == ["esp32-s3"]
    done = cli("boards", "stm32u575")
    assert "MLPerf Tiny" in done.stdout
    assert "160 MHz" in done.stdout
    assert "-15 to +15 %" in done.stdout


def test_a_core_without_a_model_is_named_with_the_nearest_that_has_one(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    own = (Path(__file__).parents[2] / "examples" / "own_board.toml").read_text()
    path = tmp_path / "own.toml"
    path.write_text(own.replace('core = "cortex-m4f"', 'core = "cortex-m4"'))
    assert 'did you mean "cortex-m4f"?' in cli("boards", path).stdout
    done = cli("profile", model_file, "--board", path)
    assert 'did you mean "cortex-m4f"?' in done.stdout
    cli("profile", model_file, "--board", path, "--trace", tmp_path / "trace.json").refused(
        2, "E-BOARD-FILE"
    )


def test_a_file_of_ones_own_works_in_every_verb(cli: Cli, model_file: Path) -> None:
    own = Path(__file__).parents[2] / "examples" / "own_board.toml"
    assert cli("boards", own, "--json").answer["boards"][0]["name"] == "own-board"
    planned = cli("plan", model_file, "--board", own, "--json").answer
    assert planned["ram_bytes"] == 98_304 - 8_192
    for verb in ("profile", "simulate"):
        assert cli(verb, model_file, "--board", own, "--json").answer["board"] == "own-board"


def test_a_board_that_can_only_be_planned_for_is_planned_for(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    planned = cli("plan", model_file, "--board", "esp32-s3", "--json").answer
    assert planned["fits"] is True
    verbs = (("profile",), ("simulate",), ("firmware", "-o", tmp_path), ("device", "info"))
    for verb, *more in verbs:
        done = cli(verb, *more, model_file, "--board", "esp32-s3")
        done.refused(2, "E-BOARD-PLAN")
        assert "metabit export FILE --to c --core" in done.stderr
    cli("plan", model_file, "--board", "esp32-s3", "--ram", "1K").refused(2, "E-ARGUMENT")


def test_a_profile_is_a_line_of_csv_and_a_page_too(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    path, page = tmp_path / "boards.csv", tmp_path / "board.html"
    layers, drawn = tmp_path / "layers.csv", tmp_path / "trace.json"
    answer = cli(
        "profile", model_file, "--board", "nrf52840", "--csv", path, "--html", page, "--json",
        "--layers-csv", layers, "--trace", drawn,
    ).answer  # fmt: skip
    rows = list(csv.DictReader(layers.read_text().splitlines()))
    learnt = [float(row["instructions"]) for row in rows if row["work"] == "learn"]
    assert sum(learnt) == pytest.approx(answer["learn"]["instructions"]["total"], abs=1)
    assert any(
        event["name"] == "fc1: forward" for event in json.loads(drawn.read_text())["traceEvents"]
    )
    assert "Nordic nRF52840" in page.read_text()
    assert answer["model_sha256"] == hashlib.sha256(model_file.read_bytes()).hexdigest()
    assert answer["toolchain"].startswith("zig ")
    assert "Technical Reference Manual" in answer["cost_source"]
    assert answer["learn"]["instructions_min"] <= answer["learn"]["instructions_max"]
    assert answer["steps_before"] == 8
    (row,) = csv.DictReader(path.read_text().splitlines())
    assert row["board"] == answer["board"] == "nrf52840"
    assert (row["core"], row["clock_hz"]) == (answer["core"], str(answer["clock_hz"]))
    assert int(row["ram_used_bytes"]) == answer["ram"]["used_bytes"]
    bar = answer["predict"]["estimate"]["microseconds"]
    assert float(row["predict_us_typical"]) == pytest.approx(bar["typical"], abs=0.001)
    assert float(row["learn_uj_high"]) > float(row["learn_uj_low"]) > 0


@pytest.mark.long
def test_every_board_stands_in_a_line(cli: Cli, model_file: Path, tmp_path: Path) -> None:
    path, page = tmp_path / "boards.csv", tmp_path / "boards.html"
    done = cli("profile", model_file, "--board", "all", "--csv", path, "--html", page, "--json")
    names = [board["board"] for board in done.answer["boards"]]
    assert names == [row["board"] for row in csv.DictReader(path.read_text().splitlines())]
    assert len(names) >= 12
    assert all(name in page.read_text() for name in names)
    assert "esp32-s3" not in names
    assert all(board["predict"]["estimate"] for board in done.answer["boards"])
