"""States in bare flash: metabit_flash.h beside littlefs, through the same power cuts.

    python -m benchmarks.reliability.flash_rivals [--cuts 300]

Builds tests/c/flash_rivals.c twice. littlefs comes from the source archive of littlefs-python that
pip fetches into build/littlefs/; it is not part of metabit. Both keep the same states, ten samples
apart, in flash of the same size. Writes benchmarks/results/flash_rivals.json and the table of
docs/RELIABILITY.md.
"""

from __future__ import annotations

import argparse
import os
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
from metabit.edge_runtime import sources
from metabit.export.container import dumps
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained
from metabit.trainer.data import load as load_data

NAME, ROOT = "flash_rivals", Path(__file__).parents[2]
DOCUMENT, MARK = ROOT / "docs" / "RELIABILITY.md", "flash-rivals"
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
CONTESTANTS = ("metabit_flash.h", "littlefs")


def fetch() -> Path:
    """The folder of littlefs's sources."""
    if not FETCHED.exists():
        fetching = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*fetching, "--no-binary", ":all:", "-d", FETCHED, LITTLEFS], check=True)
    (archive,) = FETCHED.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(FETCHED, filter="data")
    (found,) = FETCHED.glob("*/littlefs")
    return found


def build(folder: Path) -> dict[str, Path]:
    """The program of each contestant."""
    compiler = [os.environ.get("CC", "cc"), "-O1", f"-I{sources() / 'include'}"]
    core = [str(path) for path in (sources() / "src").rglob("*.c")]
    subprocess.run([*compiler, "-std=c99", "-c", *core], cwd=folder, check=True)
    objects, rig, theirs = sorted(folder.glob("*.o")), ROOT / "tests/c/flash_rivals.c", fetch()
    quiet = ["-DLFS_NO_DEBUG", "-DLFS_NO_WARN", "-DLFS_NO_ERROR", "-w", f"-I{theirs}"]
    extra: dict[str, list[str | Path]] = {
        "metabit_flash.h": ["-std=c99"],
        "littlefs": ["-DLITTLEFS", *quiet, theirs / "lfs.c", theirs / "lfs_util.c"],
    }
    programs = {name: folder / f"rival-{i}" for i, name in enumerate(CONTESTANTS)}
    for name, program in programs.items():
        subprocess.run(
            [*compiler, *extra[name], rig, *objects, "-lm", "-o", program], check=True
        )  # fmt: skip
    return programs


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
        yield Case(f"digits: {what}", model, x, y, layers, head, 4096, 4, 64)
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (400, 30)).astype(np.uint8)
    y = rng.integers(0, 4, 400).astype(np.int32)
    for shape in SHAPES:
        anything = dumps(untrained(InputSpec("uint8", (30,)), (20, 4), x))
        yield Case("noise: all layers", anything, x, y, ALL_LAYERS, 0, *shape)


def run(cuts: int, seed: int) -> list[results.Record]:
    """What each contestant wrote and lost in each case."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs = build(folder)
        for case in cases(seed, folder):
            contents = {"model": case.model, "x": case.x.tobytes()}
            contents["y"] = case.y.astype("<i4").tobytes()
            for file, content in contents.items():
                (folder / file).write_bytes(content)
            shape = (case.page_bytes, case.write_bytes, case.n_pages)
            numbers = [str(n) for n in (cuts, seed, *shape, case.layers, case.head)]
            for contestant, program in programs.items():
                said = subprocess.run(
                    [program, *(folder / file for file in contents), *numbers],
                    check=True, capture_output=True, text=True,
                )  # fmt: skip
                n_cuts, lost, commits, written, erased, state = map(int, said.stdout.split())
                rows.append({
                    "contestant": contestant, "learns": case.what, "page_bytes": shape[0],
                    "write_bytes": shape[1], "n_pages": shape[2], "state_bytes": state,
                    "cuts": n_cuts, "lost": lost, "commits": commits,
                    "bytes_per_commit": written / commits,
                    "erasures_per_1000_commits": 1000 * erased / commits,
                })  # fmt: skip
    return rows


def table(rows: list[results.Record]) -> str:
    """The rows as a page shows them, the contestants of a case side by side."""
    shown = []
    for ours, theirs in zip(rows[::2], rows[1::2], strict=True):
        pairs = [
            f"{ours[key]:,.0f} / {theirs[key]:,.0f}"
            for key in ("cuts", "lost", "bytes_per_commit", "erasures_per_1000_commits")
        ]
        flash = f"{ours['page_bytes']:,} / {ours['write_bytes']}"
        shown.append([ours["learns"], flash, f"{ours['state_bytes']:,}", *pairs])
    head = ["what learns", "bytes erased / written at once", "bytes of the state", "cuts", "lost",
            "bytes written per commit", "erasures per 1,000 commits"]  # fmt: skip
    return results.table(head, shown)


def main() -> None:
    """Run both, keep the figures, and write the page's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=300)
    parser.add_argument("--seed", type=int, default=600)
    args = parser.parse_args()
    rows = run(args.cuts, args.seed)
    command = f"python -m benchmarks.reliability.{NAME} --cuts {args.cuts}"
    results.save(NAME, command, {"rows": rows, "littlefs": LITTLEFS})
    rewrite(DOCUMENT, MARK, table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
