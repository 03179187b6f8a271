"""Failing system calls, killed processes and several writers on a folder of states, for real.

    python -m benchmarks.reliability.kernel_cuts [--kills 100]

Builds tests/c/kernel_cuts.c, in which something happens to every system call of a commit and of a
restore, kills learning processes at random moments, and lets two and three processes write to one
folder. Whatever it finds ends it. Writes benchmarks/results/kernel_cuts.json, and the table of
docs/RELIABILITY.md. Linux on x86-64 only, where the system lets a process trace its child.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import results
from benchmarks.marks import rewrite
from metabit.edge_runtime import _native, sources
from metabit.edge_runtime.engine import Engine
from metabit.errors import StorageError
from metabit.export.container import dumps
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained

NAME, ROOT = "kernel_cuts", Path(__file__).parents[2]
DOCUMENT, MARK = ROOT / "docs" / "RELIABILITY.md", "kernel-cuts"
#: Exit code of the rig where nobody may trace.
CANNOT_TRACE = 77
SEED, N_SAMPLES = 7, 400
PER_COMMIT = 5

RNG = np.random.default_rng(SEED)
X = RNG.integers(0, 256, (N_SAMPLES, 30)).astype(np.uint8)
Y = RNG.integers(0, 4, N_SAMPLES).astype(np.int32)
MODEL = dumps(untrained(InputSpec("uint8", (30,)), (20, 4), X))


def build(folder: Path) -> list[str]:
    """The command that runs the rig, but for what `system_calls` adds."""
    library = Path(_native.library()._name)
    rig, program = ROOT / "tests" / "c", folder / "kernel_cuts"
    own = [rig / name for name in ("kernel_cuts.c", "traced.c")]
    command = [os.environ.get("CC", "cc"), "-std=c99", "-O1", "-Wall", "-Wextra", "-Werror"]
    command += [f"-I{sources() / 'include'}", f"-Wl,-rpath,{library.parent}", "-o", str(program)]
    subprocess.run([*command, *own, library], check=True)
    contents = {"model": MODEL, "x": X.tobytes(), "y": Y.astype("<i4").tobytes()}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [str(program), *(str(folder / name) for name in contents)]


def system_calls(command: list[str], states: Path, how: str) -> dict[str, int]:
    """Counts of what the rig did; a promise that does not hold raises CalledProcessError.

    Args:
        command: from `build`.
        states: an empty folder, on the file system that is tried.
        how: "quick", or "all" for more numbers of errno, and six folders to begin with.
    """
    whole = [*command, str(states), how]
    said = subprocess.run(whole, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {name: int(count) for count, name in re.findall(r"(\d+) (\w+)", said)}


def in_child(work: Callable[[int], None]) -> tuple[int, int]:
    """Run `work(pipe)` in a child; returns its process number, and the pipe's other end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    code = 1
    try:
        work(writing)
        code = 0
    finally:
        os._exit(code)


def kill_learners(kills: int, folder: Path) -> dict[str, int]:
    """Kill processes that learn and commit, one after the other, at random moments.

    After each, the newest state is the last acknowledged or the next, bit for bit what
    one process alone would have learnt, and no file is called damaged.
    """
    rng, acknowledged, further = np.random.default_rng(SEED), 0, 0
    reference, n_learnt = Engine(MODEL, learn="all"), 0

    def learn(pipe: int) -> None:
        with Engine(MODEL, learn="all", state=folder) as engine:
            while True:
                at = engine.status().n_steps % N_SAMPLES
                engine.partial_fit(X[at : at + PER_COMMIT], Y[at : at + PER_COMMIT])
                engine.commit()
                os.write(pipe, b"1")

    for number in range(kills):
        child, pipe = in_child(learn)
        if number % 2:  # every other one dies while it opens, restores, or commits first
            acknowledged += len(os.read(pipe, 1))
        time.sleep(float(rng.uniform(0.0, 0.02)))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(pipe, "rb") as said:
            acknowledged += len(said.read())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            after = Engine(MODEL, learn="all", state=folder, read_only=True)
        n_steps = after.status().n_steps
        n_commits = n_steps // PER_COMMIT
        assert acknowledged <= n_commits <= acknowledged + 1, (acknowledged, n_commits)
        further += n_commits - acknowledged
        acknowledged = n_commits
        while n_learnt < n_steps:
            at = n_learnt % N_SAMPLES
            reference.partial_fit(X[at : at + PER_COMMIT], Y[at : at + PER_COMMIT])
            n_learnt += PER_COMMIT
        assert after.save_state() == reference.save_state()
    return {"kills": kills, "commits": acknowledged, "not_yet_acknowledged": further}


def several_writers(writers: int, rounds: int, folder: Path) -> dict[str, int]:
    """Let processes open one folder, learn and commit at the same time, each `rounds` times.

    Whoever is refused (E-BUSY) tries again. All that was acknowledged is in the last state.
    """

    gate, opened = os.pipe()

    def write(pipe: int) -> None:
        done, refused = 0, 0
        os.read(gate, 1)  # all begin at once
        while done < rounds:
            try:
                with Engine(MODEL, learn="all", state=folder) as engine:
                    engine.partial_fit(X[:PER_COMMIT], Y[:PER_COMMIT])
                    engine.commit()
                    time.sleep(0.0005)  # a system with one core lets another one run here
                done += 1
            except StorageError as error:
                if error.code != "E-BUSY":
                    raise
                refused += 1
                time.sleep(0.0005)
        os.write(pipe, f"{refused}".encode())

    children = [in_child(write) for _ in range(writers)]
    os.write(opened, b"1" * writers)
    os.close(gate)
    os.close(opened)
    refused = 0
    for child, pipe in children:
        with os.fdopen(pipe, "rb") as said:
            refused += int(said.read() or b"0")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        last = Engine(MODEL, learn="all", state=folder, read_only=True)
    assert last.status().n_steps == writers * rounds * PER_COMMIT
    return {"writers": writers, "commits": writers * rounds, "refused": refused}


def table(record: results.Record) -> str:
    """The counts as a page shows them."""
    calls, kills = record["system_calls"], record["kills"]
    rows = [
        ["system calls of a commit that failed, were short, or were the last",
         f"{calls['commits']:,}"],
        ["of these, the state before was there / the state after",
         f"{calls['before']:,} / {calls['after']:,}"],
        ["of these, the commit had been acknowledged; none was lost", f"{calls['acknowledged']:,}"],
        ["system calls of a restore; the newest state, or an error", f"{calls['restores']:,}"],
        ["learning processes killed at a random moment", f"{kills['kills']:,}"],
        ["their commits; none was lost, each bit is as learnt in one go", f"{kills['commits']:,}"],
    ]  # fmt: skip
    rows += [
        [f"commits of {w['writers']} processes on one folder, all there (refused meanwhile)",
         f"{w['commits']:,} ({w['refused']:,})"]
        for w in record["writers"]
    ]  # fmt: skip
    return results.table(["on a real kernel", "how often"], rows)


def main() -> None:
    """Run it, keep the counts, and write the page's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as states:
        at = Path(folder)
        record: results.Record = {
            "seed": SEED,
            "system_calls": system_calls(build(at), Path(states), "all"),
            "kills": kill_learners(args.kills, at / "killed"),
            "writers": [several_writers(n, 60, at / f"writers-{n}") for n in (2, 3)],
        }
    command = f"python -m benchmarks.reliability.{NAME} --kills {args.kills}"
    results.save(NAME, command, {"folder": record})
    rewrite(DOCUMENT, MARK, table(record))
    print(table(record))


if __name__ == "__main__":
    main()
