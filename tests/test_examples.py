"""Every example runs, is short, and shows what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


def run(path: Path) -> str:
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_runs_and_fits_a_screen(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 60
    assert run(path)


def test_two_tasks_shows_that_metaplasticity_keeps_the_first() -> None:
    output = run(Path(__file__).parent.parent / "examples" / "two_tasks.py")
    kept = {
        float(m): float(first)
        for m, first in re.findall(r"m = (\d+): first task ([\d.]+)%", output)
    }
    assert kept[6.0] > kept[0.0] + 15
