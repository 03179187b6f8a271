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


def learning(model_file: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "metabit", "learn", str(model_file), "-", "--learn", "all"]
    return subprocess.Popen(
        [*command, *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def test_a_row_is_learnt_before_the_next_one_is_written(
    model_file: Path, data_file: Path, tmp_path: Path
) -> None:
    with np.load(data_file) as data:
        x, y = data["x"][:30], data["y"][:30]
    twin = Engine(model_file, learn="all")
    with learning(model_file, "--state", str(tmp_path / "state")) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for i in range(30):
            label = "" if i % 3 == 2 else str(y[i])  # some rows nobody knows
            child.stdin.write(",".join(map(str, x[i].tolist())) + f",{label}\n")
            child.stdin.flush()
            said = twin.learn(x[i : i + 1], y[i : i + 1]) if label else twin.predict(x[i : i + 1])
            assert child.stdout.readline() == f"{said[0]}\n"
        child.stdin.close()
        assert child.wait() == 0
    kept = Engine(model_file, learn="all", state=tmp_path / "state")
    assert kept.save_state() == twin.save_state()


def test_what_was_learnt_of_rows_is_kept_when_one_of_them_is_refused(
    model_file: Path, data_file: Path, tmp_path: Path
) -> None:
    with np.load(data_file) as data:
        x, y = data["x"][:5], data["y"][:5]
    rows = "".join(f"{','.join(map(str, a))},{b}\n" for a, b in zip(x.tolist(), y, strict=True))
    with learning(model_file, "--state", str(tmp_path / "state")) as child:
        out, errors = child.communicate(rows + "1,2,oops\n")
    assert len(out.splitlines()) == 5
    assert "line 6: 3 columns" in errors
    assert child.returncode == 2
    twin = Engine(model_file, learn="all")
    twin.learn(x, y)
    kept = Engine(model_file, learn="all", state=tmp_path / "state")
    assert kept.save_state() == twin.save_state()


def test_rows_without_any_label_are_refused_in_the_end(model_file: Path) -> None:
    with learning(model_file) as child:
        _, errors = child.communicate(",".join(["7"] * 12) + "\n")
    assert "E-NO-LABELS" in errors
    with learning(model_file, "--batch", "4") as child:
        _, errors = child.communicate("")
    assert "E-USAGE" in errors
