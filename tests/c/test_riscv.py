"""The kernels of 32-bit RISC-V give the bits of plain C, with and without an instruction that
counts ones (Zbb). Runs what zig builds in qemu-riscv32."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.kernel_sources import kernel_sources
from helpers.needed import program

from metabit.edge_runtime import sources

HERE = Path(__file__).parent
PROCESSOR = "-mcpu=generic_rv32+m+a+f+d+c"


@pytest.mark.long
@pytest.mark.parametrize("extension", ["", "+zbb"], ids=["plain", "zbb"])
def test_words_give_the_bits_of_plain_c(tmp_path: Path, extension: str) -> None:
    """The processor decides what is compiled; the C library, which zig builds first, is plain."""
    qemu, built = program("qemu-riscv32"), tmp_path / "kernels"
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", "riscv32-linux-musl"]
    compiler = [*zig, f"{PROCESSOR}{extension}", "-std=c99", "-O2", "-Werror", "-c"]
    for number, source in enumerate((HERE / "kernels.c", *kernel_sources())):
        command = [*compiler, f"-I{sources() / 'include'}", str(source), "-o", f"{number}.o"]
        subprocess.run(command, cwd=tmp_path, check=True)
    objects = sorted(map(str, tmp_path.glob("*.o")))
    subprocess.run([*zig, PROCESSOR, "-static", *objects, "-o", str(built)], check=True)
    counts_ones = b"zbb" in built.read_bytes()  # the attributes of the file name extensions
    assert counts_ones == bool(extension)
    done = subprocess.run(
        [qemu, "-cpu", "rv32,zbb=true", str(built), "11"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["swar", "scalar"]
