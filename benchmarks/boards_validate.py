"""Predicted cycles beside published ones: how far the cost models of the cores can be trusted.

    python -m benchmarks.boards_validate            # prints the table
    python -m benchmarks.boards_validate --record   # writes results/boards.json and docs/BOARDS.md

The kernels (boards/kernels.c) are written for this, with the mix of operations of code whose cycles
are published. The compiler orders them, so a difference comes from the model and from the code. No
constant of a model was set by one of them.
"""

from __future__ import annotations

import argparse
import importlib
import json
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from metabit.files import write_whole
from metabit.firmware_sim import boards, cores
from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.build import run_zig
from metabit.firmware_sim.counting import decoder
from metabit.firmware_sim.elf import Elf, parse
from metabit.firmware_sim.operations import operations
from metabit.firmware_sim.pipeline import Pipeline
from metabit.firmware_sim.watcher import BlockWatcher

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "boards.json"
PAGE = HERE.parent / "docs" / "BOARDS.md"
#: A board for each core: it says how to compile for it, and what runs it.
BOARDS = {
    "cortex-a53": "raspberry-pi-3b-plus",
    "cortex-a72": "raspberry-pi-4b",
    "cortex-a76": "raspberry-pi-5",
    "cortex-m33": "stm32u575",
    "cortex-m4f": "nrf52840",
}
FLAGS = ("-O3", "-std=gnu99", "-ffreestanding", "-nostdlib", "-fno-vectorize", "-fno-slp-vectorize",
         "-Wl,-e,chacha", "-Wl,--image-base=0x10000")  # fmt: skip
_OUT, _IN, _STOP, _STACK, _BYTES = 0x200000, 0x210000, 0x300000, 0x2F0000, 1 << 22


@dataclass(frozen=True)
class Point:
    """One published measurement, and what the model says.

    Attributes:
        core, kernel: what ran on what.
        published: cycles; where the code is not known, of the fastest and of the slowest library.
        predicted: cycles.
        instructions: of the kernel.
        source: of the published figure.
    """

    core: str
    kernel: str
    published: tuple[float, ...]
    predicted: int
    instructions: int
    source: str

    @property
    def error(self) -> float | None:
        """Of the prediction, as a share of what is published; None where the code is not known."""
        return self.predicted / self.published[0] - 1 if len(self.published) == 1 else None

    @property
    def inside(self) -> bool:
        """Whether a published figure lies in the bar, or the bar among figures of other code."""
        low, high = (self.predicted * factor for factor in cores.load(self.core).bar)
        return low <= self.published[-1] and self.published[0] <= high


def points() -> list[Point]:
    """Every published measurement, predicted."""
    table = tomllib.loads((HERE / "boards" / "published.toml").read_text(encoding="utf-8"))
    programs = {core: compiled(boards.load(board)) for core, board in BOARDS.items()}
    made = []
    for row in (*table["point"], *table["anchor"]):
        core, kernel, cycles = row["core"], row["kernel"], row["cycles"]
        published = tuple(cycles) if isinstance(cycles, list) else (cycles,)
        found = predicted(boards.load(BOARDS[core]), programs[core], kernel)
        made.append(Point(core, kernel, published, *found, row["source"]))
    return made


def compiled(board: Board) -> Elf:
    """The kernels, built for a board's core."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        source = str(HERE / "boards" / "kernels.c")
        run_zig([*board.flags, *FLAGS, source, "-o", "kernels.elf"], work, board.name)
        return parse((work / "kernels.elf").read_bytes(), thumb=board.isa == "thumb")


def predicted(board: Board, program: Elf, kernel: str) -> tuple[int, int]:
    """Cycles and instructions of one call of a kernel; its caches have everything."""
    uc, names = _machine(board, program)
    detailed = decoder(board.isa)
    detailed.detail = True
    seen: dict[tuple[int, int], int] = {}

    def decode(address: int, n_bytes: int) -> list[Any]:
        made = operations(detailed, board.isa, bytes(uc.mem_read(address, n_bytes)), address)
        seen[address, n_bytes] = len(made)
        return made

    start = program.symbols[kernel]
    watcher = BlockWatcher(board, Pipeline(cores.load(board.core), decode))
    watcher.attach(uc, start, watches=False)
    try:
        uc.emu_start(start | int(board.isa == "thumb"), _STOP)
    finally:
        watcher.detach()
    assert uc.reg_read(names["PC"]) == _STOP, f"{kernel} did not return"
    cycles = watcher.cycles
    assert cycles is not None
    return cycles, sum(seen[block] * times for block, times in watcher.ran().items())


def _machine(board: Board, program: Elf) -> tuple[Any, dict[str, int]]:
    """An emulated core, ready to call any kernel with its two arguments."""
    unicorn = importlib.import_module("unicorn")
    if board.isa == "thumb":
        uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        constants, prefix, first = unicorn.arm_const, "UC_ARM_REG_", "R"
        uc.ctl_set_cpu_model(constants.UC_CPU_ARM_CORTEX_M33)
    else:
        uc = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        constants, prefix, first = unicorn.arm64_const, "UC_ARM64_REG_", "X"
        uc.ctl_set_cpu_model(constants.UC_CPU_ARM64_MAX)
    names = {
        n: getattr(constants, prefix + n) for n in ("PC", "SP", "LR", f"{first}0", f"{first}1")
    }
    uc.mem_map(0, _BYTES)
    for address, data in program.segments:
        uc.mem_write(address, data)
    if board.isa == "aarch64":
        uc.reg_write(constants.UC_ARM64_REG_CPACR_EL1, 3 << 20)
    uc.mem_write(_IN, bytes(range(1, 256)) * 32)
    uc.reg_write(names[f"{first}0"], _OUT)
    uc.reg_write(names[f"{first}1"], _IN)
    uc.reg_write(names["SP"], _STACK)
    uc.reg_write(names["LR"], _STOP | int(board.isa == "thumb"))
    return uc, names


def main() -> None:
    """Print the table; with --record, write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true")
    record = parser.parse_args().record
    made = points()
    print("\n".join(table_of(made)))
    if record:
        rows = [asdict(p) | {"error": p.error} for p in made]
        write_whole(RESULTS, (json.dumps(rows, indent=1) + "\n").encode())
        write_whole(PAGE, page(made).encode())


def table_of(made: Sequence[Point]) -> list[str]:
    """A row for each point, as Markdown."""
    lines = [
        "| core | kernel | instructions | published | predicted | error | bar |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for p in made:
        low, high = cores.load(p.core).bar
        known = " to ".join(f"{cycles:,.0f}" for cycles in p.published)
        error = "other code" if p.error is None else f"{100 * p.error:+.1f} %"
        bar = f"{p.predicted * low:,.0f} to {p.predicted * high:,.0f}"
        lines.append(
            f"| {p.core} | {p.kernel} | {p.instructions:,} | {known} | {p.predicted:,} | {error} "
            f"| {bar}{'' if p.inside else ', outside'} |"
        )
    return lines


def page(made: Sequence[Point]) -> str:
    """docs/BOARDS.md: its text, the points, their sources, and the cores."""
    text = (HERE / "boards" / "page.md").read_text(encoding="utf-8")
    means = []
    for core in dict.fromkeys(p.core for p in made):
        errors = [abs(p.error) for p in made if p.core == core and p.error is not None]
        if errors:
            mean = 100 * sum(errors) / len(errors)
            means.append(f"- {core}: {mean:.1f} % mean absolute error over {len(errors)} kernels")
    sources = [f"- {p.core}, {p.kernel}: {p.source}" for p in made]
    models = ["| core | order | width | bar | bar from |", "|---|---|---:|---|---|"]
    for name in cores.names():
        model = cores.load(name)
        order = "in order" if model.in_order else "out of order"
        low, high = (100 * factor - 100 for factor in model.bar)
        models.append(
            f"| {model.title} | {order} | {model.width} | {low:+.0f} to {high:+.0f} % "
            f"| {model.bar_source} |"
        )
    parts = {"points": table_of(made), "means": means, "sources": sources, "cores": models}
    for name, lines in parts.items():
        text = text.replace(f"<!-- {name} -->", "\n".join(lines))
    return text


if __name__ == "__main__":
    main()
