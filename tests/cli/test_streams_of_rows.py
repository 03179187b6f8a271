"""Rows on standard input are answered as they come, and every verb says what it was given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from metabit.edge_runtime.engine import Engine

from .conftest import Cli


def test_a_row_is_answered_before_the_next_one_is_written(
    model_file: Path, data_file: Path
) -> None:
    with np.load(data_file) as data:
        x = data["x"][:6]
    expected = Engine(model_file).predict(x)
    command = [sys.executable, "-m", "metabit", "predict", str(model_file), "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for row, label in zip(x.tolist(), expected.tolist(), strict=True):
            child.stdin.write(",".join(map(str, row)) + "\n")
            child.stdin.flush()
            assert child.stdout.readline() == f"{label}\n"
        child.stdin.close()
        assert child.stdout.read() == ""
        assert child.wait() == 0


def test_values_beyond_the_scale_are_spoken_of(cli: Cli, model_file: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 250, (40, 12)), rng.integers(0, 4, 40)
    np.savez(tmp_path / "good.npz", x=x, y=y)
    np.savez(tmp_path / "huge.npz", x=x * 1000, y=y)
    for verb in ("predict", "learn"):
        assert "warning" not in cli(verb, model_file, tmp_path / "good.npz").stderr
        assert (
            "beyond what the model can read" in cli(verb, model_file, tmp_path / "huge.npz").stderr
        )


def test_the_user_says_what_numbers_mean_and_where_the_label_is(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 250, (40, 12)), rng.integers(0, 4, 40)
    rows = np.column_stack([y, x])
    np.savetxt(tmp_path / "f.csv", rows, fmt="%d", delimiter=";")
    answer = cli("predict", model_file, tmp_path / "f.csv", "--label", "1", "--json").answer
    assert answer["labels"] == Engine(model_file).predict(x.astype(np.uint8)).tolist()
    assert answer["accuracy"] is not None
    done = cli("predict", model_file, tmp_path / "f.csv", "--label", "1")
    assert "--codes" in done.stderr
    real = cli("predict", model_file, tmp_path / "f.csv", "--label", "1", "--real", "--json").answer
    assert real["labels"] == Engine(model_file).predict(x.astype(float)).tolist()
