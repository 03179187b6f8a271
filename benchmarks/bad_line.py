"""Corruptions, losses, repetitions and resets on the line between a host and a device.

    python -m benchmarks.bad_line [--faults 300000] [--seed 1]

Runs the rig of tests/link_rig.py, in which every answer and every state is held against the host
engine's; whatever differs ends it. Writes benchmarks/results/bad_line.json, and the table of
docs/DEVICE.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import results
from benchmarks.marks import rewrite
from metabit.edge_runtime.options import Options
from metabit.export.container import dumps
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained

NAME, ROOT = "bad_line", Path(__file__).parent.parent
DOCUMENT, MARK = ROOT / "docs" / "DEVICE.md", "bad-line"
#: What the rig calls it -> what the page does.
KINDS = {
    "lost": "a frame is lost",
    "flipped": "up to 20 of its bits are flipped",
    "short": "it ends early",
    "missing": "bytes are missing in it",
    "inserted": "bytes are added in it",
    "twice": "it comes twice",
    "late": "it comes again later, at either end",
    "noise": "noise comes before it",
    "reset": "the device is reset, in the middle of whatever it does",
}


def run(n_faults: int, seed: int) -> results.Record:
    """Counts of what happened; a promise that does not hold raises AssertionError."""
    sys.path.insert(0, str(ROOT / "tests"))
    from link_rig import BadLine, compile_rig, survive

    x = np.random.default_rng(seed).integers(0, 256, (400, 13)).astype(np.uint8)
    blob = dumps(untrained(InputSpec("uint8", (13,)), (9, 4), x))
    with tempfile.TemporaryDirectory() as folder:
        line = BadLine(compile_rig(Path(folder)), blob, Options(learn_layers=2))
        done = survive(line, blob, n_faults, seed)
        record = {"seed": seed, "done": dict(done), "faults": dict(line.faults)}
        record["commits"] = line.n_commits
        line.close()
    return record


def table(record: results.Record) -> str:
    """The counts as a page shows them."""
    done, faults = record["done"], record["faults"]
    rows = [[text, f"{faults[kind]:,}"] for kind, text in KINDS.items()]
    rows += [
        ["all of them", f"{sum(faults.values()):,}"],
        ["samples learnt, each once", f"{done['samples']:,}"],
        ["predictions, scores as the host's", f"{done['predictions']:,}"],
        ["records kept in the device's flash", f"{record['commits']:,}"],
        ["states out and in, bit for bit", f"{done['states out'] + done['states in']:,}"],
    ]
    return results.table(["what happened", "how often"], rows)


def main() -> None:
    """Run it, keep the counts, and write the page's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    record = run(args.faults, args.seed)
    results.save(NAME, f"python -m benchmarks.{NAME} --faults {args.faults}", {"line": record})
    rewrite(DOCUMENT, MARK, table(record))
    print(table(record))


if __name__ == "__main__":
    main()
