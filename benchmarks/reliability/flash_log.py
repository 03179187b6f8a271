"""How many bytes flash would take of the samples learnt, in place of the state that they make.

    python -m benchmarks.reliability.flash_log [--commits 400]

Learning is deterministic: a state and the samples that came after it give the next state, bit for
bit. So a slot could hold one whole state and then, for each commit, the samples since the last one;
whoever starts learns them again. This is a prototype that counts, for the digits of
flash_rivals.py, and no storage: each commit's state is made again from the whole one and the
samples, and compared. Writes benchmarks/results/flash_log.json and the table of
docs/RELIABILITY.md.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import results
from benchmarks.marks import rewrite
from benchmarks.reliability.flash_rivals import DOCUMENT, trained
from metabit.edge_runtime.engine import Engine
from metabit.trainer.data import load as load_data

NAME, MARK = "flash_log", "flash-log"
ROWS = (("all layers", "all"), ("the small counting head", "counting-small"),
        ("the counting head", "counting"), ("the tracking head", "tracking"))  # fmt: skip
SAMPLES, SEAL_BYTES, LABEL_BYTES = 10, 32, 2
PAGE_BYTES, PAGES, SLOTS, WRITE_BYTES = 4096, 64, 2, 4


def aligned(n_bytes: int) -> int:
    """What an entry takes of flash that is written so many bytes at once."""
    return -(-(SEAL_BYTES + n_bytes) // WRITE_BYTES) * WRITE_BYTES


def measure(what: str, model: bytes, learn: Any, n_commits: int) -> results.Record:
    """Bytes and erasures of so many commits, each checked against what is learnt again."""
    digits = load_data("digits").test
    x, y = digits.x.reshape(len(digits.x), -1), digits.y.astype(np.int64)
    engine, again = Engine(model, learn=learn), Engine(model, learn=learn)
    slot_bytes = PAGE_BYTES * PAGES // SLOTS
    written = erased = used = relearnt = most = equal = 0
    for commit in range(n_commits):
        at = np.arange(commit * SAMPLES, (commit + 1) * SAMPLES) % len(x)
        engine.learn(x[at], y[at])
        state = engine.save_state()
        entry = aligned(SAMPLES * (x.shape[1] + LABEL_BYTES))
        if commit == 0 or used + entry > slot_bytes:
            again = Engine(model, learn=learn)
            again.load_state(state)
            entry, used, relearnt = aligned(len(state)), 0, 0
        else:
            again.learn(x[at], y[at])
            relearnt += SAMPLES
        erased += -(-(used + entry) // PAGE_BYTES) - -(-used // PAGE_BYTES)
        used, written, most = used + entry, written + entry, max(most, relearnt)
        equal += again.save_state() == state
    if equal != n_commits:
        raise SystemExit(f"{what}: {n_commits - equal} states were not made again, bit for bit")
    return {
        "learns": what, "state_bytes": len(state), "commits": n_commits,
        "bytes_per_commit": written / n_commits, "relearnt_at_start": most,
        "erasures_per_1000_commits": 1000 * erased / n_commits,
        "of_whole_states": written / n_commits / aligned(len(state)),
    }  # fmt: skip


def table(rows: list[results.Record]) -> str:
    """The rows as the page shows them."""
    shown = [
        [f"digits: {row['learns']}", f"{row['state_bytes']:,}", f"{row['bytes_per_commit']:,.0f}",
         f"{row['of_whole_states']:.2f}", f"{row['erasures_per_1000_commits']:,.0f}",
         f"{row['relearnt_at_start']:,}"]
        for row in rows
    ]  # fmt: skip
    head = ["what learns", "bytes of the state", "bytes written per commit",
            "of a whole state", "erasures per 1,000 commits",
            "samples to learn again at a start, at most"]  # fmt: skip
    return results.table(head, shown)


def main() -> None:
    """Count, keep the figures, and write the page's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=400)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = trained(Path(folder))
    rows = [measure(what, model, learn, args.commits) for what, learn in ROWS]
    command = f"python -m benchmarks.reliability.{NAME} --commits {args.commits}"
    results.save(NAME, command, {"rows": rows})
    rewrite(DOCUMENT, MARK, table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
