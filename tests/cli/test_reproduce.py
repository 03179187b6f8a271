"""`metabit reproduce`: from a benchmark's name to its table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from helpers.tiny_benchmark import HEAD, ROWS, serial, written

from metabit.trainer.reproduction import benchmark as benchmarks
from metabit.trainer.reproduction.engines import Failure, Watcher
from metabit.trainer.reproduction.jobs import Job
from metabit.trainer.reproduction.runner import ENGINES

from .conftest import Cli


def test_without_a_name_every_benchmark_is_listed(cli: Cli) -> None:
    done = cli("reproduce", "--json")
    listed = [entry["name"] for entry in done.answer["benchmarks"]]
    assert listed == benchmarks.names()
    assert "digits" in listed
    for name in listed:
        assert name in done.stderr
    assert cli("reproduce", "--list", "--json").answer == done.answer


def test_the_list_says_what_a_benchmark_needs(cli: Cli) -> None:
    (entry,) = cli("reproduce", "permuted-mnist", "--list", "--json").answer["benchmarks"]
    assert entry["needs"]["paper"]["core_hours"] > 100 * entry["needs"]["small"]["core_hours"]
    assert entry["needs"]["paper"]["memory_bytes"] > 1e9


@pytest.mark.long
def test_a_search_then_a_table(cli: Cli, tmp_path: Path) -> None:
    text = HEAD + ROWS.replace("method = { m = 30.0 }", "search = { m = [5.0, 30.0] }")
    path, out = written(tmp_path, text), tmp_path / "out"
    cli("reproduce", path, "-o", out).refused(2, "E-CHOSEN")
    search = cli("reproduce", path, "-o", out, "--search", "--rows", "metaplastic", "--jobs", 1)
    assert search.code == 0, search.stderr
    assert "2 of 2 done: metaplastic with m = 30.0, seed 100" in search.stderr
    assert "chosen" in search.stdout
    answer = cli("reproduce", path, "-o", out, "--seeds", 1, "--jobs", 1, "--json").answer
    assert (answer["schema"], answer["ok"]) == ("metabit/reproduce/1", True)
    assert [row["label"] for row in answer["rows"]] == ["naive", "metaplastic"]
    assert answer["failed"] == []
    # What is finished is only shown again.
    done = cli("reproduce", path, "-o", out, "--seeds", 1)
    acc = answer["rows"][0]["metrics"]["acc"]["mean"]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("naive")]
    assert f"{100 * acc:.2f}" in line
    document = json.loads((out / "small" / "results.json").read_text())
    assert document["rows"] == answer["rows"]


def test_a_run_that_fails_is_named_and_the_others_are_shown(cli: Cli, tmp_path: Path) -> None:
    bad = '[[row]]\nlabel = "bad"\nmethod = { name = "naive", lr = 1e36 }\n'
    path = written(tmp_path, HEAD + ROWS + bad)
    done = cli("reproduce", path, "-o", tmp_path / "out", "--seeds", 1, "--json", "--jobs", 1)
    done.refused(1, "E-JOBS")
    answer = done.answer
    assert answer["failed"][0]["code"] == "E-DIVERGED"
    assert [row["label"] for row in answer["rows"]] == ["naive", "metaplastic"]
    assert "bad, seed 0" in answer["error"]["message"]


@pytest.mark.parametrize("again", [False, True])
def test_an_interrupted_command_says_how_to_continue(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    path, out = written(tmp_path), tmp_path / "out"
    same = ["reproduce", path, "-o", out, "--seeds", 1]

    def interrupted(jobs: Sequence[Job], n: int, watcher: Watcher) -> list[Failure]:
        serial(jobs[:1], n, watcher)
        raise KeyboardInterrupt

    monkeypatch.setitem(ENGINES, "pool", interrupted)
    done = cli(*same, *["--again"] * again)
    assert (done.code, done.stdout) == (130, "")
    how = "the same command without --again" if again else "the same command"
    said = f"interrupted: finished runs are kept in {out}; {how} continues"
    assert said in " ".join(done.stderr.split())
    monkeypatch.setitem(ENGINES, "pool", serial)
    done = cli(*same)
    assert "1 of 2 done" not in done.stderr, "this run was kept"
    assert "2 of 2 done: metaplastic, seed 0" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["digit"], "E-BENCHMARK"),
        (["digits", "--rows", "nave"], "E-RECIPE"),
        (["digits", "--rows", "naive", "--search"], "E-CHOSEN"),
        (["digits", "--scale", "large"], "E-USAGE"),
        (["digits", "--jobs", "0"], "E-USAGE"),
    ],
)
def test_what_cannot_be_done_is_refused(
    cli: Cli, tmp_path: Path, arguments: list[str], error: str
) -> None:
    cli("reproduce", *arguments, "-o", tmp_path / "out").refused(2, error)
    assert not (tmp_path / "out").exists()
