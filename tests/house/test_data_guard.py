"""A test sees a data set that is not bundled only if it names it, wherever the set lies."""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from metabit.trainer import data

TESTS = Path(__file__).parents[1]

READERS = """
import subprocess, sys
import pytest
from metabit.trainer import data
from metabit.trainer.data import idx_sets

idx_sets.SYSTEM_FOLDER = idx_sets.SYSTEM_FOLDER / "nothing"
READ = "from metabit.trainer import data; data.load('mnist')"

@pytest.fixture(scope="session")
def early():
    return data.find("mnist")

def test_forgets_the_marker():
    data.load("mnist")

def test_forgets_it_in_a_fixture(early):
    assert early

def test_forgets_it_in_a_subprocess():
    subprocess.run([sys.executable, "-c", READ], check=True)

@pytest.mark.data("fashion-mnist")
def test_names_another_set():
    data.load("mnist")

@pytest.mark.data("mnist")
def test_names_it():
    assert len(data.load("mnist").test) == 3
    subprocess.run([sys.executable, "-c", READ], check=True)

def test_reads_a_bundled_set():
    data.load("digits")
"""

FORGETFUL = {
    "test_forgets_the_marker",
    "test_forgets_it_in_a_fixture",
    "test_forgets_it_in_a_subprocess",
    "test_names_another_set",
}


def write_sets(folder: Path) -> None:
    """Three samples under the names of both sets, as files that metabit reads."""
    images = bytes([0, 0, 8, 3]) + struct.pack(">3I", 3, 28, 28) + bytes(3 * 28 * 28)
    labels = bytes([0, 0, 8, 1]) + struct.pack(">I", 3) + bytes(3)
    for name in ("mnist", "fashion-mnist"):
        (folder / name).mkdir(parents=True)
        for part in ("train", "t10k"):
            (folder / name / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
            (folder / name / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))


def outcomes(tmp_path: Path, *options: str, **environment: str) -> dict[str, set[str]]:
    """Run READERS in a pytest of their own; the names of the tests, by outcome."""
    readers = tmp_path / "test_readers.py"
    readers.write_text(READERS)
    hidden = ("METABIT_DATA", "METABIT_TEST_DATA", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER")
    inherited = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "helpers.data_guard", "-rA", *options, str(readers)],
        env={**inherited, "PYTHONPATH": str(TESTS), **environment},
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    found: dict[str, set[str]] = {
        "PASSED": set(),
        "FAILED": set(),
        "SKIPPED": set(),
        "ERROR": set(),
    }
    for line in done.stdout.splitlines():
        outcome, _, rest = line.partition(" ")
        if outcome in found and "::" in rest:
            found[outcome].add(rest.split("::")[1].split(" ")[0])
        elif outcome == "SKIPPED":  # this line names no test
            found[outcome].add(rest)
    assert any(found.values()), done.stdout + done.stderr
    return found


@pytest.mark.parametrize(
    ("place", "options"), [("METABIT_DATA", ["-n1"]), ("XDG_CACHE_HOME", [])], ids=["own", "cache"]
)
def test_a_test_sees_the_sets_it_names_and_no_others(
    tmp_path: Path, place: str, options: list[str]
) -> None:
    write_sets(tmp_path / "metabit")  # the name of metabit's part of the user cache
    where = tmp_path / "metabit" if place == "METABIT_DATA" else tmp_path
    found = outcomes(tmp_path, *options, **{place: str(where)})
    assert found["PASSED"] == {"test_names_it", "test_reads_a_bundled_set"}
    assert found["FAILED"] == FORGETFUL


def test_where_a_set_is_missing_only_those_that_name_it_are_skipped(tmp_path: Path) -> None:
    found = outcomes(tmp_path, XDG_CACHE_HOME=str(tmp_path / "empty"))
    assert found["PASSED"] == {"test_reads_a_bundled_set"}
    assert found["FAILED"] == FORGETFUL - {"test_names_another_set"}
    assert len(found["SKIPPED"]) == 2


def test_where_metabit_data_promises_a_set_that_it_lacks_they_fail(tmp_path: Path) -> None:
    found = outcomes(tmp_path, METABIT_DATA=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "empty"))
    assert found["PASSED"] == {"test_reads_a_bundled_set"}
    assert found["SKIPPED"] == set()
    assert found["ERROR"] >= {"test_names_it", "test_names_another_set"}


def test_no_set_is_visible_here() -> None:
    assert [name for name in data.names() if data.find(name)] == ["digits", "hapt"]
