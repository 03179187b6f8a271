"""Predicted cycles beside published ones: how far the cost models of the cores can be trusted.

    python -m benchmarks.boards.validate                # prints the table
    python -m benchmarks.boards.validate --code FOLDER  # also runs published code that lies there
    python -m benchmarks.boards.validate --record       # also writes results and docs/BOARDS.md

The kernels (boards/kernels.c) are written for this, with the mix of operations of code whose cycles
are published. The compiler orders them, so a difference comes from the model and from the code. No
constant of a model was set by one of them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.boards import code as boards_code
from benchmarks.boards import mca as boards_mca
from benchmarks.boards.machine import STOP, board_of, machine
from metabit.files import write_whole
from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.build import run_zig
from metabit.firmware_sim.cost import cores, latency
from metabit.firmware_sim.cost.counting import Counts, decoder
from metabit.firmware_sim.cost.operations import operations
from metabit.firmware_sim.cost.pipeline import Pipeline
from metabit.firmware_sim.cost.watcher import BlockWatcher
from metabit.firmware_sim.elf import Elf, parse

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "boards.json"
PAGE = HERE.parents[1] / "docs" / "BOARDS.md"
SOURCES = ("kernels.c", "kernels_32.c", "loops.S")
FLAGS = ("-O3", "-std=gnu99", "-ffreestanding", "-nostdlib", "-fno-vectorize", "-fno-slp-vectorize",
         "-Wl,-e,chacha", "-Wl,--image-base=0x10000", "-Wl,--no-gc-sections")  # fmt: skip


@dataclass(frozen=True)
class Point:
    """One published measurement, and what the model says.

    Attributes:
        core, kernel: what ran on what.
        published: cycles; where the code is not known, of the fastest and of the slowest library.
        predicted: cycles.
        instructions: of the kernel.
        source: of the published figure.
        mca: cycles that llvm-mca predicts; None where it has no model.
    """

    core: str
    kernel: str
    published: tuple[float, ...]
    predicted: int
    instructions: int
    source: str
    mca: int | None = None

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
    table = tomllib.loads((HERE / "published.toml").read_text(encoding="utf-8"))
    rows = (*table["point"], *table["anchor"])
    programs = {core: compiled(board_of(core)) for core in {row["core"] for row in rows}}
    made = []
    for row in rows:
        core, kernel, cycles = row["core"], row["kernel"], row["cycles"]
        published = tuple(cycles) if isinstance(cycles, list) else (cycles,)
        now, n, mca = predicted(board_of(core), programs[core], kernel)
        if "instructions" in row:
            published = tuple(round(p / row["instructions"] * n, 1) for p in published)
        made.append(Point(core, kernel, published, now, n, row["source"], mca))
    return made


def compiled(board: Board) -> Elf:
    """The kernels, built for a board's core."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        sources = [str(HERE / name) for name in SOURCES]
        run_zig([*board.flags, *FLAGS, *sources, "-o", "kernels.elf"], work, board.name)
        return parse((work / "kernels.elf").read_bytes(), thumb=board.isa == "thumb")


def predicted(board: Board, program: Elf, kernel: str) -> tuple[int, int, int | None]:
    """Cycles and instructions of one call of a kernel, and what llvm-mca says of it.

    Its caches have everything. But where memory is read they are empty, and what they do not have
    takes what the board's file says.
    """
    uc, names = machine(board, program)
    detailed = decoder(board.isa)
    detailed.detail = True
    seen: dict[tuple[int, int], int] = {}

    def decode(address: int, n_bytes: int) -> list[Any]:
        made = operations(detailed, board.isa, bytes(uc.mem_read(address, n_bytes)), address)
        seen[address, n_bytes] = len(made)
        return made

    start, reads = program.symbols[kernel], kernel == "read_memory"
    watcher = BlockWatcher(board, Pipeline(cores.load(board.core), decode))
    trace = boards_mca.Trace(uc, board.isa) if not reads and boards_mca.program() else None
    watcher.attach(uc, start, watches=reads)
    try:
        uc.emu_start(start | int(board.isa == "thumb"), STOP)
    finally:
        watcher.detach()
    assert uc.reg_read(names[0]) == STOP, f"{kernel} did not return"
    cycles = watcher.cycles
    assert cycles is not None
    instructions = sum(seen[block] * times for block, times in watcher.ran().items())
    if reads:
        counts = Counts(misses=watcher.misses(), cycles=cycles)
        estimate = latency.estimate(board, counts, counts)
        assert estimate is not None
        cycles = round(estimate.cycles[1])
    mca = boards_mca.cycles(board.core, board.isa, trace.executed) if trace else None
    return cycles, instructions, mca


def main() -> None:
    """Print the table; with --record, write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--code", type=Path, help="folder of the published code")
    given = parser.parse_args()
    made = points()
    print("\n".join(table_of(made)))
    if given.code:
        code = boards_code.run(given.code)
        print("\n".join(boards_code.table_of(code)))
        if given.record:
            boards_code.record(code)
    if given.record:
        rows = [asdict(p) | {"error": p.error} for p in made]
        write_whole(RESULTS, (json.dumps(rows, indent=1) + "\n").encode())
        write_whole(PAGE, page(made).encode())


def table_of(made: Sequence[Point]) -> list[str]:
    """A row for each point, as Markdown."""
    lines = [
        "| core | kernel | instructions | published | predicted | error | bar | llvm-mca |",
        "|---|---|---:|---:|---:|---:|---|---:|",
    ]
    for p in made:
        low, high = cores.load(p.core).bar
        known = " to ".join(f"{cycles:,.0f}" for cycles in p.published)
        error = "other code" if p.error is None else f"{100 * p.error:+.1f} %"
        bar = f"{p.predicted * low:,.0f} to {p.predicted * high:,.0f}"
        lines.append(
            f"| {p.core} | {p.kernel} | {p.instructions:,} | {known} | {p.predicted:,} | {error} "
            f"| {bar}{'' if p.inside else ', outside'} | {'-' if p.mca is None else f'{p.mca:,}'} |"
        )
    return lines


def page(made: Sequence[Point]) -> str:
    """docs/BOARDS.md: its text, the points, their sources, and the cores."""
    text = (HERE / "page.md").read_text(encoding="utf-8")
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
    code = boards_code.recorded()
    parts = {
        "points": table_of(made), "means": means, "sources": sources, "cores": models,
        "code": boards_code.table_of(code), "code sources": boards_code.sources_of(code),
    }  # fmt: skip
    for name, lines in parts.items():
        text = text.replace(f"<!-- {name} -->", "\n".join(lines))
    return text


if __name__ == "__main__":
    main()
