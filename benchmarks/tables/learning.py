"""The tables of docs/benchmarks/learning.md about learning on the device."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.results import table

Record = dict[str, Any]

HEADER = ["what", "target", "measured", "remarks"]


def accuracy_and_memory(r: Record) -> str:
    """From results/device_learning.json."""
    nets = {(row["network"], row["state_bits"], row["batch"]): row for row in r["memory"]}
    small, large = nets["784-128-128-10", 8, 1], nets["784-256-256-10", 4, 16]
    each = [nets["784-128-128-10", b, 1]["bits_per_weight_state"] for b in (8, 4)]
    bits = " / ".join(f"{number:.2f}" for number in each)
    n_seeds = len({row["seed"] for row in r["stream"]})
    few: dict[tuple[int, int], list[float]] = {
        (row["bits"], row["batch"]): [] for row in r["few_bits"]
    }
    for row in r["few_bits"]:
        few[row["bits"], row["batch"]].append(row["final"])
    gap = np.array(_of(r["permuted"], "mean", False)) - np.array(_of(r["permuted"], "mean", True))
    rows = [
        ["Fashion-MNIST stream, one pass at batch 1, 784-128-128-10: accuracy at the end, %",
         "≥ 83.0", _spread(_of(r["stream"], "final", False)),
         f"m = 0: {_spread(_of(r['stream'], 'final', True))}; mean after the last five parts: "
         f"{_spread(_of(r['stream'], 'last_five_parts', False))}; {n_seeds} seeds; 16 samples per "
         f"step: {_spread(few[8, 16])}"],
        ["the same with 4 bits per hidden weight", "≥ 81.5 (B ≤ 16)", _spread(few[4, 1]),
         f"16 samples per step: {_spread(few[4, 16])}"],
        ["five permuted tasks, one pass each at batch 1, 784-256-256-10: mean accuracy at the "
         "end, %", "-", _spread(_of(r["permuted"], "mean", False)),
         f"m = 0: {_spread(_of(r['permuted'], 'mean', True))}"],
        ["the same: gap between m > 0 and m = 0, points", "≥ 25",
         f"{100 * gap.mean():.1f} ± {100 * gap.std(ddof=1):.1f}",
         "8-bit state; the target is a prototype's, at batch 100 with two passes"],
        ["bits per weight for hidden weights and signs, 8- / 4-bit state", "≤ 9 / ≤ 5", bits,
         "784-128-128-10; rows of signs are filled up to 32 bits"],
        ["arena, 784-128-128-10, 8 bits", "≤ 140 KiB", f"{small['arena_bytes'] / 1024:.1f} KiB",
         f"{small['arena_bytes']:,} bytes, {small['bits_per_weight_everything']:.2f} bits "
         "per weight in all"],
        ["arena, 784-256-256-10, 4 bits, 16 samples per step", "≤ 200 KiB (B ≤ 16)",
         f"{large['arena_bytes'] / 1024:.1f} KiB",
         f"{large['arena_bytes']:,} bytes; one sample per step: "
         f"{nets['784-256-256-10', 4, 1]['arena_bytes']:,}"],
    ]  # fmt: skip
    return table(HEADER, rows)


def speed(r: Record) -> str:
    """From results/learning_speed.json."""
    rows = []
    steps = {row["network"]: row for row in r.get("steps", [])}
    small, large = steps.get("784-128-128-10"), steps.get("784-256-256-256-256-10")
    if small and large:
        learn, torch = small["learn"], small["torch"]
        rows += [
            ["784-128-128-10, x86, one core: a sample after the first 5,000, learnt or passed over",
             "≤ 10 µs on average", f"{learn['median_us']:.1f} µs",
             f"median window; kernels: {small['path']}; quickest window, of samples most of which "
             f"were passed over, {learn['min_us']:.1f} µs"],
            ["the same against the PyTorch step", "≥ 30×",
             f"{torch['min_us'] / learn['median_us']:.1f}×",
             f"its quickest window, {torch['min_us']:,.0f} µs, against our median: eager, one "
             f"thread, and it learns every sample; its median is {torch['median_us']:,.0f} µs"],
            ["784-256-256-256-256-10, x86, one core: such samples a second", "≥ 10,000",
             f"{1e6 / large['learn']['median_us']:,.0f}",
             f"quickest window {1e6 / large['learn']['min_us']:,.0f}; PyTorch, quickest, "
             f"{1e6 / large['torch']['min_us']:,.0f}"],
        ]  # fmt: skip
    for row in r.get("boards", []):
        name = {"nrf52840": "Cortex-M4F"}.get(row["board"], row["board"])
        rows.append(
            [f"learning step, {row['network']}, {name}: instructions",
             "≤ 1.5 M" if row["board"] == "nrf52840" else "-",
             f"{row['learn_instructions'] / 1e6:.2f} M",
             f"mean of {row['samples']} samples, at most {row['learn_instructions_max'] / 1e6:.2f} "
             f"M; counted on an emulated core"]
        )  # fmt: skip
        if row["board"] == "raspberry-pi-3b-plus":
            low, typical, high = row["learn_us"]
            rows.append(
                ["the same: predicted steps a second", "≥ 2,000", f"{1e6 / typical:,.0f}",
                 f"from {1e6 / high:,.0f} to {1e6 / low:,.0f}; an estimate from instructions"]
            )  # fmt: skip
    return table(HEADER, rows)


def functions(r: Record) -> str:
    """The functions that take most instructions of a step, from results/learning_speed.json."""
    found = r.get("functions", [])
    total = sum(row["per_step"] for row in found)
    rows = [
        [
            f"`{row['function']}`",
            f"{row['per_step']:,.0f}",
            f"{100 * row['per_step'] / total:.0f} %",
        ]
        for row in found
        if row["per_step"] > 0.02 * total
    ]
    rows += [["all of them", f"{total:,.0f}", "100 %"]] if found else []
    return table(["function", "instructions per step", "share"], rows)


def context_costs(r: Record) -> str:
    """From results/context_costs.json: instructions, and in brackets those that choose."""

    def told(work: Record) -> str:
        choosing = work["choosing"]
        return f"{work['instructions']:,.0f}" + (f" ({choosing:,.0f})" if choosing else "")

    rows = [
        [
            "one network" if row["contexts"] == 0 else f"five contexts, {row['n_open']} open",
            f"{row['arena_bytes'] / 1024:,.1f}",
            f"{row['state_bytes']:,}",
            *(told(work) for board in row["boards"].values() for work in board.values()),
        ]
        for row in r.get("rows", [])
    ]
    boards = r["rows"][0]["boards"] if rows else {}
    works = [f"{place}: {what}" for place, board in boards.items() for what in board]
    return table(["784-128-128-10", "RAM, KiB", "state, bytes", *works], rows)


def one_or_contexts(r: Record) -> str:
    """From results/one_or_contexts.json: means over draws, and the standard error of gains."""
    rows = []
    for problem, part in r.items():
        opened = [run for run in part["runs"] if run["n_open"] > 1]
        row = [problem, str(len(part["runs"]))]
        for way in ("one", "contexts"):
            before, after = (
                mean_percent([run[way][key] for run in part["runs"]])
                for key in ("old_before", "old_after")
            )
            row.append(f"{before} → {after}")
        rows.append([*row, _gain(part["runs"]), str(len(opened)), _gain(opened)])
    header = ["gate", "draws", "one network, old held-out data, %", "contexts, %",
              "gain, points", "draws in which more than one opened", "gain in these"]  # fmt: skip
    return table(header, rows)


def _gain(runs: list[Record]) -> str:
    """Points that contexts gain over one network, with the standard error of their mean."""
    gains = [100 * (run["contexts"]["old_after"] - run["one"]["old_after"]) for run in runs]
    if len(gains) < 2:
        return "".join(f"{gain:+.1f}" for gain in gains) or "-"
    return f"{np.mean(gains):+.1f} ± {np.std(gains, ddof=1) / np.sqrt(len(gains)):.1f}"


def mean_percent(shares: list[float]) -> str:
    """Of shares from 0 to 1."""
    return f"{100 * np.mean(shares):.1f}"


def _mean_and_range(values: list[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.1f} (one seed)"
    return f"{np.mean(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def _spread(values: list[float]) -> str:
    return f"{100 * np.mean(values):.2f} ± {100 * np.std(values, ddof=1):.2f}"


def stream_speed(r: Record) -> str:
    """From results/stream_speed.json."""
    rows, measured = [], r["INSECTS"]["rows"] if r else {}
    for name, row in measured.items():
        ours = measured["metabit, tracking head"]
        times = [row[key] / ours[key] for key in ("us_median", "us_quickest")]
        rows.append(
            [name, f"{100 * row['prequential']:.1f}", f"{1e6 / row['us_median']:,.0f}",
             f"{1e6 / row['us_quickest']:,.0f}", f"{times[0]:,.0f} / {times[1]:,.0f}"]
        )  # fmt: skip
    header = ["learner", "right before it was learnt, %", "samples per second, median window",
              "quickest window", "time per sample, of ours"]  # fmt: skip
    return table(header, rows)


def replaying(r: Record) -> str:
    """From results/replaying.json: means over seeds."""
    rows = []
    for problem, part in r.items():
        runs = part["runs"]
        for name in dict.fromkeys(run["learner"] for run in runs):
            mine = [run for run in runs if run["learner"] == name]
            row = [problem, name, f"{mine[0]['arena_bytes'] / 1024:.1f} KiB"]
            for key in ("old_before", "old_after", "newest", "all_after", "prequential"):
                row.append(f"{100 * np.mean([run[key] for run in mine]):.1f}")
            rows.append(row)
    header = ["gate", "what learns", "arena", "old before, %", "old after, %", "newest, %",
              "everything, %", "prequential, %"]  # fmt: skip
    return table(header, rows)


def many_tasks(r: Record) -> str:
    """From results/many_tasks.json: means over seeds, of the last five with their range."""
    rows = []
    for name, part in r.items():
        runs = part["runs"]
        just = [run["just_learnt"] for run in runs]
        bits = " / ".join(f"{runs[0][k]:.2f}" for k in ("bits_of_weights", "bits_of_everything"))
        last = [100 * run["last_five"] for run in runs]
        rows.append(
            [name, f"{part['tasks']:,} × {part['samples']:,}", bits,
             mean_percent([shares[0] for shares in just]),
             mean_percent([shares[-1] for shares in just]),
             mean_percent([run["end"][0] for run in runs]),
             _mean_and_range(last)]
        )  # fmt: skip
    header = ["learner", "tasks × samples", "bits per weight: hidden weights and signs / all RAM",
              "first task, just learnt, %", "newest, %", "fifth last, at the end, %",
              "last five, at the end, %"]  # fmt: skip
    return table(header, rows)


def state_bits(r: Record) -> str:
    """From results/state_bits.json: accuracy by bits, mean and range of the seeds run so far."""
    rows, bits = [], range(8, 1, -1)
    for name, part in r.items():
        shares = [[100 * x["all_after"] for x in part["runs"] if x["bits"] == b] for b in bits]
        rows.append([name, *(_mean_and_range(some) if some else "-" for some in shares)])
    return table(["accuracy at the end, %", *(f"{b} bits" for b in bits)], rows)


def any_order(r: Record) -> str:
    """From results/any_order.json: means over seeds."""
    rows = []
    for problem, part in r.items():
        for way in dict.fromkeys(run["way"] for run in part["runs"]):
            mine = [run for run in part["runs"] if run["way"] == way]
            shares = [np.mean([run[key] for run in mine]) for key in ("old_before", "old", "all")]
            rows.append([problem, way, *(f"{100 * share:.1f}" for share in shares)])
    header = ["gate", "how its samples come", "old before, %", "old after, %", "everything, %"]
    return table(header, rows)


def _of(rows: list[Record], key: str, plain: bool) -> list[float]:
    return [row[key] for row in rows if (row["m"] == 0) == plain]
