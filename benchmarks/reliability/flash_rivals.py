"""States in bare flash: metabit_flash.h and metabit_journal.h beside littlefs, through the same
power cuts.

    python -m benchmarks.reliability.flash_rivals [--cuts 300]

Builds tests/c/flash_rivals.c three times. littlefs comes from the source archive of littlefs-python
that pip fetches into build/littlefs/; it is not part of metabit. All keep the same states, ten
samples apart, in flash of the same size. Callgrind (valgrind) counts what a start takes, with the
kernels that every processor has. Writes benchmarks/results/flash_rivals.json and the tables of
docs/RELIABILITY.md.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from benchmarks.marks import rewrite
from metabit.edge_runtime import isa, sources
from metabit.export.container import dumps
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained
from metabit.trainer.data import load as load_data

NAME, ROOT = "flash_rivals", Path(__file__).parents[2]
DOCUMENT, MARK, START_MARK = ROOT / "docs" / "RELIABILITY.md", "flash-rivals", "flash-starts"
LITTLEFS, FETCHED = "littlefs-python==0.14.0", ROOT / "build" / "littlefs"
#: Bytes that are erased at once, and written at once; pages.
SHAPES = ((4096, 4, 16), (2048, 8, 32), (1024, 4, 64), (4096, 256, 16))
RECIPE = """
name = "digits"
description = "A network that learns on."
[data]
name = "digits"
[network]
hidden = [128]
[train]
epochs = 8
"""
ALL_LAYERS = 65535
#: What learns; `learn_layers` and `head` of mb_options.
LEARNERS = (
    ("all layers", ALL_LAYERS, 0), ("the last layer", 1, 0), ("the small counting head", 0, 3),
    ("the counting head", 0, 1), ("the tracking head", 0, 2),
)  # fmt: skip
#: Ways to keep a state, and files of the core that are theirs.
CONTESTANTS: dict[str, tuple[str, ...]] = {
    "states": ("flash", "flash_changes", "flash_entry", "flash_find"),
    "samples": ("flash", "flash_changes", "flash_entry", "flash_find", "flash_log", "journal",
                "kept"),
    "littlefs": ("lfs", "lfs_util"),
}  # fmt: skip
DIGITS = "digits"
#: Cuts while callgrind counts, which takes fifty times as long.
COUNTED_CUTS = 12


def fetch() -> Path:
    """The folder of littlefs's sources."""
    if not FETCHED.exists():
        fetching = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        source: list[str | Path] = ["--no-binary", "littlefs-python", "-d", FETCHED, LITTLEFS]
        subprocess.run([*fetching, *source], check=True)
    (archive,) = FETCHED.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(FETCHED, filter="data")
    (found,) = FETCHED.glob("*/littlefs")
    return found


def build(folder: Path) -> dict[str, Path]:
    """The program of each contestant, and a map of it beside it."""
    compiler = [os.environ.get("CC", "cc"), "-Os", "-g", "-ffunction-sections"]
    compiler += [f"-I{sources() / 'include'}"]
    core = [str(path) for path in (sources() / "src").rglob("*.c")]
    subprocess.run([*compiler, "-std=c99", "-c", *core], cwd=folder, check=True)
    core_objects, theirs = sorted(folder.glob("*.o")), fetch()
    quiet = ["-DLFS_NO_DEBUG", "-DLFS_NO_WARN", "-DLFS_NO_ERROR", "-w", f"-I{theirs}"]
    extra: dict[str, list[str | Path]] = {
        "states": ["-std=c99"],
        "samples": ["-std=c99", "-DJOURNAL"],
        "littlefs": ["-DLITTLEFS", *quiet],
    }
    subprocess.run(
        [*compiler, *quiet, "-c", theirs / "lfs.c", theirs / "lfs_util.c"], cwd=folder, check=True
    )
    objects = [*core_objects, folder / "lfs.o", folder / "lfs_util.o"]
    programs = {name: folder / f"rival-{name}" for name in CONTESTANTS}
    for name, program in programs.items():
        link: list[str | Path] = [
            *objects,
            "-Wl,--gc-sections",
            f"-Wl,-Map={program}.map",
            "-lm",
            "-o",
            program,
        ]
        rig = ROOT / "tests/c/flash_rivals.c"
        subprocess.run([*compiler, *extra[name], rig, *link], check=True)
    return programs


def code_bytes(program: Path, files: tuple[str, ...]) -> int:
    """What these files leave in a program, functions that nothing calls left out."""
    kept = Path(f"{program}.map").read_text().partition("Linker script and memory map")[2]
    found = re.findall(r"^ \.text\S*\s+0x\w+\s+0x(\w+) \S*?(\w+)\.o$", kept, re.M)
    return sum(int(n_bytes, 16) for n_bytes, file in found if file in files)


@dataclass(frozen=True)
class Case:
    """What learns, and in which flash.

    Attributes:
        what: learns, for people.
        model: the file.
        x, y: samples, uint8, and labels.
        layers, head: `learn_layers` and `head` of mb_options.
        page_bytes, write_bytes, n_pages: of the flash.
    """

    what: str
    model: bytes
    x: NDArray[np.uint8]
    y: NDArray[np.int32]
    layers: int
    head: int
    page_bytes: int
    write_bytes: int
    n_pages: int


def trained(folder: Path) -> bytes:
    """A network that the trainer has taught the digits, with a counting head."""
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    metabit = [sys.executable, "-m", "metabit"]
    for verb in (
        ["train", "recipe.toml", "-o", "run"], ["export", "run", "-o", "digits.mbit"],
    ):  # fmt: skip
        subprocess.run([*metabit, *verb], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return (folder / "digits.mbit").read_bytes()


def cases(seed: int, folder: Path) -> Iterator[Case]:
    """Networks that know the digits and see new ones; and a network that is told anything.

    Args:
        seed: of the noise.
        folder: for the run that trains.
    """
    digits, model = load_data("digits").test, trained(folder)
    x, y = digits.x.reshape(len(digits.x), -1), digits.y.astype(np.int32)
    for what, layers, head in LEARNERS:
        yield Case(f"{DIGITS}: {what}", model, x, y, layers, head, 4096, 4, 64)
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (400, 30)).astype(np.uint8)
    y = rng.integers(0, 4, 400).astype(np.int32)
    for shape in SHAPES:
        anything = dumps(untrained(InputSpec("uint8", (30,)), (20, 4), x))
        yield Case("noise: all layers", anything, x, y, ALL_LAYERS, 0, *shape)


def arguments(case: Case, folder: Path, cuts: int, seed: int, isa: int) -> list[str | Path]:
    """What a program is called with; the case's files are written."""
    contents = {"model": case.model, "x": case.x.tobytes(), "y": case.y.astype("<i4").tobytes()}
    for file, content in contents.items():
        (folder / file).write_bytes(content)
    numbers = (cuts, seed, case.page_bytes, case.write_bytes, case.n_pages, case.layers, case.head)
    return [*(folder / file for file in contents), *(str(n) for n in (*numbers, isa))]


def start_instructions(program: Path, told: list[str | Path], folder: Path) -> int:
    """Instructions that a start takes on average."""
    out = folder / "callgrind.out"
    valgrind = ["valgrind", "--tool=callgrind", "--toggle-collect=start_up"]
    said = subprocess.run(
        [*valgrind, f"--callgrind-out-file={out}", program, *told],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    total = re.search(r"^summary: (\d+)", out.read_text(), re.M)
    assert total is not None, "callgrind sums up"
    return int(total[1]) // int(said.stdout.split()[6])


def run(cuts: int, seed: int) -> list[results.Record]:
    """What each contestant wrote and lost in each case."""
    rows = []
    plain = list(isa.kernel_sets()).index("scalar") + 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs = build(folder)
        for case in cases(seed, folder):
            for contestant, program in programs.items():
                said = subprocess.run(
                    [program, *arguments(case, folder, cuts, seed, 0)],
                    check=True, capture_output=True, text=True,
                )  # fmt: skip
                n_cuts, lost, commits, written, erased, state, _, again = map(
                    int, said.stdout.split()
                )
                rows.append({
                    "contestant": contestant, "learns": case.what, "page_bytes": case.page_bytes,
                    "write_bytes": case.write_bytes, "n_pages": case.n_pages, "state_bytes": state,
                    "cuts": n_cuts, "lost": lost, "commits": commits,
                    "bytes_per_commit": written / commits,
                    "erasures_per_1000_commits": 1000 * erased / commits,
                    "relearnt_at_start": again,
                    "code_bytes": code_bytes(program, CONTESTANTS[contestant]),
                })  # fmt: skip
                if case.what.startswith(DIGITS):
                    counted = arguments(case, folder, COUNTED_CUTS, seed, plain)
                    count = start_instructions(program, counted, folder)
                    rows[-1]["instructions_at_start"] = count
    return rows


def _each(three: list[results.Record], key: str, scale: float = 1.0) -> str:
    return " / ".join(f"{row[key] * scale:,.0f}" for row in three)


def _by_case(rows: list[results.Record]) -> list[list[results.Record]]:
    n = len(CONTESTANTS)
    return [rows[at : at + n] for at in range(0, len(rows), n)]


def table(rows: list[results.Record]) -> str:
    """The rows as a page shows them, the contestants of a case side by side."""
    shown = []
    for three in _by_case(rows):
        first, theirs = three[0], three[-1]
        keys = ("lost", "bytes_per_commit", "erasures_per_1000_commits")
        shares = " / ".join(
            f"{row['bytes_per_commit'] / theirs['bytes_per_commit']:.2f}" for row in three[:-1]
        )
        flash = f"{first['page_bytes']:,} / {first['write_bytes']}"
        cells = [_each(three, key) for key in keys]
        cells.insert(2, shares)
        shown.append([first["learns"], flash, f"{first['state_bytes']:,}", *cells])
    head = ["what learns", "bytes erased / written at once", "bytes of the state", "lost",
            "bytes written per commit", "of littlefs's", "erasures per 1,000 commits"]  # fmt: skip
    return results.table(head, shown)


def table_of_starts(rows: list[results.Record]) -> str:
    """What a start takes, and the code."""
    by_case = _by_case(rows)
    shown = [
        [three[0]["learns"], _each(three, "instructions_at_start", 1e-3),
         f"{three[1]['relearnt_at_start']:,}"]
        for three in by_case if three[0]["learns"].startswith(DIGITS)
    ]  # fmt: skip
    head = ["what learns", "thousands of instructions at a start, on average",
            "samples learnt again, at most"]  # fmt: skip
    code = ["bytes of code", _each(by_case[0], "code_bytes"), ""]
    return results.table(head, [*shown, code])


def main() -> None:
    """Run all, keep the figures, and write the page's tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=300)
    parser.add_argument("--seed", type=int, default=600)
    args = parser.parse_args()
    rows = run(args.cuts, args.seed)
    command = f"python -m benchmarks.reliability.{NAME} --cuts {args.cuts}"
    results.save(NAME, command, {"rows": rows, "littlefs": LITTLEFS})
    rewrite(DOCUMENT, MARK, table(rows))
    rewrite(DOCUMENT, START_MARK, table_of_starts(rows))
    print(table(rows), table_of_starts(rows), sep="\n\n")


if __name__ == "__main__":
    main()
