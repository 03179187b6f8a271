"""Inference: time, memory and instructions of packed networks, beside other runtimes.

    python -m benchmarks.speed.inference [--only dense conv calls sizes boards] [--save inference]

Results go to benchmarks/results/inference.json, and from there into docs/benchmarks/speed.md. A
machine with AVX-512 has a file and tables of its own: --save inference_avx512.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from benchmarks import models, page, results
from metabit.bench.rival_networks import RivalShape, dense, shapes_of
from metabit.bench.rivals import missing, rivals
from metabit.bench.subject import PREDICT, Subject
from metabit.bench.timing import Contestant, Limits, take_turns

Record = dict[str, Any]

WIDTHS = ((784, 512, 512, 10), (784, 1024, 1024, 10), (784, 4096, 4096, 10))
#: Rows of bits on boards: instructions of 64 rows more.
ROWS = (128, 512, 4096)
BOARDS = ("nrf52840", "raspberry-pi-3b-plus")
LIMITS = Limits(num_runs=200, warmup_runs=3, max_seconds=8.0)


def networks() -> list[Record]:
    """Dense networks in total and layer by layer, beside int8 and float elsewhere."""
    rows = []
    for widths in WIDTHS:
        subject = Subject(models.dense(widths))
        others = rivals(dense(widths))
        runs = [subject.predicting(), subject.predicting_from_python()]
        times = take_turns([*runs, *(other.contestant for other in others)], LIMITS)
        single = take_turns(subject.single_layers(), Limits(100, 3, 3.0))
        rows.append(
            {
                "network": "-".join(map(str, widths)), "path": subject.path,
                "contestants": {name: row.to_dict() for name, row in times.items()},
                "runtimes": {other.contestant.name: other.runtime for other in others},
                "layers": [
                    {
                        "name": work.name, "binary": work.binary, "macs": work.macs,
                        "touched_bytes": work.touched_bytes, **row.to_dict(),
                        "macs_per_cycle": work.macs / row.cycles,
                        "share_of_roof": work.roof_share(work.macs / row.cycles, subject.path),
                    }
                    for work, row in zip(subject.layers, single.values(), strict=True)
                ],
            }
        )  # fmt: skip
        print(f"{rows[-1]['network']}: {times[PREDICT].min_us:.2f} µs", flush=True)
    return rows


def convolutions() -> list[Record]:
    """The four convolutions of ResNet-18 alone, bits in and bits out, beside int8 elsewhere."""
    rows = []
    for side, channels in models.RESNET_18:
        subject = Subject(models.convolution(side, channels))
        shape: RivalShape = shapes_of(subject.model)[1]
        others = [other for other in rivals([shape]) if other.kind == "int8"]
        own = Contestant(PREDICT, subject.single_layers()[1].run)
        times = take_turns([own, *(other.contestant for other in others)], LIMITS)
        work = subject.layers[1]
        speed = work.macs / times[PREDICT].cycles
        rows.append(
            {
                "shape": f"{side}×{side}×{channels}", "path": subject.path, "macs": work.macs,
                "contestants": {name: row.to_dict() for name, row in times.items()},
                "macs_per_cycle": speed, "share_of_roof": work.roof_share(speed, subject.path),
            }
        )  # fmt: skip
        print(f"{rows[-1]['shape']}: {times[PREDICT].min_us:.1f} µs", flush=True)
    return rows


def calls() -> Record:
    """What a call costs when there is next to nothing to compute: one input, two classes."""
    subject = Subject(models.dense((1, 2)))
    times = take_turns([subject.predicting(), subject.predicting_from_python()], Limits())
    return {name: row.to_dict() for name, row in times.items()}


def sizes() -> list[Record]:
    """Packed files without learnt state, beside what the target allows them."""
    rows = []
    for widths in WIDTHS:
        n_weights = sum(n_in * n_out for n_in, n_out in pairwise(widths))
        allowed = 1.02 * n_weights / 8 + 16 * sum(widths[1:]) + 4096
        rows.append(
            {
                "network": "-".join(map(str, widths)), "n_weights": n_weights,
                "bytes": len(models.dense(widths)), "allowed_bytes": allowed,
                "int8_bytes": {r.contestant.name: r.file_bytes for r in rivals(dense(widths))},
            }
        )  # fmt: skip
    return rows


def boards() -> list[Record]:
    """Instructions for 32 multiplications of bits, with all that a row costs, on emulated cores.

    The difference between two networks whose second layer has 64 rows more.
    """
    from metabit.firmware_sim.profile import profile

    rows = []
    for board in BOARDS:
        for n_bits in ROWS:
            fewer, more = (
                profile(models.dense((8, n_bits, n, 2)), board, learn="none", n_samples=1)
                for n in (32, 96)
            )
            extra = more.predict.counts.total - fewer.predict.counts.total
            rows.append({"board": board, "row_bits": n_bits, "per_32": extra / (64 * n_bits / 32)})
            print(f"{board}, rows of {n_bits}: {rows[-1]['per_32']:.2f} a word", flush=True)
    return rows


def main() -> None:
    """Measure, write the JSON, write the tables."""
    parts: dict[str, Callable[[], Any]] = {
        "dense": networks, "conv": convolutions, "calls": calls, "sizes": sizes, "boards": boards,
    }  # fmt: skip
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--only", nargs="*", choices=parts, default=list(parts))
    files = ("inference", "inference_avx512")
    parser.add_argument("--save", choices=files, default="inference", help="the file of results")
    arguments = parser.parse_args()
    wanted, file = arguments.only, arguments.save
    lacking = missing()
    if lacking and wanted != ["boards"]:  # nobody runs beside those
        raise SystemExit(f'not installed: {lacking}; pip install "metabit[bench]"')
    record = {}
    for name in wanted:
        print(f"{name} ...", flush=True)
        record[name] = parts[name]()
    command = "python -m benchmarks.speed.inference"
    results.save(file, command if file == "inference" else f"{command} --save {file}", record)
    page.write()


if __name__ == "__main__":
    main()
