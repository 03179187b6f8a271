"""The circumstances of a measurement: machine, versions, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
"""The folder of the checkout; in an installed package, the folder of the package."""


def circumstances() -> dict[str, Any]:
    """Date, machine and versions of this process."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{package: _version(package) for package in ("numpy", "torch", "metabit")},
    }


def commit() -> str | None:
    """The commit of the checkout, followed by "+" if files differ from it; None outside of one.

    A copy without its history is told by the variable METABIT_COMMIT.
    """
    if not (ROOT / ".git").exists():
        return os.environ.get("METABIT_COMMIT")
    head = _git("rev-parse", "--short", "HEAD")
    return head and head + ("+" if _git("status", "--short") else "")


def commit_in_words(commit: str | None) -> str:
    """A commit as tables show it. An installed package does not know its commit."""
    return commit or "not a checkout"


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    except OSError:  # no git on this machine
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    """The model of the processor on Linux; on other systems what the platform module says."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
