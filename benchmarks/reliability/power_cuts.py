"""Millions of failing calls, ending processes and power cuts on a folder of states.

    python -m benchmarks.reliability.power_cuts [--cuts 2000000] [--seed 600] [--only NAME]

Builds tests/c/power_cuts.c without sanitizers, which the tests have, and runs it: whatever it finds
ends it. It runs twice: with states of one network, and of several contexts. Writes
benchmarks/results/power_cuts.json, and the table of docs/RELIABILITY.md.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from benchmarks.marks import rewrite
from metabit.edge_runtime import sources
from metabit.edge_runtime.engine import Engine
from metabit.export.container import dumps
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained

NAME, ROOT = "power_cuts", Path(__file__).parents[2]
DOCUMENT, MARK = ROOT / "docs" / "RELIABILITY.md", "power-cuts"
#: What is kept -> contexts that there is room for.
STATES = {"one network": 0, "three contexts": 3}
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


def two_worlds(rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """200 samples around a middle of each of four classes, then 200 around other middles.

    Returns:
        x (400, 30) and y (400,).
    """
    worlds = rng.integers(30, 226, (2, 4, 30))
    y = rng.integers(0, 4, 400)
    middles = worlds[np.arange(400) // 200, y]
    x = np.clip(np.rint(middles + rng.normal(0, 12, middles.shape)), 0, 255)
    return x.astype(np.uint8), y


def write_inputs(folder: Path, contexts: int, seed: int) -> list[str]:
    """What the rig reads: a model, samples and labels, the state it begins with, and `contexts`.

    With contexts that state has two of them open: it has learnt one world for long, then the other.
    """
    x, y = two_worlds(np.random.default_rng(seed))
    blob = dumps(untrained(InputSpec("uint8", (30,)), (20, 4), x))
    engine = Engine(blob, learn="all", contexts=contexts)
    if contexts:
        engine.learn(np.tile(x[:200], (6, 1)), np.tile(y[:200], 6))
        engine.learn(x[200:], y[200:])
    contents = {
        "model": blob,
        "x": x.tobytes(),
        "y": y.astype("<i4").tobytes(),
        "start": engine.save_state(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [*(str(folder / name) for name in contents), str(contexts)]


def run(cuts: int, seed: int, contexts: int) -> results.Record:
    """Counts of what happened; a promise that does not hold raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = write_inputs(Path(folder), contexts, seed)
        command = [str(build(Path(folder))), *inputs, str(cuts), str(seed)]
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


def table(runs: results.Record) -> str:
    """The counts as a page shows them, a column for each kind of state."""
    whats = [
        *KINDS,
        "all of them",
        "commits that were acknowledged; none was lost",
        "one bit flipped in the newest state; the one before was loaded, with a warning",
        "second writers, all refused",
    ]
    columns = [
        [
            *run["by_kind"], run["failures_and_cuts"], run["commits"],
            run["damaged_states_skipped"], run["second_writers_refused"],
        ]
        for run in (runs[name] for name in STATES)
    ]  # fmt: skip
    rows = [
        [what, *(f"{count:,}" for count in counts)]
        for what, *counts in zip(whats, *columns, strict=True)
    ]
    return results.table(["what happened", *(f"{name}, how often" for name in STATES)], rows)


def main() -> None:
    """Run it, keep the counts, and write the page's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=600)
    parser.add_argument("--only", choices=STATES)
    args = parser.parse_args()
    for name in [args.only] if args.only else STATES:
        record = run(args.cuts, args.seed, STATES[name])
        command = f"python -m benchmarks.reliability.{NAME} --cuts {args.cuts}"
        results.save(NAME, command, {name: record})
    text = table(results.load(NAME)["results"])
    rewrite(DOCUMENT, MARK, text)
    print(text)


if __name__ == "__main__":
    main()
