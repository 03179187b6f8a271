"""Millions of mutated model files and states, by libFuzzer with the sanitizers of clang.

    python -m benchmarks.fuzzing [--runs 10000000 | --seconds 30] [--record]

Runs what `make clang-asan` has built, from the inputs of tests/c/fuzz/corpus/. A finding is an
input in build/fuzz/, and exit code 1. --record writes benchmarks/results/fuzzing.json, and the
table of docs/RELIABILITY.md.
"""

from __future__ import annotations

import argparse
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


def program(name: str) -> Path:
    """The fuzzer of an input."""
    return ROOT / "build" / "clang-asan" / f"fuzz_{name}"


def fuzz(name: str, option: str) -> results.Record | None:
    """Run a fuzzer until its limit; what it did, or None where it found something."""
    seeds, grown = CORPUS / name, FOUND / f"{name}-corpus"
    grown.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [
            program(name), option, f"-max_len={LARGEST_INPUT_BYTES}", "-print_final_stats=1",
            "-timeout=20", f"-artifact_prefix={FOUND}/{name}-", grown, seeds,
        ],
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        print(done.stderr[-6000:])
        return None
    facts = dict(re.findall(r"stat::(\w+): +(\d+)", done.stderr))
    covered = re.findall(r"cov: (\d+)", done.stderr)
    return {
        "executions": int(facts["number_of_executed_units"]),
        "per_second": int(facts["average_exec_per_sec"]),
        "new_inputs": int(facts["new_units_added"]),
        "places_reached": int(covered[-1]),
        "findings": 0,
    }


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
    parser.add_argument("--record", action="store_true")
    args = parser.parse_args()
    limit = f"--seconds {args.seconds}" if args.seconds else f"--runs {args.runs}"
    option = f"-max_total_time={args.seconds}" if args.seconds else f"-runs={args.runs}"
    shutil.rmtree(FOUND, ignore_errors=True)
    records: dict[str, results.Record] = {}
    for name in INPUTS:
        record = fuzz(name, option)
        if record is None:
            sys.exit(f"a finding in {FOUND}")
        records[name] = record
    if args.record:
        write_page(records, limit)
    print(table(records))


if __name__ == "__main__":
    main()
