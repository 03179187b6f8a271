"""Scaling: time and memory against width, length of rows and batch; shows where caches end.

    python -m benchmarks.scaling

Results go to benchmarks/results/scaling.json, the plots to docs/images/scaling.png.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import models, page, results, scaling_tables
from metabit.edge_runtime.bench.subject import Subject
from metabit.edge_runtime.bench.timing import Contestant, Limits, take_turns
from metabit.edge_runtime.engine import Engine

Record = dict[str, Any]

WIDTHS = (128, 181, 256, 362, 512, 724, 1024, 1448, 2048, 2896, 4096, 5793, 8192)
ROWS = (32, 128, 512, 2048, 8192, 32_768, 65_535)
BATCHES = (1, 2, 4, 8, 16, 32, 64)
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


def caches() -> dict[str, int]:
    """Bytes of the data caches of this processor, by level, where Linux tells."""
    found = {}
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        if (index / "type").read_text().strip() != "Instruction":
            level = (index / "level").read_text().strip()
            found[f"L{level}"] = 1024 * int((index / "size").read_text().strip().rstrip("K"))
    return dict(sorted(found.items()))


def main() -> None:
    """Measure, write the JSON, the plots and the table."""
    record: Record = {"caches": caches()}
    for name, measure in (("widths", widths), ("rows", rows), ("batches", batches)):
        print(f"{name} ...", flush=True)
        record[name] = measure()
    results.save("scaling", "python -m benchmarks.scaling", record)
    scaling_tables.plot(results.load("scaling")["results"])
    page.write()


if __name__ == "__main__":
    main()
