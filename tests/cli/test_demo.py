"""`metabit demo` tells its whole story and leaves the report that it promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from metabit import Engine

from .conftest import Cli


@pytest.mark.long
def test_the_demo_writes_a_report_whose_numbers_hold_together(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    done = cli("demo", "-o", folder, "--json")
    assert done.code == 0, done.stderr
    report = json.loads((folder / "report.json").read_text())
    assert report["schema"] == "metabit/demo/1"
    assert "metabit demo" in (folder / "index.html").read_text()
    assert cli("report", folder, "-o", tmp_path / "page.html").code == 0
    assert sum(report["ram_parts"].values()) == report["arena_bytes"]
    engine = Engine(folder / "hapt.mbit", learn="auto", ram=report["ram_budget"])
    assert engine.plan.needed_bytes == report["arena_bytes"]
    assert report["arena_bytes"] <= 64 * 1024
    head, layers = report["curves"]
    assert (head["m"], layers["m"]) == (None, 3.0)
    assert head["old"][-1] >= 0.93  # the head keeps what was known
    assert head["new"][-1] >= 0.7  # and learns what is new
    assert head["all"][-1] >= 0.92
    assert len(layers["old"]) == len(layers["new"]) == len(layers["subjects"]) == 13
    assert layers["old"][-1] > report["before"]["old"] - 0.05  # layers that move harm little
    assert layers["prequential"] > report["before"]["stream"]  # and the people it met
    contexts, m_8, m_0 = (sum(scores) / len(scores) for scores in report["permuted"].values())
    assert contexts >= 0.85  # contexts keep what comes before a change
    assert m_8 > m_0 + 0.05  # and metaplasticity kept old tasks of one network
    assert all(made["fits"] for made in report["profiles"].values())
