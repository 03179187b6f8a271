"""Float arithmetic made of integers: the bits of a processor that has it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


# A Cortex-M0+ multiplies in its own way: its products have 32 bits.
@pytest.mark.parametrize("processor", ["", "-D__ARM_ARCH_6M__"])
def test_sums_products_comparisons_and_roots_have_the_processors_bits(
    tmp_path: Path, processor: str
) -> None:
    program, core = tmp_path / "floats", ROOT / "edge_runtime"
    command = [
        os.environ.get("CC", "cc"), "-O2", "-fno-builtin", "-std=c99", f"-I{core / 'include'}",
        *processor.split(), str(HERE / "floats.c"), str(core / "src" / "arith.c"), "-lm",
        "-o", str(program),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    done = subprocess.run([program, "400000"], capture_output=True, text=True, check=False)
    assert done.stdout == "the same bits\n"
