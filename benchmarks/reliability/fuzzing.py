"""Millions of mutated model files, states and requests, by libFuzzer with clang's sanitizers.

    python -m benchmarks.reliability.fuzzing [--runs 10000000 | --seconds 30] [--more] [--record]
    python -m benchmarks.reliability.fuzzing --pack FOLDER
    python -m benchmarks.reliability.fuzzing --add FOLDER/fuzzing.json
    python -m benchmarks.reliability.fuzzing --keep link

Runs what `make clang-asan` has built, from the inputs of tests/c/fuzz/corpus/, in turns of a
quarter of a million. A finding is an input in build/fuzz/, and exit code 1. --record adds each turn
to benchmarks/results/fuzzing.json and to the table of docs/RELIABILITY.md, so that a run which is
stopped has said what it did; --more continues from the inputs that runs before it have found.

Inputs that reach more of the code are found by long runs only. --keep puts the smallest set of them
that reaches everything into an archive, tests/c/fuzz/grown/NAME.tar.xz, from which others begin.

On a machine with more cores: --pack writes the fuzzers and all inputs into a folder. There,
`python3 FOLDER/fuzz_together.py SECONDS OUT [JOBS]` runs them on every core, or as many of each as
JOBS says; back here --add records what they did.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.marks import rewrite
from benchmarks.reliability import fuzz_together
from benchmarks.reliability.fuzz_together import Fuzzer, fuzz
from metabit.trainer.circumstances import commit

NAME, ROOT = "fuzzing", Path(__file__).parents[2]
DOCUMENT, MARK = ROOT / "docs" / "RELIABILITY.md", "fuzzing"
CORPUS, GROWN = (ROOT / "tests" / "c" / "fuzz" / name for name in ("corpus", "grown"))
FOUND = ROOT / "build" / "fuzz"
BUILT = ROOT / "build" / "clang-asan"
INPUTS = {
    "model": "model files",
    "state": "states",
    "link": "what a host says to a device",
}
RUNS_PER_TURN = 250_000


def fuzzer(name: str) -> Fuzzer:
    """The fuzzer of an input, as it was built here; with the inputs that are kept, if it has none
    of its own yet."""
    grown, kept = FOUND / f"{name}-corpus", GROWN / f"{name}.tar.xz"
    if not grown.exists() and kept.exists():
        unpack(kept, grown)
    return Fuzzer(name, BUILT / f"fuzz_{name}", CORPUS / name, grown, FOUND)


def built() -> dict[str, Any]:
    """What the fuzzers are made of."""
    said = subprocess.run(["clang", "--version"], capture_output=True, text=True, check=True)
    return {
        "commit": commit(),
        "compiler": said.stdout.splitlines()[0],
        "sanitizers": "address,undefined",
    }


def turn(name: str, option: str) -> results.Record:
    """Run a fuzzer until its limit, from what it has found so far; the run's record.

    Errors: SystemExit where it has found something.
    """
    counts = fuzz([fuzzer(name)], option)
    if counts[name].findings:
        sys.exit(f"{counts[name].reports[0]}\na finding in {FOUND}")
    return fuzz_together.record(built(), counts, jobs=1)


def runs_before() -> list[results.Record]:
    """The runs that are recorded."""
    runs: list[results.Record] = results.load(NAME)["results"].get("runs", [])
    return runs


def together(runs: list[results.Record], run: results.Record) -> list[results.Record]:
    """The runs and one more; turns of one build on one machine on one day are one run."""
    same = ("commit", "compiler", "sanitizers", "date", "machine", "processor", "cores", "jobs")
    for i, before in enumerate(runs):
        if "seconds" in before or "seconds" in run or any(before[k] != run[k] for k in same):
            continue
        fuzzers = dict(before["fuzzers"])
        for name, done in run["fuzzers"].items():
            so_far = fuzzers.get(name, {"executions": 0, "findings": 0})
            sums = {key: so_far[key] + done[key] for key in ("executions", "findings")}
            fuzzers[name] = {**done, **sums}
        return [*runs[:i], {**before, "fuzzers": fuzzers}, *runs[i + 1 :]]
    return [*runs, run]


def table(runs: list[results.Record]) -> str:
    """What all runs did, as a page shows it."""
    rows = []
    for name, what in INPUTS.items():
        done = [run["fuzzers"][name] for run in runs if name in run["fuzzers"]]
        if done:
            tried = sum(part["executions"] for part in done)
            found = sum(part["findings"] for part in done)
            reached = done[-1]["places_reached"]
            rows.append([what, f"{tried:,}", f"{reached:,}", f"{found:,}"])
    return results.table(["what", "inputs tried", "branches reached", "findings"], rows)


def write_page(run: results.Record, command: str) -> None:
    """Keep a run, and write the page's table."""
    runs = together(runs_before(), run)
    results.save(NAME, f"python -m benchmarks.reliability.{NAME} {command}", {"runs": runs})
    rewrite(DOCUMENT, MARK, table(runs))


def merge(one: Fuzzer, folder: Path) -> None:
    """Write the smallest set of a fuzzer's inputs that reaches everything into an empty folder."""
    folder.mkdir()
    known = [where for where in (one.seeds, one.grown) if where.exists()]
    limit = f"-max_len={fuzz_together.LARGEST_INPUT_BYTES}"
    subprocess.run([one.program, "-merge=1", limit, folder, *known], check=True)


def keep(name: str, archive: Path) -> None:
    """Archive that set, without the inputs that the corpus has as files."""
    one = fuzzer(name)
    seeds = {path.read_bytes() for path in one.seeds.iterdir()}
    with tempfile.TemporaryDirectory() as scratch:
        merge(one, Path(scratch) / name)
        inputs = [path for path in sorted((Path(scratch) / name).iterdir())
                  if path.read_bytes() not in seeds]  # fmt: skip
        archive_of(inputs, archive)


def archive_of(inputs: list[Path], archive: Path) -> None:
    """Put files into an archive. The same files give the same bytes: no dates, no owners."""
    archive.parent.mkdir(exist_ok=True)
    with tarfile.open(archive, "w:xz", preset=9) as into:
        for path in inputs:
            entry = tarfile.TarInfo(path.name)
            entry.size = path.stat().st_size
            with path.open("rb") as contents:
                into.addfile(entry, contents)


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of such an archive into a new folder."""
    folder.mkdir(parents=True)
    with tarfile.open(archive) as known:
        for entry in known:
            contents = known.extractfile(entry)
            assert contents, f"{archive}: {entry.name} is no file"
            (folder / Path(entry.name).name).write_bytes(contents.read())


def pack(folder: Path) -> None:
    """Write the fuzzers, their smallest set of inputs that reaches everything, and their runner."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name_of_scratch:
        scratch = Path(name_of_scratch)
        for name in INPUTS:
            one = fuzzer(name)
            stripped = scratch / one.program.name
            subprocess.run(["strip", "-o", stripped, one.program], check=True)
            merge(one, scratch / name)
        shutil.make_archive(str(folder / "fuzzers"), "xztar", scratch)
    (folder / "built.json").write_text(json.dumps(built(), indent=1) + "\n", encoding="utf-8")
    shutil.copy(str(fuzz_together.__file__), folder)


def run_here(args: argparse.Namespace) -> None:
    """Run the fuzzers one after another."""
    if not args.more:
        shutil.rmtree(FOUND, ignore_errors=True)
    left = 1 if args.seconds else args.runs
    limit = f"--seconds {args.seconds}" if args.seconds else f"--runs {args.runs}"
    runs: list[results.Record] = []
    while left > 0:
        number = min(left, RUNS_PER_TURN)
        option = f"-max_total_time={args.seconds}" if args.seconds else f"-runs={number}"
        for name in args.only or INPUTS:
            run = turn(name, option)
            runs = together(runs, run)
            if args.record:
                write_page(run, f"{limit} --record")
        left -= number
    print(table(runs))


def main() -> None:
    """Run the fuzzers, pack them, record what they did elsewhere, or keep what they found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--more", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--only", action="append", choices=INPUTS)
    parser.add_argument("--pack", type=Path)
    parser.add_argument("--add", type=Path)
    parser.add_argument("--keep", choices=INPUTS)
    args = parser.parse_args()
    if args.pack:
        pack(args.pack)
    elif args.keep:
        keep(args.keep, GROWN / f"{args.keep}.tar.xz")
    elif args.add:
        write_page(json.loads(args.add.read_text(encoding="utf-8")), "--add fuzzing.json")
    else:
        run_here(args)


if __name__ == "__main__":
    main()
