"""predict and learn: what they read, what they refuse, what they keep."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from metabit import Engine
from metabit.cli.tables import percent
from metabit.edge_runtime.inputs import Samples
from metabit.export import container

from .conftest import Cli


@pytest.fixture(scope="module")
def x(data_file: Path) -> Samples:
    with np.load(data_file) as arrays:
        return np.asarray(arrays["x"], dtype=np.uint8)


@pytest.fixture(scope="module")
def y(data_file: Path) -> NDArray[np.int64]:
    with np.load(data_file) as arrays:
        return np.asarray(arrays["y"], dtype=np.int64)


def write_csv(path: Path, rows: NDArray[np.generic], header: str = "") -> Path:
    text = io.StringIO()
    np.savetxt(text, rows, fmt="%g", delimiter=",")
    path.write_text(header + text.getvalue())
    return path


# ---- every way in gives the same labels -----------------------------------------------------


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "csv with header", "csv with labels"])
def test_every_kind_of_file_gives_the_engines_labels(
    cli: Cli, tmp_path: Path, model_file: Path, x: Samples, y: NDArray[np.int64], kind: str
) -> None:
    path = tmp_path / f"data.{kind[:3]}"
    if kind == "npy":
        np.save(path, x)
    elif kind == "npz":
        np.savez(path, x=x)
    elif kind == "csv":
        write_csv(path, x)
    elif kind == "csv with header":
        write_csv(path, x, header=",".join(f"sensor{i}" for i in range(12)) + "\n")
    else:
        write_csv(path, np.column_stack([x, y]))
    answer = cli("predict", model_file, path, "--json").answer
    assert answer["labels"] == Engine(model_file).predict(x).tolist()
    assert (answer["accuracy"] is not None) == (kind == "csv with labels")


def test_floats_are_quantized_as_the_engine_does(
    cli: Cli, tmp_path: Path, model_file: Path, x: Samples
) -> None:
    values = x + 0.25
    np.save(tmp_path / "f.npy", values)
    write_csv(tmp_path / "f.csv", values)
    expected = Engine(model_file).predict(values).tolist()
    for name in ("f.npy", "f.csv"):
        assert cli("predict", model_file, tmp_path / name, "--json").answer["labels"] == expected


def test_standard_input_gives_one_label_a_line_and_nothing_else(
    model_file: Path, tmp_path: Path, x: Samples
) -> None:
    rows = write_csv(tmp_path / "rows.csv", x[:7]).read_text()
    command = [sys.executable, "-m", "metabit", "predict", str(model_file), "-"]
    done = subprocess.run(command, input=rows, capture_output=True, text=True, check=True)
    expected = Engine(model_file).predict(x[:7])
    assert done.stdout == "".join(f"{label}\n" for label in expected)


def test_accuracy_and_limit(cli: Cli, model_file: Path, data_file: Path, x: Samples) -> None:
    y = np.load(data_file)["y"]
    answer = cli("predict", model_file, data_file, "--limit", 20, "--json").answer
    assert answer["n_samples"] == 20
    assert answer["accuracy"] == np.mean(Engine(model_file).predict(x[:20]) == y[:20])


@pytest.fixture
def named_file(tmp_path: Path, model_file: Path) -> Path:
    """The model with names of its four classes, one of them hostile to terminals."""
    path = tmp_path / "named.mbit"
    meta = {"class_names": ["stand up", "walk", "lie", "\x1b[2Jsit"]}
    container.save(replace(container.load(model_file), meta=meta), path)
    return path


def test_classes_are_called_by_their_names(cli: Cli, named_file: Path, data_file: Path) -> None:
    names = ["stand up", "walk", "lie", "?[2Jsit"]
    with np.load(data_file) as data:
        x, y = data["x"], data["y"]
    labels = Engine(named_file).predict(x)
    done = cli("predict", named_file, data_file)
    assert f"labels: {', '.join(names[label] for label in labels[:20])} ..." in done.stdout
    assert "\x1b" not in done.stdout
    right = (labels == y)[y == 1]
    assert re.search(rf"^walk +{len(right)} +{100 * right.mean():.1f} %", done.stdout, re.M)
    answer = cli("predict", named_file, data_file, "--json").answer
    assert answer["labels"] == labels.tolist()
    assert answer["class_names"][0] == "stand up"
    assert answer["classes"][1]["accuracy"] == right.mean()
    learnt = cli("learn", named_file, data_file)
    assert re.search(rf"^walk +{len(right)} +[0-9.]+ %", learnt.stdout, re.M)
    assert "classes         4: stand up, walk, lie, ?[2Jsit" in cli("inspect", named_file).stdout


def test_classes_without_names_are_numbers_and_have_no_table(
    cli: Cli, model_file: Path, data_file: Path
) -> None:
    done = cli("predict", model_file, data_file)
    assert re.search(r"^labels: [0-3]( [0-3]){19} \.\.\.$", done.stdout, re.M)
    assert "right" not in done.stdout
    assert cli("predict", model_file, data_file, "--json").answer["class_names"] == []


def test_labels_out_writes_npy_or_lines(
    cli: Cli, tmp_path: Path, model_file: Path, data_file: Path, x: Samples
) -> None:
    expected = Engine(model_file).predict(x)
    for name in ("labels.npy", "labels.txt"):
        assert cli("predict", model_file, data_file, "--labels-out", tmp_path / name).code == 0
    assert np.array_equal(np.load(tmp_path / "labels.npy"), expected)
    assert np.array_equal(np.loadtxt(tmp_path / "labels.txt"), expected)
    missing = tmp_path / "no" / "labels.txt"
    cli("predict", model_file, data_file, "--labels-out", missing).refused(1, "E-WRITE")


# ---- what is refused ------------------------------------------------------------------------


def save_bad(folder: Path, name: str, x: Samples) -> Path:
    """A file of samples with one thing wrong."""
    path = folder / name
    if name == "shape.npy":
        np.save(path, x[:, :5])
    elif name == "one.npy":
        np.save(path, x[0])
    elif name == "int64.npy":
        np.save(path, x.astype(np.int64))
    elif name == "text.npy":
        np.save(path, x.astype(str))
    elif name == "empty.npy":
        np.save(path, x[:0])
    elif name in ("nan.npy", "inf.npy"):
        values = x.astype(np.float32)
        values[3, 2] = float(name[:3])
        np.save(path, values)
    elif name == "pickle.npy":
        np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    elif name == "pickle.npz":
        np.savez(path, x=x, y=np.array([None] * len(x), dtype=object))
    elif name == "no_x.npz":
        np.savez(path, samples=x)
    elif name == "labels.npz":
        np.savez(path, x=x, y=np.zeros(3, dtype=np.int64))
    elif name == "float_labels.npz":
        np.savez(path, x=x, y=np.full(len(x), 0.5))
    elif name == "class.npz":
        np.savez(path, x=x, y=np.full(len(x), 4))
    elif name == "negative.npz":
        np.savez(path, x=x, y=np.full(len(x), -1))
    elif name.startswith("foreign"):
        path.write_bytes(b"this is not an array")
    elif name.startswith("short"):
        whole = folder / name.replace("short", "whole")
        np.save(whole, x) if name.endswith("npy") else np.savez(whole, x=x)
        path.write_bytes(whole.read_bytes()[:300])
    else:
        path.write_text(CSV[name])
    return path


GOOD_ROW = ",".join(["7"] * 12) + "\n"
CSV = {
    "cell.csv": GOOD_ROW + GOOD_ROW.replace("7,", "7,oops,", 1).replace(",7\n", "\n"),
    "width.csv": GOOD_ROW + "1,2,3\n",
    "columns.csv": "1,2,3\n",
    "nan.csv": GOOD_ROW + GOOD_ROW.replace("7", "nan", 1),
    "range.csv": GOOD_ROW.replace("7", "256", 1),
    "empty.csv": "",
    "binary.csv": "\0\0\0",
}


@pytest.mark.parametrize(
    ("name", "code", "error", "hint"),
    [
        ("shape.npy", 2, "E-SHAPE", "(50, 5), expected (n, 12)"),
        ("one.npy", 2, "E-SHAPE", "(12,), expected (n, 12)"),
        ("int64.npy", 2, "E-DTYPE", "int64, expected uint8 or float"),
        ("text.npy", 2, "E-DTYPE", "expected uint8"),
        ("empty.npy", 2, "E-DATA-EMPTY", "no samples"),
        ("nan.npy", 2, "E-NOT-FINITE", "[3, 2]"),
        ("inf.npy", 2, "E-NOT-FINITE", "[3, 2]"),
        ("pickle.npy", 2, "E-DATA-PICKLE", "could run code"),
        ("pickle.npz", 2, "E-DATA-PICKLE", "could run code"),
        ("no_x.npz", 2, "E-DATA-NO-X", "found: samples"),
        ("labels.npz", 2, "E-SHAPE", "expected (50,)"),
        ("float_labels.npz", 2, "E-DTYPE", "expected integers"),
        ("class.npz", 2, "E-LABEL", "label 4 of sample 0"),
        ("negative.npz", 2, "E-LABEL", "label -1 of sample 0"),
        ("foreign.npy", 4, "E-DATA-FORMAT", "not a .npy file"),
        ("foreign.npz", 4, "E-DATA-FORMAT", "not a .npz file"),
        ("short.npy", 4, "E-DATA-FORMAT", "damaged"),
        ("short.npz", 4, "E-DATA-FORMAT", "damaged"),
        ("cell.csv", 2, "E-DATA-CELL", 'line 2, column 2: "oops"'),
        ("width.csv", 2, "E-DATA-SHAPE", "line 2: 3 columns where"),
        ("columns.csv", 2, "E-DATA-SHAPE", "the model wants 12, or 13"),
        ("nan.csv", 2, "E-DATA-NAN", "line 2, column 1"),
        ("range.csv", 2, "E-DATA-RANGE", "0 to 255"),
        ("empty.csv", 2, "E-DATA-EMPTY", "no samples"),
        ("binary.csv", 2, "E-DATA-SHAPE", "1 columns"),
    ],
)
def test_bad_samples_are_refused_and_nothing_is_learnt(
    cli: Cli, tmp_path: Path, model_file: Path, x: Samples, name: str, code: int, error: str,
    hint: str,
) -> None:  # fmt: skip
    path, state = save_bad(tmp_path, name, x), tmp_path / "state"
    for args in (("predict", model_file, path), ("learn", model_file, path, "--state", state)):
        done = cli(*args)
        done.refused(code, error)
        assert hint in done.stderr
    assert list(state.glob("*.mbs")) == []


def test_learning_without_labels_is_refused(
    cli: Cli, tmp_path: Path, model_file: Path, x: Samples
) -> None:
    np.save(tmp_path / "x.npy", x)
    cli("learn", model_file, tmp_path / "x.npy").refused(2, "E-NO-LABELS")


@pytest.mark.parametrize(
    ("data", "error", "hint"),
    [
        ("no.npy", "E-DATA-READ", "no such file"),
        ("diigts", "E-DATA-NAME", 'did you mean "digits"?'),
        ("digits", "E-SHAPE", "expected (n, 12)"),
    ],
)
def test_data_that_is_not_there_is_said(
    cli: Cli, model_file: Path, data: str, error: str, hint: str
) -> None:
    done = cli("predict", model_file, data)
    done.refused(2, error)
    assert hint in done.stderr


def test_a_data_set_that_is_not_there_says_how_to_get_it(cli: Cli, model_file: Path) -> None:
    done = cli("predict", model_file, "mnist")
    done.refused(2, "E-DATA-MISSING")
    assert "metabit data fetch mnist" in done.stderr


# ---- learning -------------------------------------------------------------------------------


def test_learn_is_the_engine_over_the_stream(
    cli: Cli, tmp_path: Path, model_file: Path, data_file: Path, x: Samples, y: NDArray[np.int64]
) -> None:
    state = tmp_path / "state"
    answer = cli("learn", model_file, data_file, "--state", state, "--json").answer
    engine = Engine(model_file, learn="auto")
    predicted = engine.learn(x, y)
    assert answer["prequential_accuracy"] == np.mean(predicted == y)
    assert answer["n_steps"] == 50
    kept = Engine(model_file, learn="auto", state=state)
    assert kept.save_state() == engine.save_state()


def test_learning_goes_on_where_it_stopped(
    cli: Cli, tmp_path: Path, model_file: Path, data_file: Path
) -> None:
    twice, state = Engine(model_file, learn="auto"), tmp_path / "state"
    with np.load(data_file) as both:
        for _ in range(2):
            twice.partial_fit(both["x"], both["y"])
            assert cli("learn", model_file, data_file, "--state", state).code == 0
    assert Engine(model_file, learn="auto", state=state).save_state() == twice.save_state()
    used = cli("predict", model_file, data_file, "--state", state, "--json").answer
    assert used["labels"] == twice.predict(np.load(data_file)["x"]).tolist()


def test_batches_go_through_the_parts_of_a_stream(
    cli: Cli, tmp_path: Path, model_file: Path, x: Samples, y: NDArray[np.int64]
) -> None:
    state, path = tmp_path / "state", tmp_path / "long.npz"
    longer, y = np.tile(x, (5, 1)), np.tile(y, 5)  # longer than what is shown at a time
    np.savez(path, x=longer, y=y)
    options = ["--batch", "7", "--state", state]
    answer = cli("learn", model_file, path, *options, "--json").answer
    engine = Engine(model_file, learn="auto", batch=7)
    assert answer["prequential_accuracy"] == np.mean(engine.learn(longer, y) == y)
    assert (answer["batch"], answer["n_steps"]) == (7, 250)
    assert answer["arena_bytes"] == engine.plan.arena_bytes
    kept = Engine(model_file, learn="auto", batch=7, state=state)
    assert kept.save_state() == engine.save_state()


def test_options_reach_the_engine(cli: Cli, model_file: Path, data_file: Path) -> None:
    options = ["--learn", "head", "--bits", "4", "--m", "0", "--step", "1.5", "--seed", "9"]
    answer = cli("learn", model_file, data_file, *options, "--json").answer
    engine = Engine(model_file, learn="head", bits=4, m=0.0, step_levels=1.5, seed=9)
    with np.load(data_file) as both:
        engine.partial_fit(both["x"], both["y"])
    status = engine.status()
    assert (answer["learn_layers"], answer["state_bits"]) == (1, 4)
    assert (answer["last_writes"], answer["plasticity_left"]) == (
        status.last_writes,
        status.plasticity_left,
    )
    shown = cli("learn", model_file, data_file, *options).stdout
    assert f"at the end of their range: {percent(status.layer_at_end[0])}" in shown


def test_a_budget_too_small_for_learning_ends_with_3(
    cli: Cli, model_file: Path, data_file: Path
) -> None:
    cli("learn", model_file, data_file, "--ram", "500").refused(3, "E-BUDGET")


def test_state_of_another_model_is_a_mismatch(
    cli: Cli, tmp_path: Path, model_file: Path, data_file: Path
) -> None:
    state = tmp_path / "state"
    other = tmp_path / "other.mbit"
    container.save(replace(container.load(model_file), meta={"name": "other"}), other)
    cli("learn", other, data_file, "--state", state)
    cli("predict", model_file, data_file, "--state", state).refused(5, "E-MISMATCH")
    cli("learn", model_file, data_file, "--state", state).refused(5, "E-MISMATCH")
    cli("learn", other, data_file, "--state", state, "--learn", "head").refused(5, "E-MISMATCH")


def test_a_missing_state_folder_is_not_silently_the_model_as_exported(
    cli: Cli, tmp_path: Path, model_file: Path, data_file: Path
) -> None:
    done = cli("predict", model_file, data_file, "--state", tmp_path / "typo")
    done.refused(1, "E-STATE-NONE")
    assert "no such folder" in done.stderr
    done = cli("predict", model_file, data_file, "--state", data_file)
    done.refused(1, "E-STATE-NONE")
    assert "a file; name the folder that it lies in" in done.stderr


def test_a_state_folder_that_cannot_be_written_is_a_storage_error(
    cli: Cli, tmp_path: Path, model_file: Path, data_file: Path
) -> None:
    # Root may write anywhere; a file in place of the folder refuses everybody.
    (tmp_path / "state").write_text("a file")
    done = cli("learn", model_file, data_file, "--state", tmp_path / "state")
    done.refused(1, "E-STORAGE")
    if os.geteuid() != 0:
        folder = tmp_path / "read-only"
        folder.mkdir(mode=0o500)
        cli("learn", model_file, data_file, "--state", folder).refused(1, "E-STORAGE")


def test_an_interrupted_learn_keeps_what_was_learnt_until_then(
    cli: Cli, tmp_path: Path, model_file: Path, monkeypatch: pytest.MonkeyPatch, x: Samples,
    y: NDArray[np.int64],
) -> None:  # fmt: skip
    data = tmp_path / "long.npz"
    np.savez(data, x=np.tile(x, (7, 1)), y=np.tile(y, 7))  # 350 samples, chunks of 100
    learn = Engine.learn
    calls: list[int] = []

    def interrupted(engine: Engine, *args: NDArray[np.generic]) -> NDArray[np.int64]:
        calls.append(len(calls))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return learn(engine, *args)

    monkeypatch.setattr(Engine, "learn", interrupted)
    done = cli("learn", model_file, data, "--state", tmp_path / "state")
    assert done.code == 130
    assert "kept in" in done.stderr
    monkeypatch.undo()
    kept = Engine(model_file, learn="auto", state=tmp_path / "state")
    assert kept.status().n_steps == 200
