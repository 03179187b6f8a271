"""What `metabit fit` says at the end."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from metabit.cli.common import Output
from metabit.cli.tables import format_us, percent, table_below
from metabit.edge_runtime.plan import GOALS
from metabit.edge_runtime.sizes import format_kib
from metabit.fitting.caution import caution

MOST_ROWS = 8
AS_IT_IS = "as it is"
"""What `metabit.fitting.fronts` calls samples without a front end."""


def say_answer(out: Output, folder: Path, found: dict[str, Any]) -> None:
    """Tables and lines for people.

    Args:
        out: where to.
        folder: where the results are.
        found: from `metabit.fitting.outcome.document`.
    """
    refused = found["refused"]["counts"]
    n = len(found["candidates"]) + sum(refused.values())
    words = ", ".join(f"{number} for {kind}" for kind, number in refused.items())
    out.line(f"{n} candidates; refused before training: {words or 'none'}")
    for name, accuracy in list(found["front_ends"].items()):
        out.line(f"front end: {name}, {percent(accuracy)} with a linear classifier", "dim")
    _say_candidates(out, found)
    _say_rivals(out, found)
    chosen = found["chosen"]
    answers = "its counting head" if chosen["answers"] == "head" else "the network"
    out.line(
        f"chosen: {chosen['label']}; {percent(chosen['test_accuracy'])} right on "
        f"{chosen['n_test']:,} test samples, where {answers} answers",
        "bold",
    )
    unsure = caution(found)
    if unsure:
        out.line(unsure, "yellow")
    if not chosen["learns"]:
        out.line("no head fits that learns on the device: it only predicts", "yellow")
    weights = format_kib(chosen["weight_bytes"])
    out.line(
        f"RAM {format_kib(chosen['ram_bytes'])} with learning, "
        f"{format_kib(chosen['predict_ram_bytes'])} without; flash "
        f"{format_kib(chosen['flash_bytes'])}, of which weights {weights}"
    )
    _say_as_they_come(out, found)
    _say_confirmed(out, found)
    out.line(f"{found['seconds']:,.0f} s; all results: {folder / 'fit.json'}")
    model = shlex.quote(str(folder / chosen["model"]))
    out.line(f"next: metabit predict {model} NEW-DATA; metabit learn {model} NEW-DATA", "dim")


def _say_as_they_come(out: Output, found: dict[str, Any]) -> None:
    """What learning is worth where samples come in time."""
    done = found["as_they_come"]
    if done is None:
        return
    tried = {goal: done[goal] for goal in GOALS if done[goal] is not None}
    parts = [
        f"{percent(one['accuracy'])} with goal {goal} in {format_kib(one['ram_bytes'])}"
        for goal, one in tried.items()
    ]
    out.line(
        f"first {done['n_samples']:,} test samples as they come, each predicted and then learnt: "
        f"{', '.join(parts)} of RAM; {percent(done['kept'])} without learning"
    )
    if found["chosen"]["learns"] == "head with goal track":
        out.line(
            "what they mean drifts: the file learns with goal track, see recipe.toml", "yellow"
        )


def _say_confirmed(out: Output, found: dict[str, Any]) -> None:
    """What the delivered file did on the board."""
    done = found["confirmed"]
    if done is None:
        return
    included = "" if found["chosen"]["front_end"] == AS_IT_IS else ", front end included"
    did = "predicted and learnt" if done["learn_us"] is not None else "predicted"
    out.line(
        f"on {done['board']}, emulated: {done['n_samples']} test samples {did}, every bit as here; "
        f"a prediction takes {_latency(done)}{included}"
    )


def _say_candidates(out: Output, found: dict[str, Any]) -> None:
    """The unbeaten candidates: none that is as accurate needs less RAM and flash."""
    board = found["question"]["budgets"]["board"]
    last = max(row["stage"] for row in found["candidates"])
    rows = table_below(
        "unbeaten candidates, on held-out training samples (~: trained briefly)",
        "candidate", ">right", ">by", ">RAM", ">flash", ">weights",
        *([">latency"] if board else []),
    )  # fmt: skip
    unbeaten = [row for row in found["candidates"] if row["unbeaten"]]
    unbeaten.sort(key=lambda row: -row["accuracy"])
    for row in unbeaten[:MOST_ROWS]:
        by_head = row["head"] is not None and row["head"] > row["network"]
        mine = row["label"] == found["chosen"]["label"]
        rows.add_row(
            row["label"], f"{'' if row['stage'] == last else '~'}{percent(row['accuracy'])}",
            "head" if by_head else "network", format_kib(row["ram_bytes"]),
            format_kib(row["flash_bytes"]), format_kib(row["weight_bytes"]),
            *([_latency(row)] if board else []), style="bold" if mine else "",
        )  # fmt: skip
    out.show(rows)


def _latency(row: dict[str, Any]) -> str:
    return "-" if row["predict_us"] is None else format_us(row["predict_us"])


def _say_rivals(out: Output, found: dict[str, Any]) -> None:
    """The chosen network beside the rivals, on test samples."""
    if not found["rivals"]:
        return
    chosen = found["chosen"]
    rows = table_below(
        "on the test samples, all on the same features",
        "", ">right", ">flash", ">RAM with learning",
    )  # fmt: skip
    mine = {"name": chosen["label"], **chosen}
    for row in (mine, *found["rivals"]):
        ram = "does not learn" if row["ram_bytes"] is None else format_kib(row["ram_bytes"])
        rows.add_row(
            row["name"], percent(row["test_accuracy"]), format_kib(row["flash_bytes"]), ram,
            style="bold" if row is mine else "",
        )  # fmt: skip
    out.show(rows)
