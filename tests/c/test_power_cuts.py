"""No cut and no failing call loses a state that was acknowledged: tests/c/power_cuts.c."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from benchmarks.reliability.power_cuts import write_inputs
from metabit.edge_runtime import sources
from metabit.edge_runtime._native import library_path

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rig.

    The port is built with the sanitizers. The core is the library that all tests use: to build it
    anew would take as long as the cuts.
    """
    folder = tmp_path_factory.mktemp("power")
    core = library_path()
    subprocess.run(
        [
            os.environ.get("CC", "cc"), "-std=c99", "-O1", "-fsanitize=address,undefined",
            "-fno-sanitize-recover=all", "-Wall", "-Wextra", "-Werror",
            f"-I{sources() / 'include'}", str(HERE / "power_cuts.c"), str(HERE / "disk.c"),
            str(HERE / "disk_calls.c"), str(core), f"-Wl,-rpath,{core.parent}",
            "-o", str(folder / "power_cuts"),
        ],
        check=True,
    )  # fmt: skip
    return folder / "power_cuts"


@pytest.mark.parametrize(
    ("contexts", "cuts", "seed"),
    [
        (0, 100_000, 1),
        (3, 20_000, 1),
        pytest.param(0, 400_000, 2, marks=pytest.mark.long),
        pytest.param(3, 400_000, 2, marks=pytest.mark.long),
    ],
)
def test_every_cut_leaves_the_state_before_it_or_after_it(
    program: Path, tmp_path: Path, contexts: int, cuts: int, seed: int
) -> None:
    command = [str(program), *write_inputs(tmp_path, contexts, seed), str(cuts), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kinds = [int(line.split()[-1]) for line in done.stdout.splitlines() if "kind" in line]
    assert len(kinds) == 9
    assert sum(kinds) == cuts
    assert min(kinds) > cuts / 20
