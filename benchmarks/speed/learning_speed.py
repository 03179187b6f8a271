"""Learning: time of a step beside PyTorch's, and instructions of a step on boards.

    python -m benchmarks.speed.learning_speed [--only steps functions boards]

Needs Fashion-MNIST. Each network has learnt 5,000 samples before, so that its errors are as large
as in use, and learns others while it is timed. Results go to results/learning_speed.json here,
and from there into docs/benchmarks/speed.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import page, results
from benchmarks.learning.device_learning import ZERO_POINT, Array, M, fashion
from benchmarks.machine_code import callgrind
from metabit.bench.subject import Subject
from metabit.bench.timing import Contestant, Limits, take_turns
from metabit.edge_runtime.engine import Engine
from metabit.export.container import dumps, loads
from metabit.export.repack import with_state
from metabit.export.spec import InputSpec
from metabit.export.states import state_image
from metabit.export.untrained import untrained
from metabit.firmware_sim.profile import profile
from metabit.trainer.runs.torch_step import torch_step

Record = dict[str, Any]

WIDTHS = ((784, 128, 128, 10), (784, 256, 256, 256, 256, 10))
BOARDS = ("nrf52840", "raspberry-pi-3b-plus")
N_BEFORE, N_TIMED = 5000, 5000
LIMITS = Limits(num_runs=150, warmup_runs=3, max_seconds=15.0, window_us=1000.0)


def learnt(widths: Sequence[int], x: Array, y: Array) -> bytes:
    """A network of random weights that has learnt the first 5,000 samples."""
    spec = InputSpec("uint8", (widths[0],), 1.0, ZERO_POINT)
    model = untrained(spec, widths[1:], x[:200])
    blob = dumps(model)
    engine = Engine(blob, learn="all").partial_fit(x[:N_BEFORE], y[:N_BEFORE])
    packed = loads(blob)
    state = state_image.loads(engine.save_state(), packed, state_image.model_id(blob))
    return dumps(with_state(packed, state))


def steps() -> list[Record]:
    """One step in the C engine and one in PyTorch, taking turns."""
    x, y, _, _ = fashion()
    timed = slice(N_BEFORE, N_BEFORE + N_TIMED)
    rows = []
    for widths in WIDTHS:
        subject = Subject(learnt(widths, x, y), x[timed], y[timed])
        run = torch_step(widths, subject.samples, subject.labels, zero_point=ZERO_POINT, m=M)
        turns = [subject.predicting(), subject.learning(), Contestant("PyTorch", run)]
        predict, learn, torch = take_turns(turns, LIMITS).values()
        name = "-".join(map(str, widths))
        times = {"predict": predict.to_dict(), "learn": learn.to_dict(), "torch": torch.to_dict()}
        rows.append({"network": name, "path": subject.path, **times})
        print(f"{name}: {learn.median_us:.1f} µs", flush=True)
    return rows


def functions() -> list[Record]:
    """Where the instructions of a step go, by function; 20 samples that it has learnt once."""
    x, y, _, _ = fashion()
    timed = slice(N_BEFORE, N_BEFORE + 20)
    samples = x[timed].tobytes() + y[timed].astype("<i4").tobytes()
    path = callgrind.PATHS[0]
    with tempfile.TemporaryDirectory(prefix="metabit-named-") as folder:
        library = callgrind.with_names(Path(folder))
        parts = callgrind.count(learnt(WIDTHS[0], x, y), samples, 20, path, library)
    return [
        {"function": name, "path": path, "per_step": number / 20}
        for name, number in parts["learn"].items()
    ]


def boards() -> list[Record]:
    """Instructions of a step on emulated cores, and the time they are estimated to take."""
    x, y, _, _ = fashion()
    timed = slice(N_BEFORE, N_BEFORE + 20)
    rows = []
    for widths, board in zip(WIDTHS, BOARDS, strict=True):
        blob = learnt(widths, x, y)
        made = profile(blob, board, learn="all", x=x[timed], y=y[timed], n_samples=20)
        assert made.learn is not None
        assert made.learn.estimate is not None
        rows.append(
            {
                "network": "-".join(map(str, widths)), "board": board,
                "predict_instructions": made.predict.counts.total,
                "learn_instructions": made.learn.counts.total,
                "learn_instructions_max": max(made.learn.totals),
                "learn_us": made.learn.estimate.microseconds, "samples": len(made.learn.totals),
                "ram_used_bytes": made.ram.used_bytes, "flash_used_bytes": made.flash.used_bytes,
            }
        )  # fmt: skip
        print(f"{board}: {made.learn.counts.total:,.0f} instructions", flush=True)
    return rows


def main() -> None:
    """Measure, write the JSON, write the tables."""
    parts: dict[str, Callable[[], Any]] = {"steps": steps, "functions": functions, "boards": boards}
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--only", nargs="*", choices=parts, default=list(parts))
    record = {}
    for name in parser.parse_args().only:
        print(f"{name} ...", flush=True)
        record[name] = parts[name]()
    results.save("learning_speed", "python -m benchmarks.speed.learning_speed", record)
    page.write()


if __name__ == "__main__":
    main()
