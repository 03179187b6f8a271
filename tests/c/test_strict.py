"""Flags that let a compiler change float results are refused, or change nothing in the core."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from helpers.needed import program

from metabit.edge_runtime import sources

REFUSED = ["-ffast-math", "-Ofast", "-ffinite-math-only"]
#: gcc says of these that they are there, and is refused; clang does not say so.
PARTS = ["-funsafe-math-optimizations", "-fassociative-math -fno-signed-zeros -fno-trapping-math",
         "-freciprocal-math"]  # fmt: skip
#: These change nothing with either.
HARMLESS = ["-ffp-contract=fast", "-fno-trapping-math", "-fno-math-errno"]
#: The square root, and a division by a constant that a reciprocal would change.
FILES = ["arith.c", "metaplasticity.c"]


def compiled(compiler: str, file: str, flags: str, target: Path) -> tuple[str, str]:
    """Error messages, and the machine code as text."""
    command = [
        program(compiler), "-O2", *flags.split(), f"-I{sources() / 'include'}", "-S",
        str(sources() / "src" / file), "-o", str(target),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr, ""
    lines = target.read_text().splitlines()
    return "", "\n".join(line for line in lines if not line.lstrip().startswith((".", "#")))


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("flags", [*REFUSED, *PARTS, *HARMLESS])
@pytest.mark.parametrize("file", FILES)
def test_a_flag_is_refused_or_changes_no_instruction(
    compiler: str, flags: str, file: str, tmp_path: Path
) -> None:
    plain_error, plain = compiled(compiler, file, "", tmp_path / "plain.s")
    error, code = compiled(compiler, file, flags, tmp_path / "flags.s")
    assert plain_error == ""
    assert plain
    if flags in REFUSED or (compiler == "gcc" and flags in PARTS):
        assert "change results" in error
    else:
        assert error == ""
        assert code == plain
