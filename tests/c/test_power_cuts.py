"""No cut and no failing call loses a state that was acknowledged: tests/c/power_cuts.c."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers import random_model

from metabit.edge_runtime import sources
from metabit.edge_runtime._native import library_path
from metabit.export.container import dumps

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs the rig with a small model.

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
    rng = np.random.default_rng(0)
    contents = {
        "model": dumps(random_model((30, 20, 4))),
        "x": rng.integers(0, 256, (400, 30)).astype(np.uint8).tobytes(),
        "y": rng.integers(0, 4, 400).astype("<i4").tobytes(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [str(folder / "power_cuts"), *(str(folder / name) for name in contents)]


@pytest.mark.parametrize(
    ("cuts", "seed"), [(100_000, 1), pytest.param(400_000, 2, marks=pytest.mark.long)]
)
def test_every_cut_leaves_the_state_before_it_or_after_it(
    program: list[str], cuts: int, seed: int
) -> None:
    done = subprocess.run(
        [*program, str(cuts), str(seed)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    kinds = [int(line.split()[-1]) for line in done.stdout.splitlines() if "kind" in line]
    assert len(kinds) == 9
    assert sum(kinds) == cuts
    assert min(kinds) > cuts / 20
