"""Flags that let a compiler change float results are refused when the core is compiled."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from metabit.edge_runtime import sources

FLAGS = ["-ffast-math", "-funsafe-math-optimizations", "-fassociative-math -fno-signed-zeros "
         "-fno-trapping-math", "-freciprocal-math"]  # fmt: skip


@pytest.mark.parametrize("flags", ["", *FLAGS])
def test_a_build_with_other_float_arithmetic_ends_with_an_error(tmp_path: Path, flags: str) -> None:
    source = sources() / "src" / "arith.c"
    command = [
        os.environ.get("CC", "cc"), "-O2", *flags.split(), f"-I{sources() / 'include'}", "-c",
        str(source), "-o", str(tmp_path / "arith.o"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == bool(flags)
    assert ("change results" in done.stderr) == bool(flags)
