"""Every example runs, is short, and shows what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


@cache
def run(path: Path) -> str:
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
    return done.stdout


#: Examples that take some seconds.
LONG = ("own_method", "scikit_learn")


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=pytest.mark.long if p.stem in LONG else ()) for p in EXAMPLES],
    ids=lambda p: p.stem,
)
def test_an_example_runs_and_fits_a_screen(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 60
    assert run(path)


def percentages(name: str) -> list[float]:
    """All percentages that an example prints, in their order."""
    output = run(Path(__file__).parents[2] / "examples" / f"{name}.py")
    return [float(number) for number in re.findall(r"([\d.]+)%", output)]


def test_predict_and_learn_gets_better_and_survives_a_restart() -> None:
    before, after, restarted = percentages("predict_and_learn")
    assert after > before + 40
    assert restarted == after


def test_train_export_run_loses_nothing_on_the_way() -> None:
    trained, packed = percentages("train_export_run")
    assert trained > 80
    assert packed == trained


@pytest.mark.long
def test_a_method_of_your_own_keeps_more_than_plain_training() -> None:
    naive, stay = percentages("own_method")
    assert stay > naive


def test_two_tasks_shows_that_metaplasticity_keeps_the_first() -> None:
    output = run(Path(__file__).parents[2] / "examples" / "two_tasks.py")
    kept = {
        float(m): float(first)
        for m, first in re.findall(r"m = (\d+): first task ([\d.]+)%", output)
    }
    assert kept[6.0] > kept[0.0] + 15
