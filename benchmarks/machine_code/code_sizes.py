"""Bytes of machine code per function, on four cores, and the difference to another commit.

    python -m benchmarks.machine_code.code_sizes [--base origin/main]        # `make sizes`

The freestanding core is compiled as firmware compiles it, each function in a section of its own.
Numbers go to the terminal only: they belong into the commit message of a change in the core.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from metabit.firmware_sim import elf
from metabit.firmware_sim.build import C_FLAGS, SECTION_FLAGS

ROOT = Path(__file__).parents[2]
CORES: dict[str, tuple[str, ...]] = {
    "Cortex-M0+": ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m0plus"),
    "Cortex-M4F": ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp"),
    "Cortex-M7": ("-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m7"),
    "aarch64": ("-target", "aarch64-freestanding", "-mcpu=cortex_a53"),
}

Sizes = dict[str, int]


def sizes_of(core: Path, flags: tuple[str, ...]) -> Sizes:
    """Bytes by function, and of constants under "(constants)".

    Args:
        core: folder with include/ and src/.
        flags: of the compiler, for the processor.
    """
    sources = sorted(str(path) for path in (core / "src").rglob("*.c"))
    sizes: Sizes = {}
    with tempfile.TemporaryDirectory(prefix="metabit-sizes-") as folder:
        command = [sys.executable, "-m", "ziglang", "cc", *flags, *C_FLAGS, *SECTION_FLAGS]
        command += [f"-I{core / 'include'}", "-c", *sources]
        subprocess.run(command, cwd=folder, check=True)
        for made in Path(folder).glob("*.o"):
            for name, section in elf.parse(made.read_bytes(), thumb=False).sections.items():
                kind, _, function = name.removeprefix(".").partition(".")
                if kind == "text" and function:
                    sizes[function] = sizes.get(function, 0) + section.bytes
                elif kind == "rodata":
                    sizes["(constants)"] = sizes.get("(constants)", 0) + section.bytes
    return sizes


def checked_out(commit: str, folder: Path) -> Path:
    """The core as it is in a commit, unpacked in `folder`. Ends the program without a checkout."""
    archive = subprocess.run(
        ["git", "archive", commit, "edge_runtime"], cwd=ROOT, capture_output=True, check=False
    )
    if archive.returncode != 0:
        sys.exit(f"{ROOT}: git has no {commit} here: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder / "edge_runtime"


def lines(now: Mapping[str, Sizes], before: Mapping[str, Sizes]) -> list[str]:
    """A row per function, largest first, and the total; differences stand in brackets."""
    with_total = [
        {core: {**sizes, "total": sum(sizes.values())} for core, sizes in every.items()}
        for every in (now, before)
    ]
    new, old = with_total
    first = next(iter(new.values()))
    names = {name for every in with_total for sizes in every.values() for name in sizes} - {"total"}
    order = [*sorted(names, key=lambda name: (-first.get(name, 0), name)), "total"]
    width = max(len(name) for name in order)
    rows = [" ".join([" " * width, *(f"{core:>16}" for core in new)])]
    for name in order:
        cells = [_cell(new[core].get(name), old[core].get(name)) for core in new]
        rows.append(" ".join([f"{name:<{width}}", *cells]))
    return rows


def _cell(now: int | None, before: int | None) -> str:
    """The size, and how much it grew; "-" for a function that a core's build does not have."""
    change = (now or 0) - (before or 0)
    return f"{'-' if now is None else f'{now:,}':>8} {f'({change:+,})' if change else '':>7}"


def main() -> None:
    """Compile twice for every core, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--base", default="origin/main", help="the commit to compare with")
    base = parser.parse_args().base
    with tempfile.TemporaryDirectory(prefix="metabit-base-") as folder:
        other = checked_out(base, Path(folder))
        now = {core: sizes_of(ROOT / "edge_runtime", flags) for core, flags in CORES.items()}
        before = {core: sizes_of(other, flags) for core, flags in CORES.items()}
    print(f"bytes of code a function, in brackets what changed since {base}\n")
    print("\n".join(lines(now, before)))


if __name__ == "__main__":
    main()
