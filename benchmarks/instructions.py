"""Instructions of the main kernels, counted by callgrind and pinned.

    python -m benchmarks.instructions [--record]

Compares with benchmarks/results/instructions.json, and with --record writes it. A test does the
same: a change that makes a kernel slower or faster has to be recorded, and shows in the diff. The
counts are those of the installed library, and belong to the compiler that built it. Callgrind knows
AVX2 and no AVX-512.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import models
from metabit.edge_runtime import _native, sources
from metabit.export.container import dumps
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained

PINNED = Path(__file__).parent / "results" / "instructions.json"
DRIVER = Path(__file__).parent.parent / "tests" / "c" / "count.c"
TOLERANCE = 0.02
#: Kernel sets that callgrind's processor runs.
PATHS = ("avx2", "ssse3", "scalar")
N_LEARN = 20
#: Widths of dense networks that learn: what most users have, long rows of bits, a small one. Beside
#: them there is a convolution of 14x14x64 between others, for inference.
WIDTHS = ((784, 512, 512, 10), (64, 4096, 64, 10), (784, 128, 128, 10))

Counts = dict[str, int]


def compiler() -> str:
    """The compiler that built the library, as it has left its name there."""
    found = re.search(rb"(GCC: \([^)]*\) [\d.]+|clang version [\d.]+)", library().read_bytes())
    return found[0].decode() if found else "unknown"


def library() -> Path:
    """The installed C library."""
    return _native.library_path().resolve()


def measure() -> Counts:
    """Instructions by case, such as "784-512-512-10 layer 1".

    Raises:
        subprocess.CalledProcessError: gcc or valgrind failed.
        FileNotFoundError: one of them is not installed.
    """
    counts: Counts = {}
    with tempfile.TemporaryDirectory(prefix="metabit-count-") as folder:
        work = Path(folder)
        program = work / "count"
        flags = ["-std=c11", "-O2", f"-I{sources() / 'include'}", f"-Wl,-rpath,{library().parent}"]
        command = ["gcc", *flags, str(DRIVER), str(library()), "-o", str(program)]
        subprocess.run(command, check=True)
        for name, (blob, samples) in _networks().items():
            (work / "model").write_bytes(blob)
            (work / "samples").write_bytes(samples)
            for path in PATHS:
                for case, count in _count(program, work, path).items():
                    counts[f"{path} {name} {case}"] = count
    return counts


def _networks() -> dict[str, tuple[bytes, bytes]]:
    """Packed networks by name, each with samples and labels behind them."""
    made = {"conv": (models.convolution(14, 64), b"".join(_samples(14 * 14, 2)))}
    for widths in WIDTHS:
        x, y = _samples(widths[0], widths[-1])
        samples = np.frombuffer(x, dtype=np.uint8).reshape(N_LEARN, -1)
        model = untrained(InputSpec("uint8", widths[:1], 1.0, 128), widths[1:], samples, seed=1)
        made["-".join(map(str, widths))] = dumps(model), x + y
    return made


def _samples(n_inputs: int, n_outputs: int) -> tuple[bytes, bytes]:
    """Random samples, and their labels as the driver reads them."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (N_LEARN, n_inputs)).astype(np.uint8)
    return x.tobytes(), rng.integers(0, n_outputs, N_LEARN).astype("<i4").tobytes()


def _count(program: Path, work: Path, path: str) -> Counts:
    """Run under callgrind; a file for every part that the program asks for."""
    for old in work.glob("out*"):
        old.unlink()
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={work / 'out'}", "-q"]
    command += [str(program), str(work / "model"), str(work / "samples"), str(N_LEARN), path]
    subprocess.run(command, check=True, stderr=subprocess.PIPE, text=True)
    counts: Counts = {}
    for part in work.glob("out.*"):
        text = part.read_text()
        case = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.M)
        total = re.search(r"^(?:totals|summary): (\d+)", text, re.M)
        if case and total:
            counts[case[1]] = int(total[1])
    return counts


def differences(now: Counts, before: Counts) -> list[str]:
    """A line for each case that moved by more than the tolerance, appeared, or went."""
    lines = []
    for case in sorted(now.keys() | before.keys()):
        new, old = now.get(case), before.get(case)
        if new is None or old is None:
            lines.append(f"{case}: {'new' if old is None else 'gone'}")
        elif abs(new - old) > TOLERANCE * old:
            lines.append(f"{case}: {old:,} -> {new:,} ({new / old - 1:+.1%})")
    return lines


def pinned() -> dict[str, Any]:
    """What was recorded: compiler, tolerance and counts."""
    record: dict[str, Any] = json.loads(PINNED.read_text(encoding="utf-8"))
    return record


def main() -> None:
    """Count, compare, and record if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--record", action="store_true", help="write the counts as the new ones")
    record = parser.parse_args().record
    counts = measure()
    for case, count in sorted(counts.items()):
        print(f"{case:<34} {count:>12,}")
    if PINNED.exists():
        print("\n".join(differences(counts, pinned()["counts"])) or "as recorded")
    if record:
        content = {"compiler": compiler(), "counts": counts}
        PINNED.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"recorded in {PINNED}")


if __name__ == "__main__":
    main()
