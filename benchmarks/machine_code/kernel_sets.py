"""Which kernel set computes which operator how, for docs/KERNELS.md: read from the C sources.

    python -m benchmarks.machine_code.kernel_sets

Every file of a kernel set is preprocessed for the processor it is for. What its `mb_kernels` names
after that is what a build of it runs.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from benchmarks import results
from benchmarks.marks import between
from metabit.edge_runtime import sources

DOCUMENT = Path(__file__).parents[2] / "docs" / "KERNELS.md"

#: Builds of the core, and the flags of the cross compiler for each.
BUILDS: dict[str, tuple[str, ...]] = {
    "x86-64": ("-target", "x86_64-linux-gnu"),
    "64-bit Arm": ("-target", "aarch64-linux-gnu"),
    "32-bit Arm, Linux": ("-target", "arm-linux-gnueabihf", "-mcpu=cortex_a7"),
    "Cortex-M": ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0plus"),
    "Cortex-M55": ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m55+mve"),
    "WebAssembly, SIMD": ("-target", "wasm32-freestanding", "-mcpu=generic+simd128"),
    "32-bit RISC-V": ("-target", "riscv32-freestanding", "-mcpu=generic_rv32+m"),
    "any other": ("-target", "riscv64-freestanding", "-mcpu=generic_rv64+m"),
}
#: Fields of `mb_kernels` that are operators, and what each computes.
OPERATORS = {
    "dense_bits": "dense layer, 1-bit inputs",
    "dense_bytes": "dense layer, 8-bit samples",
    "convolve_bits": "convolution, 1-bit inputs",
    "convolve_bytes": "convolution, 8-bit samples",
    "bits_by_threshold": "sums to bits, by thresholds",
    "bits_by_norm": "sums to bits, by running values",
    "back": "errors back through weights",
    "pass_norm": "errors back through normalisation",
    "inverse_roots": "1 / square root of variances",
    "draw": "random numbers of a step",
}


def preprocessed(file: str, build: str) -> str:
    """A file of `src/kernels/` as a build sees it, and the macros that were defined on the way."""
    command = [sys.executable, "-m", "ziglang", "cc", *BUILDS[build], "-E", "-dD", "-std=c99"]
    path = sources() / "src" / "kernels" / file
    done = subprocess.run(
        [*command, f"-I{sources() / 'include'}", str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def sets_of(build: str) -> list[str]:
    """Names of the kernel sets that a build has, best first."""
    found = re.search(r"#define MB_KERNEL_LIST\(X\) (.*)", preprocessed("list.h", build))
    assert found is not None
    return re.findall(r"X\((\w+)\)", found[1])


def operators_of(kernels: str, build: str) -> dict[str, str]:
    """How a kernel set computes each operator, in the words of the table."""
    file = "scalar.c" if kernels == "scalar" else f"sets/{kernels}.c"
    text = preprocessed(file, build)
    table = re.search(rf"\bmb_kernels_{kernels} = \{{(.*?)\}};", text, re.S)
    assert table is not None
    functions = dict(re.findall(r"\.(\w+) = (\w+)", table[1]))
    register = re.findall(r"#define VEC_BYTES (\d+)", text)
    bits = 8 * int(register[0]) if register else 128  # MVE has registers of 128 bits only
    return {name: _words(functions.get(name), bits) for name in OPERATORS}


def _words(function: str | None, bits: int) -> str:
    """How a function of a set computes."""
    if function is None:
        return "no"
    if function.endswith("_scalar"):
        return "C"
    return "word" if function.endswith("_swar") else str(bits)


def tables() -> str:
    """The sets of each build, and operators by set."""
    builds = {build: sets_of(build) for build in BUILDS}
    columns: dict[str, dict[str, str]] = {}
    for build, names in builds.items():
        for name in names:
            operators = operators_of(name, build)
            title = f"`{name}`" if name != "neon" else f"`neon`, {build.split(',')[0]}"
            assert columns.setdefault(title, operators) == operators
    rows = [
        [what, *(operators[name] for operators in columns.values())]
        for name, what in OPERATORS.items()
    ]
    lists = [[build, ", ".join(f"`{name}`" for name in names)] for build, names in builds.items()]
    return "\n\n".join(
        [
            results.table(["build", "kernel sets, best first"], lists),
            results.table(["operator", *columns], rows),
        ]
    )


def render(document: str) -> str:
    """The page with its tables made again."""
    return between(document, "kernel-sets", tables())


if __name__ == "__main__":
    DOCUMENT.write_text(render(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
