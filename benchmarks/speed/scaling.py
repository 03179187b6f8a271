"""Scaling: time and memory against width, length of rows, batch, threads; shows where caches end.

    python -m benchmarks.speed.scaling [--only widths rows batches threads]

Results go to benchmarks/results/scaling.json, the plots to docs/images/scaling.png.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from benchmarks import models, page, results
from benchmarks.tables import scaling as scaling_tables
from metabit.bench.subject import Subject
from metabit.bench.timing import Contestant, Limits, take_turns
from metabit.edge_runtime.engine import Engine

Record = dict[str, Any]

WIDTHS = (128, 181, 256, 362, 512, 724, 1024, 1448, 2048, 2896, 4096, 5793, 8192)
ROWS = (32, 128, 512, 2048, 8192, 32_768, 65_535)
BATCHES = (1, 2, 4, 8, 16, 32, 64)
N_THREADS = (1, 2)
LIMITS = Limits(num_runs=60, warmup_runs=2, max_seconds=2.0)


def widths() -> list[Record]:
    """A square layer of bits, 128 to 8,192 wide."""
    return [_layer((8, width, width, 2)) | {"width": width} for width in WIDTHS]


def rows() -> list[Record]:
    """256 rows of up to 65,535 bits, the longest that a layer can hand on."""
    return [_layer((8, n_bits, 256, 2)) | {"row_bits": n_bits} for n_bits in ROWS]


def _layer(sizes: tuple[int, ...]) -> Record:
    """The layer of bits in the middle, alone."""
    subject = Subject(models.dense(sizes))
    times = take_turns([subject.single_layers()[1]], LIMITS)
    work, (took,) = subject.layers[1], times.values()
    print(f"{'-'.join(map(str, sizes))}: {took.min_us:.2f} µs", flush=True)
    return {
        "path": subject.path, "macs": work.macs, "touched_bytes": work.touched_bytes,
        "file_bytes": subject.file_bytes, "arena_bytes": subject.arena_bytes,
        "macs_per_cycle": work.macs / took.cycles, **took.to_dict(),
    }  # fmt: skip


def batches() -> list[Record]:
    """784-512-512-10 by `Engine.predict` of 1 to 64 samples: how Python's share shrinks."""
    subject = Subject(models.dense((784, 512, 512, 10)))
    engine = Engine(models.dense((784, 512, 512, 10)))
    contestants = [subject.predicting()]
    for batch in BATCHES:
        x = subject.samples[:batch]

        def run(n: int, x: Any = x) -> None:
            for _ in range(n):
                engine.predict(x)

        contestants.append(Contestant(str(batch), run))
    core, *calls = take_turns(contestants, Limits(100, 3, 6.0)).values()
    return [
        {"batch": batch, "sample_us": took.min_us / batch, "core_us": core.min_us}
        for batch, took in zip(BATCHES, calls, strict=True)
    ]


def threads() -> list[Record]:
    """Large layers on one thread and on two, in turns; windows are long, so that both are awake."""
    rows = []
    for name, (blob, layer) in _large_layers().items():
        contestants = []
        for n in N_THREADS:
            single = Subject(blob, threads=n).single_layers()[layer]
            contestants.append(Contestant(str(n), single.run))
        times = take_turns(contestants, Limits(200, 3, 6.0, window_us=2000.0))
        print(f"{name}: {', '.join(f'{took.min_us:.2f}' for took in times.values())} µs")
        rows += [{"layer": name, "threads": int(n), **t.to_dict()} for n, t in times.items()]
    return rows


def _large_layers() -> dict[str, tuple[bytes, int]]:
    """Models by the layer that is timed, and its number."""
    layers = {f"784-{n}, 8-bit input": (models.dense((784, n, 2)), 0) for n in (1024, 4096)}
    for n in (1024, 2048, 4096):
        layers[f"{n}-{n}, bits"] = models.dense((8, n, n, 2)), 1
    for side, channels in ((28, 128), (14, 256)):
        layers[f"3x3 of {side}x{side}x{channels}"] = models.convolution(side, channels), 1
    return layers


def caches() -> dict[str, int]:
    """Bytes of the data caches of this processor, by level, where Linux tells."""
    found = {}
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        if (index / "type").read_text().strip() != "Instruction":
            level = (index / "level").read_text().strip()
            found[f"L{level}"] = 1024 * int((index / "size").read_text().strip().rstrip("K"))
    return dict(sorted(found.items()))


def main() -> None:
    """Measure, write the JSON, the plots and the tables."""
    measures = {"widths": widths, "rows": rows, "batches": batches, "threads": threads}
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--only", nargs="*", choices=measures, default=list(measures))
    record: Record = {"caches": caches()}
    for name in parser.parse_args().only:
        print(f"{name} ...", flush=True)
        record[name] = measures[name]()
    results.save("scaling", "python -m benchmarks.speed.scaling", record)
    scaling_tables.plot(results.load("scaling")["results"])
    page.write()


if __name__ == "__main__":
    main()
