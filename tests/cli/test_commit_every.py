"""learn --commit-every N: what was learnt is kept as often as asked, whatever then happens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.guard import Guard

from .conftest import Cli

EVERY = 20


def rows_of(data_file: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    with np.load(data_file) as data:
        x, y = data["x"], data["y"]
    return x, y, [f"{','.join(map(str, row))},{k}\n" for row, k in zip(x.tolist(), y, strict=True)]


def learnt_of(model_file: Path, x: np.ndarray, y: np.ndarray) -> bytes:
    return Engine(model_file, learn="all").partial_fit(x, y).save_state()


def kept_in(model_file: Path, state: Path) -> bytes:
    return Engine(model_file, learn="all", state=state, read_only=True).save_state()


@pytest.mark.parametrize("n_rows", [19, 20, 39, 47])
def test_a_cut_costs_no_more_than_so_many_samples(
    model_file: Path, data_file: Path, tmp_path: Path, n_rows: int
) -> None:
    """The program is killed between two rows, as a power cut would end it; another goes on."""
    x, y, lines = rows_of(data_file)
    state = tmp_path / "state"
    command = [sys.executable, "-m", "metabit", "learn", str(model_file), "-", "--learn", "all"]
    command += ["--state", str(state), "--commit-every", str(EVERY)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for line in lines[:n_rows]:
            child.stdin.write(line)
            child.stdin.flush()
            assert child.stdout.readline()  # it is learnt, and kept where it is time
        child.kill()
    n_kept = n_rows // EVERY * EVERY
    assert kept_in(model_file, state) == learnt_of(model_file, x[:n_kept], y[:n_kept])
    rest = "".join(lines[n_kept:])
    subprocess.run(command, input=rest, text=True, check=True, capture_output=True)
    assert kept_in(model_file, state) == learnt_of(model_file, x, y)


def test_samples_of_a_file_are_kept_on_the_way(
    cli: Cli, model_file: Path, data_file: Path, tmp_path: Path
) -> None:
    x, y, _ = rows_of(data_file)
    state = tmp_path / "state"
    line = ("learn", model_file, data_file, "--learn", "all", "--state", state)
    cli(*line, "--commit-every", EVERY)
    kept = cli("state", "list", state, "--json").answer["states"]
    assert [each["n_steps"] for each in kept] == [50, 40, 20]
    assert kept_in(model_file, state) == learnt_of(model_file, x, y)
    cli("learn", model_file, data_file, "--learn", "all", "--state", tmp_path / "once")
    assert len(cli("state", "list", tmp_path / "once", "--json").answer["states"]) == 1


def test_the_guard_is_asked_before_anything_is_kept(
    cli: Cli, model_file: Path, data_file: Path, tmp_path: Path
) -> None:
    x, _, _ = rows_of(data_file)
    said, probes, wrong = Engine(model_file).predict(x), tmp_path / "p.npz", tmp_path / "wrong.npz"
    np.savez(probes, x=x, y=said)
    np.savez(wrong, x=np.tile(x, (8, 1)), y=np.tile((said + 1) % 4, 8))
    line = ("learn", model_file, wrong, "--learn", "all", "--probes", probes)
    kept = ("--state", tmp_path / "state", "--commit-every", 100)
    found = cli(*line, *kept, "--json").answer["guard"]
    assert [check["n_samples"] for check in found["checks"]] == [100, 200, 300, 400]
    assert found["n_reverted"] > 0
    twin = Engine(model_file, learn="all")
    guard = Guard(twin, x, said, every=100)
    with np.load(wrong) as data:
        guard.learn(data["x"], data["y"])
    assert [check.reverted for check in guard.checks] == [c["reverted"] for c in found["checks"]]
    assert kept_in(model_file, tmp_path / "state") == twin.save_state()


def test_commits_are_whole_batches(
    cli: Cli, model_file: Path, data_file: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    line = ("learn", model_file, data_file, "--learn", "all", "--batch", 8, "--state", state)
    cli(*line, "--commit-every", EVERY)
    kept = cli("state", "list", state, "--json").answer["states"]
    assert [each["n_steps"] for each in kept] == [50, 48, 32]
    cli("learn", model_file, data_file, "--learn", "all", "--batch", 8, "--state", tmp_path / "one")
    assert kept_in(model_file, state) == kept_in(model_file, tmp_path / "one")


def test_it_needs_a_place_to_keep_in(cli: Cli, model_file: Path, data_file: Path) -> None:
    done = cli("learn", model_file, data_file, "--commit-every", EVERY)
    done.refused(2, "E-USAGE")
    assert "--state DIR" in done.stderr
