"""Tables that are time series are cut into windows, and tables that only look like it are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from metabit.cli import run
from metabit.errors import InputError
from metabit.fitting import fit
from metabit.fitting.question import Question
from metabit.fitting.series import window_of
from metabit.trainer.recipe.data import DataRecipe

RATES = {"slow": 0.02, "fast": 0.11}


def write(path: Path, values: NDArray[np.floating], labels: list[str], people: list[str]) -> Path:
    rows = (
        f"{','.join(f'{v:.3f}' for v in row)},{who},{label}"
        for row, who, label in zip(values, people, labels, strict=True)
    )
    names = ",".join(f"v{i}" for i in range(values.shape[1]))
    path.write_text(f"{names},who,class\n" + "\n".join(rows) + "\n")
    return path


def motion(path: Path, n_rows: int = 800) -> Path:
    """Six people, who swing slowly and then fast: one row of it does not say which."""
    generator = np.random.default_rng(3)
    parts, labels, people = [], [], []
    for person in range(6):
        for name, rate in RATES.items():
            phase = 2 * np.pi * (rate * np.arange(n_rows) + generator.random())
            wave = np.stack([np.sin(phase), np.cos(phase)], axis=1)
            parts.append(wave + 0.2 * generator.normal(size=wave.shape))
            labels += [name] * n_rows
            people += [f"p{person}"] * n_rows
    return write(path, np.concatenate(parts), labels, people)


def sorted_by_class(path: Path) -> Path:
    """Rows that have nothing to do with each other, one class after the other."""
    generator = np.random.default_rng(4)
    labels = [name for name in RATES for _ in range(3000)]
    values = generator.normal(size=(len(labels), 3)) + (np.arange(len(labels)) >= 3000)[:, None]
    return write(path, values, labels, ["p0"] * len(labels))


def sorted_by_all_columns(path: Path) -> Path:
    """Records of a few kinds, as a table of counted people has them: many are equal."""
    generator = np.random.default_rng(8)
    rows = np.sort(generator.integers(0, 2, (4000, 3)) @ [4, 2, 1])
    values = (rows[:, None] >> [2, 1, 0]) & 1
    odd = generator.random(len(rows)) < 0.2 + 0.6 * (rows % 2)
    order = np.lexsort((odd ^ (rows % 2 == 1), rows))
    labels = [list(RATES)[int(each)] for each in odd[order]]
    return write(path, values[order].astype(float), labels, ["p0"] * len(labels))


def sorted_by_a_value(path: Path) -> Path:
    """Rows in the order of a value that says the class: it rises slowly from one to the next."""
    generator = np.random.default_rng(9)
    size = np.sort(generator.random(6000))
    values = size[:, None] * [1.0, 2.0, 3.0] + 0.05 * generator.normal(size=(6000, 3))
    labels = [list(RATES)[int(each > 0.5)] for each in size]
    return write(path, values, labels, ["p0"] * len(labels))


def shuffled(path: Path) -> Path:
    """The rows of `motion` in any order."""
    head, *rows = motion(path).read_text().splitlines()
    order = np.random.default_rng(5).permutation(len(rows))
    path.write_text("\n".join([head, *(rows[i] for i in order)]) + "\n")
    return path


def test_a_series_without_times_gets_the_shortest_window_that_is_enough(tmp_path: Path) -> None:
    path = motion(tmp_path / "motion.csv")
    assert window_of(DataRecipe(path=str(path), group="who"), None, 0) == 48


def test_classes_that_change_often_get_short_windows(tmp_path: Path) -> None:
    """Every 80 rows another class: a window of 48 rows would fit in once."""
    values, labels, people = [], [], []
    generator = np.random.default_rng(7)
    for person in range(4):
        for turn in range(24):
            name = list(RATES)[turn % 2]
            phase = 2 * np.pi * (3 * RATES[name] * np.arange(80) + generator.random())
            values.append(np.stack([np.sin(phase), np.cos(phase)], axis=1))
            labels += [name] * 80
            people += [f"p{person}"] * 80
    path = write(tmp_path / "often.csv", np.concatenate(values), labels, people)
    assert window_of(DataRecipe(path=str(path), group="who"), None, 0) == 32


def test_a_device_with_little_memory_gets_no_window_that_takes_most_of_it(tmp_path: Path) -> None:
    path = tmp_path / "noisy.csv"
    generator = np.random.default_rng(6)
    n_rows, labels = 4000, ["calm", "busy"] * 4
    noise = [generator.normal(size=(n_rows, 1)) * (1 + 0.12 * (x == "busy")) for x in labels]
    slow = [np.sin(np.arange(n_rows) / 9.0)[:, np.newaxis] * 0.8 for _ in labels]
    values = np.concatenate([a + b for a, b in zip(noise, slow, strict=True)])
    each = [label for label in labels for _ in range(n_rows)]
    write(path, values, each, [f"p{i // n_rows // 2}" for i in range(len(each))])
    recipe = DataRecipe(path=str(path), group="who")
    long, short = window_of(recipe, None, 0), window_of(recipe, 3000, 0)
    assert long is not None
    assert short == 48 < long


@pytest.mark.parametrize(
    "make", [sorted_by_class, sorted_by_all_columns, sorted_by_a_value, shuffled]
)
def test_rows_that_stand_for_themselves_are_left_alone(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = make(tmp_path / "rows.csv")
    assert window_of(DataRecipe(path=str(path), channels=("v0", "v1")), None, 0) is None


def test_times_make_a_series_of_rows_that_are_not_alike(tmp_path: Path) -> None:
    path = sorted_by_class(tmp_path / "rows.csv")
    head, *rows = path.read_text().splitlines()
    timed = [f"{i / 50:.2f},{row}" for i, row in enumerate(rows)]
    path.write_text("\n".join([f"t,{head}", *timed]) + "\n")
    channels = ("v0", "v1", "v2")
    assert window_of(DataRecipe(path=str(path), time="t", channels=channels), None, 0) is not None


def test_a_window_that_is_given_and_other_files_are_left_alone(tmp_path: Path) -> None:
    path = motion(tmp_path / "motion.csv")
    assert window_of(DataRecipe(path=str(path), group="who", window=96), None, 0) is None
    np.save(tmp_path / "x.npy", np.zeros((200, 3)))
    assert window_of(DataRecipe(path=str(tmp_path / "x.npy")), None, 0) is None
    assert window_of(DataRecipe(path=str(tmp_path)), None, 0) is None
    assert window_of(DataRecipe("digits"), None, 0) is None


@pytest.mark.parametrize(("asked", "window"), [((), 48), (("1",), None), (("96",), 96)])
def test_the_command_line_finds_a_window_unless_it_is_told(
    asked: tuple[str, ...], window: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[Question] = []

    def noted(question: Question, _asked: object) -> None:
        questions.append(question)
        raise InputError("noted", code="E-USAGE")

    monkeypatch.setattr(fit, "answer", noted)
    path = motion(tmp_path / "motion.csv")
    given = [word for value in asked for word in ("--window", value)]
    run(["fit", str(path), "--label", "class", "--group", "who", *given])
    assert questions[0].data.window == window


@pytest.mark.parametrize(("make", "drafted"), [(motion, True), (shuffled, False)])
def test_a_look_drafts_the_window_that_fit_takes(
    make: Callable[[Path], Path], drafted: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make(tmp_path / "rows.csv")
    run(["data", "inspect", str(path), "--label", "class", "--group", "who"])
    told = capsys.readouterr().out
    assert ("a window of 48 rows" in told) == drafted
    assert told.endswith("\nwindow = 48\n") == drafted
