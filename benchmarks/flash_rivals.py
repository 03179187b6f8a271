"""States in bare flash: metabit_flash.h beside littlefs, through the same power cuts.

    python -m benchmarks.flash_rivals [--cuts 300]

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
from pathlib import Path

import numpy as np

from benchmarks import results
from benchmarks.marks import rewrite
from metabit.edge_runtime import sources
from metabit.export.container import dumps
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained

NAME, ROOT = "flash_rivals", Path(__file__).parent.parent
DOCUMENT, MARK = ROOT / "docs" / "RELIABILITY.md", "flash-rivals"
LITTLEFS, FETCHED = "littlefs-python==0.14.0", ROOT / "build" / "littlefs"
#: Bytes that are erased at once, and written at once; pages.
SHAPES = ((4096, 4, 16), (2048, 8, 32), (1024, 4, 64), (4096, 256, 16))
WIDTHS = (20, 120)
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


def run(cuts: int, seed: int) -> list[results.Record]:
    """What each contestant wrote and lost with each shape of flash and size of state."""
    rng, rows = np.random.default_rng(seed), []
    x = rng.integers(0, 256, (400, 30)).astype(np.uint8)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs = build(folder)
        (folder / "x").write_bytes(x.tobytes())
        (folder / "y").write_bytes(rng.integers(0, 4, 400).astype("<i4").tobytes())
        for width in WIDTHS:
            (folder / "model").write_bytes(
                dumps(untrained(InputSpec("uint8", (30,)), (width, 4), x))
            )
            for shape in SHAPES:
                for contestant, program in programs.items():
                    numbers = [str(n) for n in (cuts, seed, *shape)]
                    files = [folder / file for file in ("model", "x", "y")]
                    said = subprocess.run(
                        [program, *files, *numbers], check=True, capture_output=True, text=True
                    )
                    n_cuts, lost, commits, written, erased, state = map(int, said.stdout.split())
                    rows.append({
                        "contestant": contestant, "page_bytes": shape[0], "write_bytes": shape[1],
                        "n_pages": shape[2], "state_bytes": state, "cuts": n_cuts, "lost": lost,
                        "commits": commits, "bytes_per_commit": written / commits,
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
        shown.append([flash, f"{ours['state_bytes']:,}", *pairs])
    head = ["bytes erased / written at once", "bytes of the state", "cuts", "lost",
            "bytes written per commit", "erasures per 1,000 commits"]  # fmt: skip
    return results.table(head, shown)


def main() -> None:
    """Run both, keep the figures, and write the page's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=300)
    parser.add_argument("--seed", type=int, default=600)
    args = parser.parse_args()
    rows = run(args.cuts, args.seed)
    command = f"python -m benchmarks.{NAME} --cuts {args.cuts}"
    results.save(NAME, command, {"rows": rows, "littlefs": LITTLEFS})
    rewrite(DOCUMENT, MARK, table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
