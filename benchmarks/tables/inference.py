"""The tables of docs/benchmarks/speed.md about inference, from results/inference.json."""

from __future__ import annotations

from typing import Any

from benchmarks.results import table
from metabit.bench.subject import PREDICT, PREDICT_PYTHON

Record = dict[str, Any]

#: Times that a network shall be faster than the best int8.
TARGETS = {"784-512-512-10": 4, "784-1024-1024-10": 6, "784-4096-4096-10": 10}
CONV_TARGET = 5


def networks(r: Record) -> str:
    """Dense networks beside int8 and float elsewhere."""
    names = [f"{runtime}, {kind}" for runtime in ("LiteRT", "ONNX Runtime")
             for kind in ("int8", "float32")]  # fmt: skip
    rows = []
    for row in r.get("dense", []):
        took = {name: times["min_us"] for name, times in row["contestants"].items()}
        best = min(us for name, us in took.items() if "int8" in name)
        rows.append(
            [
                row["network"], f"{_us(took[PREDICT])} (median "
                f"{_us(row['contestants'][PREDICT]['median_us'])})",
                *(_us(took[name]) for name in names),
                f"≥ {TARGETS[row['network']]}×", f"{best / took[PREDICT]:.1f}×", row["path"],
            ]
        )  # fmt: skip
    header = ["network", "metabit, µs", *(f"{name}, µs" for name in names)]
    return table([*header, "target against the best int8", "measured", "kernels"], rows)


def layers(r: Record) -> str:
    """Each layer of those networks alone."""
    rows = [
        [
            row["network"], f"{layer['name']}, {'bits' if layer['binary'] else 'bytes'}",
            f"{layer['macs']:,}", f"{layer['touched_bytes'] / 1024:.1f}", _us(layer["min_us"]),
            _us(layer["median_us"]), _us(layer["p99_us"]), f"{layer['macs_per_cycle']:.1f}",
            _share(layer["share_of_roof"]), f"{layer['clock_mhz']['median']:,.0f}",
        ]
        for row in r.get("dense", [])
        for layer in row["layers"]
    ]  # fmt: skip
    header = ["network", "layer, reads", "MAC", "KiB touched", "min, µs", "median", "p99"]
    return table([*header, "MAC/cycle", "share of the roof", "clock, MHz"], rows)


def convolutions(r: Record) -> str:
    """3x3 convolutions of 115.6 M multiplications beside int8 elsewhere."""
    rows = []
    for row in r.get("conv", []):
        took = {name: times["min_us"] for name, times in row["contestants"].items()}
        rows.append(
            [
                row["shape"], _us(took[PREDICT]), _us(took["LiteRT, int8"]),
                _us(took["ONNX Runtime, int8"]), f"≥ {CONV_TARGET}×",
                f"{took['LiteRT, int8'] / took[PREDICT]:.1f}×",
                f"{took['ONNX Runtime, int8'] / took[PREDICT]:.1f}×",
                f"{row['macs_per_cycle']:.1f}",
                _share(row["share_of_roof"]), row["path"],
            ]
        )  # fmt: skip
    header = ["shape", "metabit, µs", "LiteRT int8, µs", "ONNX Runtime int8, µs"]
    return table(
        [*header, "target against LiteRT", "measured", "against ONNX Runtime", "MAC/cycle",
         "share of the roof", "kernels"],
        rows,
    )  # fmt: skip


def engines(r: Record) -> str:
    """The same convolutions in other engines for binary networks."""
    names = {"openvino": "OpenVINO", "larq": "Larq Compute Engine"}
    rows = []
    for engine, title in names.items():
        for row in r.get(engine, {}).get("rows", []):
            took = {name: times["min_us"] for name, times in row["contestants"].items()}
            rows.append(
                [row["shape"], f"{title} {r[engine]['version']}", _us(took[PREDICT]),
                 _us(took[engine]), "≥ 1.5×" if engine == "openvino" else "-",
                 f"{took[engine] / took[PREDICT]:.1f}×", row["path"]]
            )  # fmt: skip
    return table(
        ["shape", "engine", "metabit, µs", "it, µs", "target", "measured", "kernels"], rows
    )


def rest(r: Record) -> str:
    """Calls, sizes, and instructions on boards."""
    rows = []
    if "calls" in r:
        call, python = r["calls"][PREDICT], r["calls"][PREDICT_PYTHON]
        rows += [
            ["a prediction in C with next to nothing to compute (1-2)", "≤ 0.1 µs",
             f"{call['min_us']:.3f} µs", "mb_predict, a call for 64 samples"],
            ["the same by `Engine.predict` of one sample, above the C time", "≤ 6 µs",
             f"{python['min_us'] - call['min_us']:.1f} µs", "checks, and ctypes"],
        ]  # fmt: skip
    for row in r.get("sizes", []):
        int8 = min(row["int8_bytes"].values())
        rows.append(
            [f"packed size of {row['network']} without learnt state",
             f"≤ {row['allowed_bytes'] / 1024:.1f} KiB", f"{row['bytes'] / 1024:.1f} KiB",
             f"{8 * row['bytes'] / row['n_weights']:.3f} bits per weight; the smallest int8 file "
             f"takes {int8 / 1024:.1f} KiB"]
        )  # fmt: skip
    targets = {("nrf52840", 512): "≤ 9.5", ("nrf52840", 4096): "≤ 9.5", ("nrf52840", 128): "≤ 11"}
    for row in r.get("boards", []):
        rows.append(
            [f"{row['board']}: instructions for 32 MAC of bits, rows of {row['row_bits']:,}",
             targets.get((row["board"], row["row_bits"]), "-"), f"{row['per_32']:.2f}",
             "all that 64 rows more cost, by 32 MAC; counted on an emulated core"]
        )  # fmt: skip
    return table(["what", "target", "measured", "remarks"], rows)


def _us(us: float) -> str:
    """Three digits."""
    return f"{us:.0f}" if us >= 100 else f"{us:.3g}"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"
