"""The kernels of 32-bit RISC-V give the bits of plain C, with and without an instruction that
counts ones (Zbb). Runs what zig builds in qemu-riscv32."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from metabit.edge_runtime import sources

HERE = Path(__file__).parent
QEMU = shutil.which("qemu-riscv32")


@pytest.mark.long
@pytest.mark.skipif(QEMU is None, reason="wants qemu-riscv32 (qemu-user)")
@pytest.mark.parametrize("extension", ["", "+zbb"], ids=["plain", "zbb"])
def test_words_give_the_bits_of_plain_c(tmp_path: Path, extension: str) -> None:
    program = tmp_path / "kernels"
    core = sorted(map(str, (sources() / "src").rglob("*.c")))
    target = ["-target", "riscv32-linux-musl", f"-mcpu=generic_rv32+m+a+f+d+c{extension}"]
    subprocess.run(
        [sys.executable, "-m", "ziglang", "cc", *target, "-static", "-std=c99", "-O2", "-Werror",
         f"-I{sources() / 'include'}", str(HERE / "kernels.c"), *core, "-o", str(program)],
        check=True,
    )  # fmt: skip
    counts_ones = b"zbb" in program.read_bytes()  # the attributes of the file name extensions
    assert counts_ones == bool(extension)
    assert QEMU is not None
    done = subprocess.run(
        [QEMU, "-cpu", "rv32,zbb=true", str(program), "11"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["swar", "scalar"]
