"""Instructions of the main kernels, counted by callgrind and pinned.

    python -m benchmarks.machine_code.instructions [--record]

Compares with benchmarks/results/instructions.json, and with --record writes it. A test does the
same: a change that makes a kernel slower or faster has to be recorded, and shows in the diff. The
counts belong to the installed library, and to the compiler that built it. Callgrind knows AVX2 and
no AVX-512.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import models
from benchmarks.machine_code import callgrind
from metabit.export.container import dumps
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained

PINNED = Path(__file__).parents[1] / "results" / "instructions.json"
TOLERANCE = 0.02
N_LEARN = 20
#: Widths of dense networks that learn: what most users have, long rows of bits, a small one. Beside
#: them there is a convolution of 14x14x64 between others, for inference.
WIDTHS = ((784, 512, 512, 10), (64, 4096, 64, 10), (784, 128, 128, 10))

Counts = dict[str, int]


def measure() -> Counts:
    """Instructions by case, such as "avx2 784-512-512-10 layer 1"."""
    return {
        f"{path} {name} {part}": sum(functions.values())
        for name, (blob, samples) in _networks().items()
        for path in callgrind.PATHS
        for part, functions in callgrind.count(blob, samples, N_LEARN, path).items()
    }


def _networks() -> dict[str, tuple[bytes, bytes]]:
    """Packed networks by name, each with samples and labels."""
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
        content = {"compiler": callgrind.compiler(), "counts": counts}
        PINNED.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"recorded in {PINNED}")


if __name__ == "__main__":
    main()
