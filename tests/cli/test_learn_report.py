"""What learn says of a stream: shares, classes, confusions, and the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from metabit.cli.learn_report import NUMBERS, PAGE, PICTURE
from metabit.cli.stream_record import FADES, StreamRecord

from .conftest import Cli


def record(n: int = 1000) -> StreamRecord:
    rng = np.random.default_rng(1)
    return StreamRecord(*(rng.integers(0, 3, n) for _ in range(4)))


def test_shares_are_of_all_samples_and_of_each_class() -> None:
    made = record()
    shares = made.accuracies()
    assert shares["accuracy_before"] == np.mean(made.before == made.truth)
    assert shares["prequential_accuracy"] == np.mean(made.said == made.truth)
    assert shares["last_accuracy"] == np.mean(made.said[-100:] == made.truth[-100:])
    assert shares["accuracy_after"] == np.mean(made.after == made.truth)
    rows = made.by_class(str)
    assert sum(row["n_samples"] for row in rows) == 1000
    for key, share in (("accuracy_before", "accuracy_before"), ("accuracy", "prequential_accuracy"),
                       ("accuracy_after", "accuracy_after")):  # fmt: skip
        whole = sum(row["n_samples"] * row[key] for row in rows) / 1000
        assert whole == pytest.approx(shares[share])


def test_the_fading_accuracy_is_a_mean_at_first_and_then_forgets() -> None:
    truth = np.zeros(3000, np.int64)
    said = np.concatenate([np.ones(1000, np.int64), np.zeros(2000, np.int64)])
    fading = StreamRecord(truth, said, said, said).fading()
    made = record(FADES).fading()
    right = record(FADES).said == record(FADES).truth
    assert np.allclose(made, np.cumsum(right) / np.arange(1, FADES + 1))
    assert fading[999] == 0
    assert fading[999 + FADES] == pytest.approx(1 - np.exp(-1), abs=0.01)
    assert fading[-1] > 0.999


def test_confusions_count_every_sample_once() -> None:
    made = record()
    counts = np.array(made.confusion(4))
    assert counts.shape == (4, 4)
    assert counts.sum() == 1000
    assert counts[2, 1] == np.sum((made.truth == 2) & (made.said == 1))


def test_the_report_has_a_picture_a_page_and_all_numbers(
    cli: Cli, model_file: Path, data_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "report"
    answer = cli("learn", model_file, data_file, "--report", folder, "--json").answer
    assert (folder / PICTURE).read_bytes().startswith(b"\x89PNG")
    numbers = json.loads((folder / NUMBERS).read_text())
    assert numbers["confusion"] == answer["confusion"]
    assert len(numbers["fading"]) == 50
    page = (folder / PAGE).read_text()
    assert PICTURE in page
    assert "50 samples" in page


def test_a_report_without_matplotlib_is_refused_before_anything_is_learnt(
    cli: Cli, model_file: Path, data_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metabit.extras.missing", lambda task: ["matplotlib"])
    options = ["--state", tmp_path / "state", "--report", tmp_path / "report"]
    cli("learn", model_file, data_file, *options).refused(2, "E-EXTRA")
    assert not (tmp_path / "state").exists()


def test_the_goal_chooses_what_learns(cli: Cli, model_file: Path, data_file: Path) -> None:
    tracked = cli("learn", model_file, data_file, "--goal", "track", "--json").answer
    assert (tracked["head"], tracked["guard"]) == ("tracking", None)
    assert "goal track" in tracked["reason"]
