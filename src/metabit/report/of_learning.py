"""The page of `metabit learn`: what a stream of samples did to a model."""

from __future__ import annotations

from typing import Any

from metabit.edge_runtime.sizes import format_kib as kib
from metabit.report.page import (
    ColourGrid,
    DataTable,
    Drawn,
    Lines,
    Mark,
    Page,
    PagePart,
    Series,
    Stat,
)
from metabit.report.words import file_name, percent

MOST_CONFUSED = 24
"""Classes of a confusion matrix that fits a page."""


def page(answer: dict[str, Any], facts: dict[str, str]) -> Page:
    """The page of a stream that was learnt.

    Args:
        answer: of the verb.
        facts: what is known besides; facts of the stream are added.
    """
    before, after = answer["accuracy_before"], answer["accuracy_after"]
    stats = [
        Stat(percent(after), "of these samples are right after learning"),
        Stat(percent(before), "before"),
        Stat(percent(answer["prequential_accuracy"]), "as they came, each before it was learnt"),
        Stat(kib(answer["needed_bytes"]), "of RAM, learning included"),
    ]
    headline = (
        f"{percent(after)} right after learning {answer['n_samples']:,} samples of "
        f"{file_name(answer['data'])}, {percent(before)} before"
    )
    return Page(
        "metabit learn", headline, stats, _conclusion(answer), _sections(answer),
        {"model": str(answer["file"]), "data": str(answer["data"]), **facts},
    )  # fmt: skip


def _conclusion(answer: dict[str, Any]) -> list[str]:
    reason = str(answer["reason"])
    told = [f"{reason[:1].upper()}{reason[1:]}."]
    names = {row["label"]: row["name"] for row in answer["classes"]}
    if answer["new_classes"]:
        new = ", ".join(names[label] for label in answer["new_classes"])
        told.append(f"Classes that the model had never seen before: {new}.")
    guard = answer["guard"]
    if guard is None:
        told.append("No guard watched: nothing says what this did to samples of other people.")
    else:
        n_probes, n_checks = guard["n_probes"], len(guard["checks"])
        was, now = (percent(guard[key] / n_probes) for key in ("hits_before", "hits_after"))
        told.append(
            f"A guard asked {n_probes} probes, which are never learnt from: {was} of them were "
            f"right before, {now} after; in {n_checks} checks it took back "
            f"{guard['n_reverted'] or 'nothing'}."
        )
    if answer["is_drifting"]:
        told.append("Errors have risen of late: the stream drifts.")
    return told


def _sections(answer: dict[str, Any]) -> list[PagePart]:
    sections = [
        PagePart("The stream", [_stream(answer)], "Each sample was answered before it was learnt.")
    ]
    if answer["stretches"]:
        sections.append(PagePart("Class by class, from the first sample to the last",
                                [_stretches(answer)],
                                "Share right in each stretch of the stream; empty where a class "
                                "did not come."))  # fmt: skip
    rows = [
        [row["name"], f"{row['n_samples']:,}"]
        + [percent(row[key]) for key in ("accuracy_before", "accuracy", "accuracy_after")]
        for row in answer["classes"]
    ]
    columns = ["class", "samples", "before", "as they came", "after"]
    blocks: list[Drawn] = [DataTable(columns, rows)]
    sections.append(
        PagePart("Each class", blocks, '"Before" and "after" are of these samples themselves.')
    )
    if 1 < len(answer["classes"]) <= MOST_CONFUSED:
        note = "Rows: what is right. Columns: what was said before the sample was learnt."
        sections.append(PagePart("What was taken for what", [confusion(answer)], note))
    return sections


def _stream(answer: dict[str, Any]) -> Lines:
    at, right = answer["curve"]["samples"], answer["curve"]["right"]
    n, before = answer["n_samples"], 100 * answer["accuracy_before"]
    series = [
        Series("right as samples came (the last 200 count most)", at, [100 * r for r in right]),
        Series("all samples, before learning", [at[0], n], [before, before], 5, dashed=True),
    ]
    marks = []
    guard = answer["guard"]
    for check in guard["checks"] if guard else ():
        share = 100 * check["hits"] / guard["n_probes"]
        what = "taken back" if check["reverted"] else "confirmed"
        name = f"probes after {check['n_samples']:,} samples: {share:.1f} %, {what}"
        kind = f"probes of the guard, {what}"
        marks.append(Mark(check["n_samples"], share, name, kind, not check["reverted"]))
    return Lines(series, "samples", "right, %", marks=marks)


def _stretches(answer: dict[str, Any]) -> ColourGrid:
    names = {row["label"]: row["name"] for row in answer["classes"]}
    rows = answer["stretches"]
    n = len(rows[0]["right"])
    return ColourGrid(
        [names[row["label"]] for row in rows], [""] * n, [row["right"] for row in rows],
        [["" if r is None else f"{100 * r:.0f}" for r in row["right"]] for row in rows],
    )  # fmt: skip


def confusion(answer: dict[str, Any]) -> ColourGrid:
    """How often each class that occurs was taken for each of them."""
    labels = [row["label"] for row in answer["classes"]]
    names = [row["name"] for row in answer["classes"]]
    counts = [[answer["confusion"][truth][said] for said in labels] for truth in labels]
    totals = [max(sum(answer["confusion"][truth]), 1) for truth in labels]
    shares = [[n / total for n in row] for row, total in zip(counts, totals, strict=True)]
    texts = [[f"{n:,}" if n else "" for n in row] for row in counts]
    return ColourGrid(names, names, shares, texts)
