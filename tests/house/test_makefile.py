"""The Makefile is the front door: its menu must be true."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_make_alone_prints_every_target_with_a_line() -> None:
    menu = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    listed = set(re.findall(r"^  make ([a-z-]+) +\S", menu, re.MULTILINE))
    assert {"help", "demo", "test", "test-long", "check", "bench", "clean"} <= listed
    phony = re.search(
        r"^\.PHONY: (.*?) \$\(PRESETS\)$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    assert phony is not None
    assert set(phony[1].split()) == listed


def test_constraints_pin_exact_versions_and_name_no_host() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert "torch==2.13.0" in pins
    assert [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", pin)] == []
