"""Run fuzzers side by side for a while, and say what they did.

    python3 fuzz_together.py SECONDS OUT [JOBS]

JOBS is a number of processes, or how many each fuzzer gets: `model=8,link=3,state=1`. Without it,
each core gets one.

It wants nothing but Python, so that it also runs as it is on a machine that was lent for some
minutes: `python -m benchmarks.reliability.fuzzing --pack FOLDER` puts it into a folder, beside the
fuzzers and their inputs. There it writes OUT/fuzzing.json, and what it found into OUT/findings.zip.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LARGEST_INPUT_BYTES = 8192
# What was freed is watched for a while; the default, 256 MiB, never lies in a cache.
SANITIZER = "quarantine_size_mb=1:malloc_context_size=4:detect_leaks=0"
# Places go to fuzzers in this order: states take longer than model files, and there is little to
# find between a device and its host.
ORDER = ("model", "state", "state", "model", "state", "link")
MOST_FINDINGS = 8


@dataclass(frozen=True)
class Fuzzer:
    """A program, the folders of its inputs, and where it puts what it finds.

    Attributes:
        program: built with libFuzzer.
        seeds: inputs that are only read.
        grown: inputs that reached something new are added here; processes side by side share it.
        found: folder of findings; their names begin with the fuzzer's.
    """

    name: str
    program: Path
    seeds: Path
    grown: Path
    found: Path


@dataclass
class Counts:
    """What the processes of one fuzzer did together.

    Attributes:
        executions: inputs tried.
        places_reached: branches, of the process that reached most.
        findings: processes that ended with a finding.
        reports: the last words of those.
    """

    executions: int = 0
    places_reached: int = 0
    findings: int = 0
    reports: list[str] = field(default_factory=list)

    def add(self, returncode: int, said: str) -> None:
        """Count a process that has ended; without statistics, what it last said of itself."""
        last = re.findall(r"^#(\d+)\t", said, re.MULTILINE)
        total = re.findall(r"stat::number_of_executed_units: +(\d+)", said)
        covered = re.findall(r"cov: (\d+)", said)
        self.executions += int((total or last or ["0"])[-1])
        self.places_reached = max(self.places_reached, int((covered or ["0"])[-1]))
        if returncode != 0:
            self.findings += 1
            self.reports.append(said[-6000:])


def fuzz(fuzzers: Iterable[Fuzzer], option: str) -> dict[str, Counts]:
    """Run a process per fuzzer given, all at the same time, until their limit.

    Args:
        fuzzers: one may come several times.
        option: libFuzzer's limit of a process, such as -runs=1000 or -max_total_time=60.
    """
    running = []
    with tempfile.TemporaryDirectory() as folder:
        for i, fuzzer in enumerate(fuzzers):
            fuzzer.grown.mkdir(parents=True, exist_ok=True)
            fuzzer.found.mkdir(parents=True, exist_ok=True)
            log = Path(folder) / f"{i}.log"
            with log.open("wb") as said:
                process = subprocess.Popen(
                    [
                        fuzzer.program, option, f"-max_len={LARGEST_INPUT_BYTES}", "-timeout=20",
                        "-print_final_stats=1", "-reload=10",
                        f"-artifact_prefix={fuzzer.found}/{fuzzer.name}-",
                        fuzzer.grown, fuzzer.seeds,
                    ],
                    stderr=said,
                    env={**os.environ, "ASAN_OPTIONS": SANITIZER},
                )  # fmt: skip
            running.append((fuzzer.name, process, log))
        counts = {name: Counts() for name, _, _ in running}
        for name, process, log in running:
            counts[name].add(process.wait(), log.read_text(errors="replace"))
    return counts


def shared_out(jobs: str) -> list[str]:
    """The fuzzer of each process: of a number of them, or of a number per fuzzer.

    Args:
        jobs: `12`, or `model=8,link=3,state=1`; a fuzzer that is not named does not run.

    Errors: SystemExit, where a name is no fuzzer's or a number is none.
    """
    if jobs.isdecimal():
        return list(itertools.islice(itertools.cycle(ORDER), int(jobs)))
    names: list[str] = []
    for part in jobs.split(","):
        name, _, number = part.partition("=")
        if name not in ORDER or not number.isdecimal():
            sys.exit(f"{part!r}: jobs are a number, or such as model=8,link=3,state=1")
        names += [name] * int(number)
    return names


def processor() -> str:
    """The model of the processor, as Linux names it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def packed(folder: Path, scratch: Path) -> dict[str, Fuzzer]:
    """The fuzzers of a packed folder, unpacked into `scratch` with their inputs."""
    shutil.unpack_archive(folder / "fuzzers.tar.xz", scratch)
    grown, found = scratch / "grown", scratch / "found"
    return {
        name: Fuzzer(name, scratch / f"fuzz_{name}", scratch / name, grown / name, found)
        for name in dict.fromkeys(ORDER)
    }


def record(built: dict[str, Any], counts: dict[str, Counts], **where: Any) -> dict[str, Any]:
    """What a run did, on which machine, with what build."""
    return {
        **built,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
        **where,
        "fuzzers": {
            name: {
                "executions": done.executions,
                "places_reached": done.places_reached,
                "findings": done.findings,
            }
            for name, done in counts.items()
        },
    }


def main() -> None:
    """Run a packed folder's fuzzers."""
    folder, seconds, out = Path(__file__).resolve().parent, int(sys.argv[1]), Path(sys.argv[2])
    names = shared_out(sys.argv[3] if len(sys.argv) > 3 else str(os.cpu_count() or 1))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        known = packed(folder, Path(scratch))
        counts = fuzz([known[name] for name in names], f"-max_total_time={seconds}")
        found = sorted((Path(scratch) / "found").iterdir())
        for i, report in enumerate(report for done in counts.values() for report in done.reports):
            (Path(scratch) / "found" / f"report-{i}.txt").write_text(report, encoding="utf-8")
        for file in found[MOST_FINDINGS:]:
            file.unlink()
        if found:
            shutil.make_archive(str(out / "findings"), "zip", Path(scratch) / "found")
    built = json.loads((folder / "built.json").read_text(encoding="utf-8"))
    done = record(built, counts, jobs=len(names), seconds=seconds)
    (out / "fuzzing.json").write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(done, indent=1))


if __name__ == "__main__":
    main()
