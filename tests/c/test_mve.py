"""The kernel of Cortex-M55 gives the bits of the scalar one, on an emulated MPS3 AN547 board."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.kernel_sources import kernel_sources
from helpers.needed import program

from metabit.edge_runtime import sources

HERE = Path(__file__).parent
#: For zig the vectors of this processor are an extension.
COMPILER = (
    sys.executable, "-m", "ziglang", "cc", "-target", "thumb-freestanding-eabihf",
    "-mcpu=cortex_m55+mve", "-std=c99", "-O2", "-ffreestanding", "-Wall", "-Wextra", "-Wpedantic",
    "-Werror", f"-I{sources() / 'include'}", f"-Wl,-T,{HERE / 'mve.ld'}", "-Wl,-e,vectors",
    "-Wl,--gc-sections",
)  # fmt: skip
EMULATOR = (
    "qemu-system-arm", "-M", "mps3-an547", "-nographic",
    "-semihosting-config", "enable=on,target=native", "-kernel",
)  # fmt: skip


@pytest.mark.long
def test_eight_bit_inputs_give_the_bits_of_the_scalar_kernel(tmp_path: Path) -> None:
    emulator = program(EMULATOR[0])
    built = tmp_path / "mve"
    files = [str(HERE / "mve.c"), *kernel_sources()]
    subprocess.run([*COMPILER, *files, "-o", str(built)], check=True)
    done = subprocess.run(
        [emulator, *EMULATOR[1:], str(built)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stderr == "mve"  # what a program under semihosting says
