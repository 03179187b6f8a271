"""Rows on standard input are answered as they come, and every verb says what it was given."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metabit.edge_runtime.engine import Engine
from metabit.export.container import load, save
from metabit.readers.live import MOST_WAITING, Waiting

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


def json_line(**fields: object) -> str:
    return json.dumps(fields) + "\n"


def named(model_file: Path, tmp_path: Path) -> Path:
    """The same model with names for its classes."""
    model = load(model_file)
    names = [f"kind {label}" for label in range(model.n_outputs)]
    path = tmp_path / "named.mbit"
    save(replace(model, meta={**model.meta, "class_names": names}), path)
    return path


def test_a_label_may_come_later_than_its_sample(
    model_file: Path, data_file: Path, tmp_path: Path
) -> None:
    with np.load(data_file) as data:
        x, y = data["x"][:6], data["y"][:6]
    path = named(model_file, tmp_path)
    sent = [json_line(id=f"s{i}", values=x[i].tolist()) for i in range(6)]
    told = [json_line(id=f"s{i}", label=f"kind {y[i]}") for i in (3, 1)]
    unknown = json_line(id="nobody", label="kind 0")
    with learning(path, "--state", str(tmp_path / "state")) as child:
        out, errors = child.communicate("".join([*sent, *told, *told[:1], unknown]))
    assert child.returncode == 0, errors
    answers = [json.loads(line) for line in out.splitlines()]
    said = Engine(path).predict(x)
    assert answers == [{"id": f"s{i}", "label": f"kind {said[i]}"} for i in range(6)]
    assert "learnt 2 of 6 samples" in errors
    assert "labels of samples that do not wait for one: 2;" in errors
    twin = Engine(path, learn="all").partial_fit(x[[3, 1]], y[[3, 1]])
    kept = Engine(path, learn="all", state=tmp_path / "state")
    assert kept.save_state() == twin.save_state()


def test_predict_answers_rows_by_name_and_counts_labels_that_come_later(
    cli: Cli, model_file: Path, data_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with np.load(data_file) as data:
        x, y = data["x"][:20], data["y"][:20]
    path = named(model_file, tmp_path)
    said = Engine(path).predict(x)
    csv = "".join(",".join(map(str, row)) + f",kind {k}\n" for row, k in zip(x, y, strict=True))
    monkeypatch.setattr("sys.stdin", io.StringIO(csv))
    assert cli("predict", path, "-").stdout.splitlines() == [f"kind {k}" for k in said]
    lines = [json_line(id=i, values=row.tolist()) for i, row in enumerate(x)]
    lines += [json_line(id=i, label=int(k)) for i, k in enumerate(y)]
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(lines)))
    answer = cli("predict", path, "-", "--json").answer
    assert answer["labels"] == said.tolist()
    assert answer["accuracy"] == np.mean(said == y)
    assert sum(map(sum, answer["confusion"])) == 20
    assert sum(row["n_samples"] for row in answer["classes"]) == 20


@pytest.mark.parametrize(
    ("line", "code", "why"),
    [
        ("{", "E-DATA-JSON", "line 2: not JSON"),
        ("[1]", "E-DATA-JSON", "line 2: not a JSON object"),
        ('{"id": [1], "values": [1]}', "E-DATA-JSON", '"id" is neither'),
        ('{"id": 1, "label": {}}', "E-DATA-JSON", "the label is neither"),
        ('{"id": 1}', "E-DATA-SHAPE", "neither values nor"),
        ('{"label": "kind 1"}', "E-DATA-SHAPE", "neither values nor"),
        ('{"values": [1, 2]}', "E-DATA-SHAPE", "a list of 12"),
        ('{"values": 3}', "E-DATA-SHAPE", "a list of 12"),
        ('{"values": ["1",2,3,4,5,6,7,8,9,10,11,12]}', "E-DATA-CELL", "value 1 is not a number"),
        ('{"values": [1,2,3,4,5,6,7,8,9,10,NaN,12]}', "E-DATA-NAN", "value 11 is not finite"),
        ('{"values": [1,2,3,4,5,6,7,8,9,10,11,1.5]}', "E-DATA-MEANING", "--real or --codes"),
    ],
)
def test_a_line_of_json_that_means_nothing_is_refused(
    cli: Cli, model_file: Path, monkeypatch: pytest.MonkeyPatch, line: str, code: str, why: str
) -> None:
    first = json_line(values=[1] * 12)
    monkeypatch.setattr("sys.stdin", io.StringIO(first + line + "\n"))
    done = cli("predict", model_file, "-")
    assert code in done.stderr
    assert why in done.stderr
    assert done.code in (2, 4)


def test_only_so_many_samples_wait_for_their_label() -> None:
    waiting = Waiting[int]()
    for number in range(MOST_WAITING + 5):
        waiting.put(number, number)
    assert waiting.take(4) is None
    assert waiting.take(5) == 5
    assert waiting.take(5) is None
    assert waiting.n_too_late == 2


def test_rows_without_any_label_are_refused_in_the_end(model_file: Path) -> None:
    with learning(model_file) as child:
        _, errors = child.communicate(",".join(["7"] * 12) + "\n")
    assert "E-NO-LABELS" in errors
    with learning(model_file, "--batch", "4") as child:
        _, errors = child.communicate("")
    assert "E-USAGE" in errors
