"""Corruptions, losses, repetitions and resets on the line between a host and a device.

    python -m benchmarks.reliability.bad_line [--faults 300000] [--seed 1] [--only samples | frames]

Runs the rig of tests/helpers/link_rig.py, in which every answer and every state is held against the
host engine's; whatever differs ends it. Once the host sends samples, once frames of a sensor, of
which the device makes samples itself. Writes benchmarks/results/bad_line.json, and the table of
docs/DEVICE.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from ctypes import CDLL
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import results
from benchmarks.marks import rewrite
from metabit.edge_runtime.options import Options
from metabit.export.container import dumps
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained
from metabit.export.windows import samples_of_recording
from metabit.trainer.frontend import Operations, fit
from metabit.trainer.frontend.features import windows_of
from metabit.trainer.frontend.front_end import STATISTICS

if TYPE_CHECKING:
    from helpers.link_rig import BadLine

NAME, ROOT = "bad_line", Path(__file__).parents[2]
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


def with_samples(library: CDLL, n_faults: int, seed: int) -> results.Record:
    """Counts of what happened; a promise that does not hold raises AssertionError."""
    from helpers.link_rig import survive

    x = np.random.default_rng(seed).integers(0, 256, (400, 13)).astype(np.uint8)
    blob = dumps(untrained(InputSpec("uint8", (13,)), (9, 4), x))
    return _counts(library, blob, lambda line: survive(line, blob, n_faults, seed), seed)


def with_frames(library: CDLL, n_faults: int, seed: int) -> results.Record:
    """The same where the device makes the samples: out of windows of 16 frames, two per sample."""
    from helpers.link_rig import survive_frames

    does = Operations(3, 16, 5, STATISTICS, (), "none", stack=2)
    recording = np.random.default_rng(seed).normal(0, 900, (400, 3)).astype(np.int16)
    front_end = fit(windows_of(recording, does), does)
    x = samples_of_recording(recording, front_end)
    made = untrained(InputSpec("int8", (does.n_inputs,), 1 / 32), (9, 4), x)
    model = replace(made, front_end=front_end)
    blob = dumps(model)
    return _counts(library, blob, lambda line: survive_frames(line, model, n_faults, seed), seed)


def _counts(
    library: CDLL, blob: bytes, survive: Callable[[BadLine], Counter[str]], seed: int
) -> results.Record:
    from helpers.link_rig import BadLine

    line = BadLine(library, blob, Options(learn_layers=2))
    done = survive(line)
    record = {"seed": seed, "done": dict(done), "faults": dict(line.faults)}
    record["commits"] = line.n_commits
    line.close()
    return record


def table(samples: results.Record, frames: results.Record) -> str:
    """The counts as a page shows them."""
    both = (samples, frames)
    rows = [[text, *(f"{each['faults'][kind]:,}" for each in both)] for kind, text in KINDS.items()]
    s, f = samples["done"], frames["done"]
    rows += [
        ["all of them", *(f"{sum(each['faults'].values()):,}" for each in both)],
        ["samples learnt, each once", f"{s['samples']:,}", f"{f['windows']:,}"],
        ["predictions, scores as the host's", f"{s['predictions']:,}", f"{f['windows']:,}"],
        ["records kept in the device's flash", *(f"{each['commits']:,}" for each in both)],
        ["states out and in, bit for bit", f"{s['states out'] + s['states in']:,}", "1"],
    ]
    return results.table(["what happened", "samples are sent", "frames are sent"], rows)


def main() -> None:
    """Run it, keep the counts, and write the page's table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=PARTS)
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests"))
    from helpers.link_rig import compile_rig

    with tempfile.TemporaryDirectory() as folder:
        library = compile_rig(Path(folder))
        for part, run in PARTS.items():
            if args.only in (None, part):
                command = f"python -m benchmarks.reliability.{NAME} --faults {args.faults}"
                command += f" --only {part}"
                results.save(NAME, command, {part: run(library, args.faults, args.seed)})
    known = results.load(NAME)["results"]
    text = table(known["samples"], known["frames"])
    rewrite(DOCUMENT, MARK, text)
    print(text)


PARTS = {"samples": with_samples, "frames": with_frames}


if __name__ == "__main__":
    main()
