"""Millions of mutated model files and states, by libFuzzer with the sanitizers of clang.

    python -m benchmarks.fuzzing [--runs 10000000 | --seconds 30] [--more] [--record]

Runs what `make clang-asan` has built, from the inputs of tests/c/fuzz/corpus/, in turns of a
quarter of a million. A finding is an input in build/fuzz/, and exit code 1. --record writes
benchmarks/results/fuzzing.json and the table of docs/RELIABILITY.md after every turn, so that a
run which is stopped has said what it did; --more continues from there, and adds to its counts.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks import results
from benchmarks.marks import rewrite

NAME, ROOT = "fuzzing", Path(__file__).parent.parent
DOCUMENT, MARK = ROOT / "docs" / "RELIABILITY.md", "fuzzing"
CORPUS, FOUND = ROOT / "tests" / "c" / "fuzz" / "corpus", ROOT / "build" / "fuzz"
INPUTS = {"model": "model files", "state": "states"}
LARGEST_INPUT_BYTES = 8192
RUNS_PER_TURN = 250_000
# What was freed is watched for a while; the default, 256 MiB, never lies in a cache.
SANITIZER = "quarantine_size_mb=1:malloc_context_size=4:detect_leaks=0"


def program(name: str) -> Path:
    """The fuzzer of an input."""
    return ROOT / "build" / "clang-asan" / f"fuzz_{name}"


def turn(name: str, option: str) -> results.Record:
    """Run a fuzzer until its limit, from what it has found so far; what it did.

    Errors: SystemExit where it has found something.
    """
    seeds, grown = CORPUS / name, FOUND / f"{name}-corpus"
    grown.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [
            program(name), option, f"-max_len={LARGEST_INPUT_BYTES}", "-print_final_stats=1",
            "-timeout=20", f"-artifact_prefix={FOUND}/{name}-", grown, seeds,
        ],
        stderr=subprocess.PIPE,
        env={**os.environ, "ASAN_OPTIONS": SANITIZER},
        text=True,
        errors="replace",
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"{done.stderr[-6000:]}\na finding in {FOUND}")
    facts = dict(re.findall(r"stat::(\w+): +(\d+)", done.stderr))
    covered = re.findall(r"cov: (\d+)", done.stderr)
    return {
        "executions": int(facts["number_of_executed_units"]),
        "new_inputs": int(facts["new_units_added"]),
        "places_reached": int(covered[-1]),
        "findings": 0,
    }


def added(so_far: results.Record | None, record: results.Record) -> results.Record:
    """What all turns did together; places are as in the last, which began with all inputs."""
    if so_far is None:
        return record
    sums = {key: so_far[key] + record[key] for key in ("executions", "new_inputs", "findings")}
    return {**record, **sums}


def table(records: dict[str, results.Record]) -> str:
    """The counts as a page shows them."""
    rows = [
        [INPUTS[name], f"{record['executions']:,}", f"{record['new_inputs']:,}",
         f"{record['places_reached']:,}", str(record["findings"])]
        for name, record in records.items()
    ]  # fmt: skip
    head = ["what", "inputs tried", "reached something new", "branches reached", "findings"]
    return results.table(head, rows)


def write_page(records: dict[str, results.Record], limit: str) -> None:
    """Keep the counts, and write the page's table."""
    results.save(NAME, f"python -m benchmarks.{NAME} {limit} --record", records)
    rewrite(DOCUMENT, MARK, table(records))


def main() -> None:
    """Run the fuzzers one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--more", action="store_true")
    parser.add_argument("--record", action="store_true")
    args = parser.parse_args()
    limit = f"--seconds {args.seconds}" if args.seconds else f"--runs {args.runs}"
    limit += " --more" if args.more else ""
    records: dict[str, results.Record] = results.load(NAME)["results"] if args.more else {}
    if not args.more:
        shutil.rmtree(FOUND, ignore_errors=True)
    left = 1 if args.seconds else args.runs
    while left > 0:
        runs = min(left, RUNS_PER_TURN)
        for name in INPUTS:
            option = f"-max_total_time={args.seconds}" if args.seconds else f"-runs={runs}"
            records[name] = added(records.get(name), turn(name, option))
        if args.record:
            write_page(records, limit)
        left -= runs
    print(table(records))


if __name__ == "__main__":
    main()
