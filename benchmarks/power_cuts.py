"""Millions of failing calls, ending processes and power cuts on a folder of states.

    python -m benchmarks.power_cuts [--cuts 2000000] [--seed 600]

Builds tests/c/power_cuts.c without sanitizers, which the tests have, and runs it: whatever it finds
ends it. Writes benchmarks/results/power_cuts.json, and the table of docs/RELIABILITY.md.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import results
from benchmarks.marks import rewrite
from metabit.edge_runtime import sources
from metabit.export.container import dumps
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained

NAME, ROOT = "power_cuts", Path(__file__).parent.parent
DOCUMENT, MARK = ROOT / "docs" / "RELIABILITY.md", "power-cuts"
#: In the order of `enum disk_event` in tests/c/disk.h, the first of which is none.
KINDS = (
    "a call fails (EIO)",
    "the disk is full in the middle of a write",
    "the process is killed before a call",
    "the process is killed within a call; a write is done in part",
    "the process is killed after a call",
    "the power goes; all that was not synced is lost",
    "the power goes; changes of the folder are kept up to some point",
    "the power goes; any of the changes, and any sectors, are kept",
    "the same, and sectors that were being written hold anything",
)


def build(folder: Path) -> Path:
    """The rig, compiled with the C compiler of this machine."""
    rig, program = ROOT / "tests" / "c", folder / "power_cuts"
    core = (sources() / "src").rglob("*.c")
    own = [rig / name for name in ("power_cuts.c", "disk.c", "disk_calls.c")]
    command = [os.environ.get("CC", "cc"), "-std=c99", "-O2", f"-I{sources() / 'include'}"]
    subprocess.run([*command, *core, *own, "-lm", "-o", program], check=True)
    return program


def run(cuts: int, seed: int) -> results.Record:
    """Counts of what happened; a promise that does not hold raises CalledProcessError."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 256, (400, 30)).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        contents = {
            "model": dumps(untrained(InputSpec("uint8", (30,)), (20, 4), x)),
            "x": x.tobytes(),
            "y": rng.integers(0, 4, 400).astype("<i4").tobytes(),
        }
        files = [Path(folder) / name for name in contents]
        for file, content in zip(files, contents.values(), strict=True):
            file.write_bytes(content)
        command = [str(path) for path in (build(Path(folder)), *files)] + [str(cuts), str(seed)]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    first, *kinds = said.splitlines()
    total, commits, flips, refused = map(int, re.findall(r"\d+", first))
    return {
        "seed": seed,
        "failures_and_cuts": total,
        "commits": commits,
        "damaged_states_skipped": flips,
        "second_writers_refused": refused,
        "by_kind": [int(line.split()[-1]) for line in kinds],
    }


def table(record: results.Record) -> str:
    """The counts as a page shows them."""
    counts = zip(KINDS, record["by_kind"], strict=True)
    rows = [[kind, f"{count:,}"] for kind, count in counts]
    rows += [
        ["all of them", f"{record['failures_and_cuts']:,}"],
        ["commits that were acknowledged; none was lost", f"{record['commits']:,}"],
        ["one bit flipped in the newest state; the one before was loaded, with a warning",
         f"{record['damaged_states_skipped']:,}"],
        ["second writers, all refused", f"{record['second_writers_refused']:,}"],
    ]  # fmt: skip
    return results.table(["what happened", "how often"], rows)


def main() -> None:
    """Run it, keep the counts, and write the page's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=600)
    args = parser.parse_args()
    record = run(args.cuts, args.seed)
    results.save(NAME, f"python -m benchmarks.{NAME} --cuts {args.cuts}", {"folder": record})
    rewrite(DOCUMENT, MARK, table(record))
    print(table(record))


if __name__ == "__main__":
    main()
