"""Published code itself, run through the cost models of its cores: cycles beside measured ones.

`python -m benchmarks.boards.validate --code FOLDER` runs it. published.toml says which files of
which repository are read in FOLDER. None of them is in this repository, and no constant of a
model was set by one.
"""

from __future__ import annotations

import importlib
import json
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.boards.machine import IN, OUT, STOP, board_of, machine
from metabit.files import write_whole
from metabit.firmware_sim.boards import Board
from metabit.firmware_sim.build import run_zig
from metabit.firmware_sim.cost import cores
from metabit.firmware_sim.cost.cores import Core
from metabit.firmware_sim.cost.counting import decoder
from metabit.firmware_sim.cost.operations import MachineOperation, operations
from metabit.firmware_sim.cost.pipeline import Pipeline
from metabit.firmware_sim.cost.watcher import BlockWatcher
from metabit.firmware_sim.elf import Elf, parse

HERE = Path(__file__).parent
PUBLISHED = HERE / "published.toml"
RESULTS = HERE.parent / "results" / "boards_code.json"
_TABLE_BYTES = 4096


@dataclass(frozen=True)
class SameCode:
    """One measurement of published code, and what the model says of that code.

    Attributes:
        core, function, rounds: what ran on what.
        published, predicted: cycles of a call.
        instructions: of a call.
        source: of code and figure.
    """

    core: str
    function: str
    rounds: int
    published: int
    predicted: int
    instructions: int
    source: str

    @property
    def error(self) -> float:
        """Of the prediction, as a share of what is published."""
        return self.predicted / self.published - 1


def recorded() -> list[SameCode]:
    """What was recorded last."""
    return [SameCode(**row) for row in json.loads(RESULTS.read_text(encoding="utf-8"))]


def record(made: Sequence[SameCode]) -> None:
    """Write it, and keep what is known of code that did not lie in the folder."""
    new = {(one.core, one.function, one.rounds): one for one in made}
    known = {(one.core, one.function, one.rounds): one for one in recorded()} | new
    places = {(row["core"], row["function"]): i for i, row in enumerate(_rows())}
    made = sorted(known.values(), key=lambda one: (places[one.core, one.function], one.rounds))
    write_whole(RESULTS, (json.dumps([asdict(one) for one in made], indent=1) + "\n").encode())


def _rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))["code"]
    return rows


def run(folder: Path) -> list[SameCode]:
    """Every published measurement of code that lies in `folder`, predicted."""
    made = []
    for row in _rows():
        if not (folder / row["file"]).is_file():
            print(f"{row['file']} is not in {folder}: what is recorded of it stays")
            continue
        board = board_of(row["core"])
        program = _assembled(board, folder / row["file"], row["function"], row["tables"])
        core = cores.load(row["core"])
        core = replace(core, taken=row.get("taken", core.taken))
        for rounds, published in zip(row["rounds"], row["cycles"], strict=True):
            cycles, n = _called(board, program, core, row["function"], rounds)
            what = (row["core"], row["function"], rounds)
            made.append(SameCode(*what, published, cycles, n, row["source"]))
    return made


def _assembled(board: Board, file: Path, function: str, tables: Sequence[str]) -> Elf:
    lines = ["  .bss", "  .balign 16"]
    for name in tables:
        lines += [f"  .global {name}", f"{name}: .space {_TABLE_BYTES}"]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "tables.S").write_text("\n".join(lines) + "\n")
        link = ("-nostdlib", f"-Wl,-e,{function}", "-Wl,--image-base=0x10000")
        run_zig(
            [*board.flags, *link, str(file.resolve()), "tables.S", "-o", "out.elf"], work, function
        )
        return parse((work / "out.elf").read_bytes(), thumb=True)


def _called(board: Board, program: Elf, core: Core, function: str, rounds: int) -> tuple[int, int]:
    """Cycles and instructions of one call, while the caches have everything."""
    uc, names = machine(board, program)
    registers = importlib.import_module("unicorn").arm_const
    for number, value in enumerate((IN, IN, OUT, rounds)):
        uc.reg_write(getattr(registers, f"UC_ARM_REG_R{number}"), value)
    detailed = decoder(board.isa)
    detailed.detail = True
    seen: dict[tuple[int, int], int] = {}

    def decode(address: int, n_bytes: int) -> list[MachineOperation]:
        made = operations(detailed, board.isa, bytes(uc.mem_read(address, n_bytes)), address)
        seen[address, n_bytes] = len(made)
        return made

    watcher = BlockWatcher(board, Pipeline(core, decode))
    start = program.symbols[function]
    watcher.attach(uc, start, watches=False)
    try:
        uc.emu_start(start | 1, STOP)
    finally:
        watcher.detach()
    assert uc.reg_read(names[0]) == STOP, f"{function} did not return"
    assert watcher.cycles is not None
    return watcher.cycles, sum(seen[block] * times for block, times in watcher.ran().items())


def table_of(made: Sequence[SameCode]) -> list[str]:
    """A row for each measurement, as Markdown."""
    lines = [
        "| core | code | rounds | instructions | published | predicted | error |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for one in made:
        lines.append(
            f"| {one.core} | {one.function} | {one.rounds} | {one.instructions:,} "
            f"| {one.published:,} | {one.predicted:,} | {100 * one.error:+.1f} % |"
        )
    return lines


def sources_of(made: Sequence[SameCode]) -> list[str]:
    """Where each row is from, as Markdown."""
    known: dict[str, Any] = {f"- {one.core}, {one.function}: {one.source}": None for one in made}
    return list(known)
