"""A real kernel, real processes: what was acknowledged is there, and only damage is called so."""

from __future__ import annotations

import platform
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.reliability.kernel_cuts import (
    CANNOT_TRACE,
    build,
    kill_learners,
    several_writers,
    system_calls,
)

TRACED = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="the rig changes registers of x86-64",
)


MEMORY = Path("/dev/shm")
"""A file system in memory, which syncs at once."""


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a file system."""
    place = MEMORY if MEMORY.is_dir() else tmp_path
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder)


@TRACED
@pytest.mark.parametrize(
    ("how", "least"), [("quick", 500), pytest.param("all", 5000, marks=pytest.mark.long)]
)
def test_every_system_call_may_fail_be_short_or_be_the_last(
    tmp_path: Path, quick_folder: Path, how: str, least: int
) -> None:
    """Each of ten errors; killed before, within and after. "all" begins with six folders."""
    try:
        counts = system_calls(build(tmp_path), quick_folder, how)
    except subprocess.CalledProcessError as error:
        if error.returncode == CANNOT_TRACE:
            pytest.skip("a process may not trace its child here")
        raise
    assert counts["commits"] == counts["before"] + counts["after"]
    assert counts["commits"] + counts["restores"] > least
    assert min(counts.values()) > 0


@pytest.mark.parametrize("kills", [12, pytest.param(100, marks=pytest.mark.long)])
def test_processes_that_are_killed_while_they_learn_lose_nothing(
    quick_folder: Path, kills: int
) -> None:
    counts = kill_learners(kills, quick_folder / "state")
    assert counts["commits"] > kills / 2


@pytest.mark.parametrize(
    ("writers", "rounds"),
    [(2, 15), (3, 10), pytest.param(3, 100, marks=pytest.mark.long)],
)
def test_several_writers_lose_nothing_that_was_acknowledged(
    quick_folder: Path, writers: int, rounds: int
) -> None:
    counts = several_writers(writers, rounds, quick_folder / "state")
    assert counts["commits"] == writers * rounds
    assert counts["refused"] > 0
