"""`metabit fit` as a user runs it, and what it found put to use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.small_fit import write_table

RECIPE = """
name = "mine"
data = { path = "PATH", label = "class", group = "person" }
frontend = { length = 1, hop = 1, statistics = ["mean"], bands = 0, log = "none" }
train = { epochs = 1 }
"""


def run(*args: object) -> str:
    command = [sys.executable, "-m", "metabit", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_a_table_becomes_a_network_that_predicts_and_learns(tmp_path: Path) -> None:
    table, recipe, out = (
        write_table(tmp_path / "mine.csv"),
        tmp_path / "mine.toml",
        tmp_path / "out",
    )
    recipe.write_text(RECIPE.replace("PATH", str(table)))
    budget = ("--ram", "2KiB", "--effort", "quick", "--no-rivals")
    run("fit", recipe, *budget, "-o", out)
    found = json.loads((out / "fit.json").read_bytes())
    assert found["refused"]["counts"]["RAM"] > 0
    assert found["chosen"]["ram_bytes"] <= 2 * 1024
    assert found["chosen"]["test_accuracy"] > 0.8
    assert "<html" in (out / "report.html").read_text()
    assert "accuracy on" in run("predict", out / "mine.mbit", table)
    assert "learnt 160 samples" in run("learn", out / "mine.mbit", table)
