"""What learn says of a stream: shares, classes, confusions, and the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from metabit.cli.stream_record import FADES, StreamRecord

from .conftest import Cli

NAMES = ("a.html", "b.html")


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


def test_the_curve_and_the_stretches_are_of_the_whole_stream() -> None:
    made = record()
    curve = made.curve()
    assert (curve["samples"][0], curve["samples"][-1]) == (1, 1000)
    assert curve["right"][-1] == pytest.approx(made.fading()[-1], abs=1e-4)
    alone = StreamRecord(*(np.repeat([0, 2], 80),) * 4).stretches()
    assert [row["label"] for row in alone] == [0, 2]
    assert alone[0]["right"] == [1.0] * 8 + [None] * 8


def test_the_report_is_the_page_of_the_answer(
    cli: Cli, model_file: Path, data_file: Path, tmp_path: Path
) -> None:
    answer = cli("learn", model_file, data_file, "--report", tmp_path / "a.html", "--json")
    kept = tmp_path / "learn.json"
    kept.write_text(answer.stdout)
    assert cli("report", kept, "-o", tmp_path / "b.html").code == 0
    first, second = ((tmp_path / name).read_text().split("<footer>")[0] for name in NAMES)
    assert first == second
    assert "after learning 50 samples" in first


def test_the_goal_chooses_what_learns(cli: Cli, model_file: Path, data_file: Path) -> None:
    tracked = cli("learn", model_file, data_file, "--goal", "track", "--json").answer
    assert (tracked["head"], tracked["guard"]) == ("tracking", None)
    assert "goal track" in tracked["reason"]
