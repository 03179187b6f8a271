"""Results as JSON with the circumstances they were measured in, and the tables made from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from metabit.trainer import circumstances as measured

ROOT = Path(__file__).parent.parent
FOLDER = Path(__file__).parent / "results"
DOCUMENT = ROOT / "docs" / "BENCHMARKS.md"
SCHEMA = "metabit/benchmark/1"

Record = dict[str, Any]


def save(name: str, command: str, record: Record) -> Path:
    """Write results/NAME.json; parts that were not measured again are kept from before."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    before = json.loads(path.read_text()) if path.exists() else {"results": {}, "circumstances": {}}
    now = circumstances(command)
    merged = {
        "schema": SCHEMA,
        "results": before["results"] | record,
        "circumstances": before["circumstances"] | dict.fromkeys(record, now),
    }
    path.write_text(json.dumps(merged, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def circumstances(command: str) -> Record:
    """Machine, versions, commit and command."""
    return {"command": command, "commit": measured.commit(), **measured.circumstances()}


# ---- tables ----------------------------------------------------------------------------------


def write_tables() -> None:
    """Put the tables made from the JSON files between their marks in docs/BENCHMARKS.md."""
    document = DOCUMENT.read_text(encoding="utf-8")
    record = json.loads((FOLDER / "device_learning.json").read_text())
    missing = {"memory", "steps", "boards", "stream", "permuted"} - set(record["results"])
    if missing:
        print(f"the table needs {', '.join(sorted(missing))} too: left as it is")
        return
    for name, text in (
        ("device-learning", _device_learning(record["results"])),
        ("circumstances", _circumstances(record["circumstances"])),
    ):
        start, end = f"<!-- {name} -->", f"<!-- end {name} -->"
        head, rest = document.split(start)
        document = f"{head}{start}\n{text}\n{end}{rest.split(end)[1]}"
    DOCUMENT.write_text(document, encoding="utf-8")


def _spread(values: list[float]) -> str:
    return f"{100 * np.mean(values):.2f} ± {100 * np.std(values, ddof=1):.2f}"


def _of(rows: list[Record], key: str, plain: bool) -> list[float]:
    return [row[key] for row in rows if (row["m"] == 0) == plain]


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _device_learning(r: Record) -> str:
    nets = {(row["network"], row["state_bits"]): row for row in r["memory"]}
    small, large = nets["784-128-128-10", 8], nets["784-256-256-10", 4]
    bits = " / ".join(f"{nets['784-128-128-10', b]['bits_per_weight_state']:.2f}" for b in (8, 4))
    engine, torch = r["steps"]["engine_learn"], r["steps"]["torch_learn"]
    board = r["boards"]
    n_seeds = len({row["seed"] for row in r["stream"]})
    gap = np.array(_of(r["permuted"], "mean", False)) - np.array(_of(r["permuted"], "mean", True))
    rows = [
        ["Fashion-MNIST stream, one pass at batch 1, 784-128-128-10: accuracy at the end, %",
         "≥ 82.5", _spread(_of(r["stream"], "final", False)),
         f"m = 0: {_spread(_of(r['stream'], 'final', True))}; mean after the last five parts: "
         f"{_spread(_of(r['stream'], 'last_five_parts', False))}; {n_seeds} seeds"],
        ["five permuted tasks, one pass each at batch 1, 784-256-256-10: mean accuracy at the "
         "end, %", "-", _spread(_of(r["permuted"], "mean", False)),
         f"m = 0: {_spread(_of(r['permuted'], 'mean', True))}"],
        ["the same: gap between m > 0 and m = 0, points", "≥ 25",
         f"{100 * gap.mean():.1f} ± {100 * gap.std(ddof=1):.1f}",
         "8-bit state; the target is a prototype's, at batch 100 with two passes"],
        ["bits a weight for hidden weights and signs, 8- / 4-bit state", "≤ 9 / ≤ 5", bits,
         "784-128-128-10; rows of signs are filled up to 32 bits"],
        ["arena, 784-128-128-10, 8 bits", "≤ 140 KiB", f"{small['arena_bytes'] / 1024:.1f} KiB",
         f"{small['arena_bytes']:,} bytes, {small['bits_per_weight_everything']:.2f} bits a weight "
         "in all"],
        ["arena, 784-256-256-10, 4 bits", "≤ 200 KiB (B ≤ 16)",
         f"{large['arena_bytes'] / 1024:.1f} KiB", f"{large['arena_bytes']:,} bytes, batch 1"],
        ["learning step, 784-128-128-10, x86, one core", "≤ 25 µs",
         f"{engine['min_us']:.0f} µs (median {engine['median_us']:.0f})",
         "scalar C; SIMD kernels come later"],
        ["the same against the PyTorch step", "≥ 30×",
         f"{torch['median_us'] / engine['median_us']:.1f}×",
         f"PyTorch eager, one thread, median {torch['median_us']:.0f} µs"],
        ["learning step, Cortex-M4F, instructions", "≤ 1.5 M",
         f"{board['learn_instructions'] / 1e6:.2f} M",
         f"mean of {board['samples']} samples, at most {board['learn_instructions_max'] / 1e6:.2f} "
         "M; counted on an emulated core"],
    ]  # fmt: skip
    return _table(["what", "target", "measured", "remarks"], rows)


def _circumstances(record: dict[str, Record]) -> str:
    rows = [
        [name, c["processor"], f"{c['python']}, NumPy {c['numpy']}, PyTorch {c['torch']}",
         c["commit"], c["date"], f"`{c['command']}`"]
        for name, c in sorted(record.items())
    ]  # fmt: skip
    return _table(["part", "processor", "Python", "commit", "date", "command"], rows)
