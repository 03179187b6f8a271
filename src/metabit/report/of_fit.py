"""The page of `metabit fit`: which networks fit, and which was chosen."""

from __future__ import annotations

from typing import Any

from metabit.edge_runtime.plan import GOALS
from metabit.edge_runtime.sizes import format_kib as kib
from metabit.fitting.caution import caution
from metabit.report.page import DataTable, Dot, Dots, Page, PagePart, Stat
from metabit.report.words import duration, percent

MOST_ROWS = 20


def page(found: dict[str, Any], facts: dict[str, str]) -> Page:
    """The page of a search.

    Args:
        found: contents of fit.json, or the answer of the verb.
        facts: what is known besides; facts of the search are added.
    """
    chosen, data, question = found["chosen"], found["data"], found["question"]
    made = found["circumstances"]
    stats = [
        Stat(percent(chosen["test_accuracy"]), f"of {chosen['n_test']:,} test samples are right"),
        Stat(kib(chosen["ram_bytes"]), "of RAM, learning included"),
        Stat(kib(chosen["flash_bytes"]), "of flash: the whole model file"),
        Stat(f"{len(found['candidates']):,}", "networks were trained and compared"),
    ]
    headline = f"{question['name']}: {percent(chosen['test_accuracy'])} right in "
    headline += f"{kib(chosen['flash_bytes'])} of flash, by {chosen['label']}"
    return Page(
        "metabit fit", headline, stats, _conclusion(found), _sections(found),
        {
            "data": f"{data['source']}: {data['n_train']:,} training and {data['n_test']:,} test "
            f"samples of {len(data['classes'])} classes",
            "seed": str(question["seed"]),
            "searched": f"{made['date']}, {found['seconds']:,.0f} s on {made['cores']} cores, "
            f"{made['processor']}, metabit {made['metabit']}",
            **facts,
        },
    )  # fmt: skip


def _conclusion(found: dict[str, Any]) -> list[str]:
    chosen, refused = found["chosen"], sum(found["refused"]["counts"].values())
    learns = "and nothing of it learns on the device: no head fits beside the network"
    if chosen["learns"] is not None:
        learns = f"and its {chosen['learns']} learns on the device"
    before = "All candidates fit."
    if refused:
        were = "candidate was" if refused == 1 else "candidates were"
        before = f"{refused:,} {were} refused before any training, for want of room or time."
    unsure = caution(found)
    return [
        *([f"{unsure[0].upper()}{unsure[1:]}."] if unsure else []),
        f"{before} Of those that were trained, {chosen['label']} was chosen, on training samples "
        "that were held out. It was then trained on all of them and tested once; "
        f"{chosen['model']} holds it, {learns}.",
    ]


def _sections(found: dict[str, Any]) -> list[PagePart]:
    rows, mine = found["candidates"], found["chosen"]["label"]
    last = max(row["stage"] for row in rows)
    dots = [
        Dot(
            row["flash_bytes"] / 1024, 100 * row["accuracy"],
            f"{row['label']}: {percent(row['accuracy'])}, flash {kib(row['flash_bytes'])}, RAM "
            f"{kib(row['ram_bytes'])}",
            0 if row["stage"] == last else 5, row["label"] == mine,
        )
        for row in rows
    ]  # fmt: skip
    best = [row for row in rows if row["unbeaten"]][:MOST_ROWS]
    table = [
        [
            row["label"],
            percent(row["accuracy"]),
            kib(row["ram_bytes"]),
            kib(row["flash_bytes"]),
        ]
        for row in best
    ]
    parts = [
        PagePart(
            "What fits",
            [Dots(dots, "flash, KiB", "right on held-out training samples, %", 100)],
            "Blue: trained longest. Grey: trained only briefly. In the ring: chosen.",
        ),
        PagePart(
            "Networks that none beats in accuracy, RAM and flash at once",
            [DataTable(["network", "right", "RAM", "flash"], table)],
            "Accuracy on training samples that were held out.",
        ),
    ]
    if found["rivals"]:
        parts.append(_rivals(found))
    if found["as_they_come"]:
        parts.append(_as_they_come(found["as_they_come"]))
    if found["confirmed"]:
        parts.append(_confirmed(found["confirmed"]))
    return parts


def _as_they_come(done: dict[str, Any]) -> PagePart:
    """What learning is worth where samples come in time."""
    rows = [["without learning", percent(done["kept"]), ""]]
    rows += [
        [f"goal {goal}", percent(done[goal]["accuracy"]), kib(done[goal]["ram_bytes"])]
        for goal in GOALS
        if done[goal]
    ]
    return PagePart(
        "As samples come",
        [DataTable(["", "right", "RAM"], rows)],
        f"The first {done['n_samples']:,} test samples in their order, each predicted and then "
        "learnt. Where the goal track is best, what samples mean drifts.",
    )


def _confirmed(done: dict[str, Any]) -> PagePart:
    """What the delivered file did on the board."""
    kinds = (("a prediction, front end included", "predict_us"), ("a learning step", "learn_us"))
    rows = [[name, duration(done[key])] for name, key in kinds if done[key] is not None]
    return PagePart(
        f"On {done['board']}, emulated",
        [DataTable(["", "estimated time"], rows)],
        f"{done['n_samples']} test samples gave the bits that they give here: every score, every "
        "prediction before a learning step, and the state that was saved.",
    )


def _rivals(found: dict[str, Any]) -> PagePart:
    """Other classifiers on the same features, on the same test samples."""
    mine = found["chosen"] | {"name": found["chosen"]["label"]}
    table = [
        [
            row["name"], percent(row["test_accuracy"]), kib(row["flash_bytes"]),
            "does not learn" if row["ram_bytes"] is None else kib(row["ram_bytes"]),
        ]
        for row in (mine, *found["rivals"])
    ]  # fmt: skip
    return PagePart(
        "What else could be taken",
        [DataTable(["on the same features", "right", "flash", "RAM with learning"], table)],
        "Accuracy on the test samples. Flash and RAM of the others are what their numbers take.",
    )
