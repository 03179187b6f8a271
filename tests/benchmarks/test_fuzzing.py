"""What fuzzers did is counted as it was: those that ended well, and those that found something."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.reliability import fuzz_together, fuzzing
from benchmarks.reliability.fuzz_together import ORDER, Counts, Fuzzer, fuzz, shared_out

WELL = """#2\tINITED cov: 90 ft: 91 corp: 1/1b
#900\tDONE   cov: 120 ft: 300 corp: 9/1Kb
stat::number_of_executed_units: 900
"""
KILLED = "#2\tINITED cov: 90 ft: 91\n#512\tpulse  cov: 101 ft: 102\n"


def run(executions: int, **facts: Any) -> dict[str, Any]:
    same = dict.fromkeys(
        ("commit", "compiler", "sanitizers", "date", "machine", "processor", "cores", "jobs"), "x"
    )
    done = {"executions": executions, "places_reached": executions, "findings": 0}
    return {**same, **facts, "fuzzers": {"model": done}}


def test_inputs_are_counted_as_the_fuzzers_say_and_reports_are_kept() -> None:
    counts = Counts()
    counts.add(0, WELL)
    assert (counts.executions, counts.places_reached, counts.findings) == (900, 120, 0)
    counts.add(77, KILLED)
    assert (counts.executions, counts.places_reached, counts.findings) == (1412, 120, 1)
    assert counts.reports == [KILLED]


def test_processes_side_by_side_are_counted_together(tmp_path: Path) -> None:
    program = tmp_path / "fuzz_model"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.stderr.write({WELL!r})\n")
    program.chmod(0o755)
    found = tmp_path / "found"
    one = Fuzzer("model", program, tmp_path, tmp_path / "grown", found)
    assert fuzz([one, one, one], "-runs=300")["model"].executions == 2700


def test_processes_are_shared_out_by_their_number_or_as_asked() -> None:
    assert sorted(shared_out("4")) == ["model", "model", "state", "state"]
    assert shared_out("model=2,link=1") == ["model", "model", "link"]


@pytest.mark.parametrize("jobs", ["model=2,lnk=1", "model", "model=-1", "", "1.5"])
def test_jobs_that_no_fuzzer_has_are_refused(jobs: str) -> None:
    with pytest.raises(SystemExit, match="model=8,link=3,state=1"):
        shared_out(jobs)


def test_turns_of_one_build_are_one_run_and_other_builds_stay_apart() -> None:
    runs = fuzzing.together([run(100)], run(50))
    assert [one["fuzzers"]["model"]["executions"] for one in runs] == [150]
    runs = fuzzing.together(runs, run(7, commit="y"))
    runs = fuzzing.together(runs, run(8, seconds=420))
    assert [one["fuzzers"]["model"]["executions"] for one in runs] == [150, 7, 8]
    assert fuzzing.table(runs).splitlines()[-1] == "| model files | 165 | 8 | 0 |"


def test_the_page_shows_what_is_recorded() -> None:
    assert fuzzing.table(fuzzing.runs_before()) in fuzzing.DOCUMENT.read_text(encoding="utf-8")


def test_what_runs_on_another_machine_wants_nothing_but_python() -> None:
    assert set(ORDER) == set(fuzzing.INPUTS)
    told = subprocess.run(
        [sys.executable, "-S", "-I", "-c", "import runpy, sys; runpy.run_path(sys.argv[1])",
         str(fuzz_together.__file__)],
        capture_output=True, text=True, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert (told.returncode, told.stderr) == (0, "")


def test_inputs_that_are_kept_are_unpacked_once_and_their_archive_has_one_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = [tmp_path / name for name in ("a", "b")]
    for path in inputs:
        path.write_bytes(path.name.encode() * 9)
    kept = tmp_path / "kept"
    fuzzing.archive_of(inputs, kept / "link.tar.xz")
    before = (kept / "link.tar.xz").read_bytes()
    for path in inputs:
        os.utime(path, (1, 1))
    fuzzing.archive_of(inputs, kept / "link.tar.xz")
    assert (kept / "link.tar.xz").read_bytes() == before

    monkeypatch.setattr(fuzzing, "GROWN", kept)
    monkeypatch.setattr(fuzzing, "FOUND", tmp_path / "found")
    grown = fuzzing.fuzzer("link").grown
    assert {path.name: path.read_bytes() for path in grown.iterdir()} == {
        "a": b"a" * 9,
        "b": b"b" * 9,
    }
    (grown / "a").unlink()  # a run has its own inputs now, and goes on from them
    assert [path.name for path in fuzzing.fuzzer("link").grown.iterdir()] == ["b"]
    assert not fuzzing.fuzzer("model").grown.exists()
