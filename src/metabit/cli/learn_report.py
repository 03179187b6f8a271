"""The report of `metabit learn --report`: a picture of the stream, a page, and all numbers."""

from __future__ import annotations

import html
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from metabit.cli.answers import plain
from metabit.cli.common import Answer
from metabit.cli.stream_record import FADES, StreamRecord
from metabit.cli.tables import percent
from metabit.files import make_folder, write_whole

PICTURE, NUMBERS, PAGE = "stream.png", "learn.json", "index.html"
BLUE, RED, GREY = "#1b6ca8", "#d1495b", "#8d99ae"
#: Columns of the picture of classes.
N_COLUMNS = 60


def write_report(folder: Path, record: StreamRecord, answer: Answer) -> Path:
    """Write picture, numbers and page into a folder; returns the page.

    Args:
        folder: made if it is not there.
        record: what was said of the samples.
        answer: of the verb; "guard" and "classes" are drawn too.

    Raises:
        StorageError: the folder or a file cannot be written.
    """
    make_folder(folder)
    write_whole(folder / PICTURE, _picture(record, answer))
    numbers = answer | {"fading": record.fading().round(4)}
    write_whole(folder / NUMBERS, json.dumps(numbers, default=plain, allow_nan=False).encode())
    write_whole(folder / PAGE, _page(answer).encode())
    return folder / PAGE


def _picture(record: StreamRecord, answer: Answer) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    classes = answer["classes"]
    height = 0.22 * min(len(classes), 40) + 0.8
    figure = Figure(figsize=(9, 3.4 + height), layout="constrained", dpi=120)
    FigureCanvasAgg(figure)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, height))
    _draw_accuracy(top, record, answer)
    _draw_classes(figure, bottom, record, classes)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _draw_accuracy(axes: Any, record: StreamRecord, answer: Answer) -> None:
    n = len(record.truth)
    axes.plot(np.arange(1, n + 1), 100 * record.fading(), color=BLUE, lw=1.5,
              label=f"as samples came (fades over {FADES})")  # fmt: skip
    before = 100 * answer["accuracy_before"]
    axes.axhline(before, color=GREY, ls=":", lw=1.2, label="all samples, before learning")
    guard = answer["guard"]
    if guard is not None and guard["checks"]:
        for back, colour, mark in ((False, "#2a7f62", "o"), (True, RED, "X")):
            some = [check for check in guard["checks"] if check["reverted"] == back]
            label = "probes, taken back" if back else "probes, confirmed"
            axes.plot(
                [check["n_samples"] for check in some],
                [100 * check["hits"] / guard["n_probes"] for check in some],
                mark, color=colour, ms=6, label=label if some else None,
            )  # fmt: skip
    axes.set(ylabel="right, %", ylim=(0, 103), xlim=(0, n))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", frameon=False, fontsize=9)


def _draw_classes(figure: Any, axes: Any, record: StreamRecord, classes: list[Answer]) -> None:
    """Share right of each class over the stream; grey where it did not come."""
    n = len(record.truth)
    edges = np.linspace(0, n, min(N_COLUMNS, n) + 1)
    column = np.searchsorted(edges, np.arange(n), side="right") - 1
    shares = np.full((len(classes), len(edges) - 1), np.nan)
    for row, entry in enumerate(classes):
        mine = record.truth == entry["label"]
        seen = np.bincount(column[mine], minlength=len(edges) - 1)
        right = np.bincount(column[mine & (record.said == record.truth)], minlength=len(seen))
        shares[row, seen > 0] = right[seen > 0] / seen[seen > 0]
    rows = np.arange(len(classes) + 1) - 0.5
    drawn = axes.pcolormesh(edges, rows, 100 * shares, cmap="RdYlBu", vmin=0, vmax=100)
    axes.set_yticks(range(len(classes)), [entry["name"] for entry in classes], fontsize=8)
    axes.set_facecolor("#e6e6e6")
    axes.invert_yaxis()
    axes.set(xlabel="samples; grey where a class did not come", ylabel="class")
    figure.colorbar(drawn, ax=axes, label="right, %", fraction=0.03)


def _page(answer: Answer) -> str:
    rows = "\n".join(
        f"<tr><td>{html.escape(row['name'])}</td><td>{row['n_samples']:,}</td>"
        + "".join(
            f"<td>{percent(row[key])}</td>"
            for key in ("accuracy_before", "accuracy", "accuracy_after")
        )
        + "</tr>"
        for row in answer["classes"]
    )
    guard = answer["guard"]
    guarded = (
        "No guard watched."
        if guard is None
        else f"{guard['n_probes']} probes were asked {len(guard['checks'])} times; "
        f"{guard['n_reverted'] or 'nothing'} was taken back."
    )
    return _PAGE.format(
        file=html.escape(str(answer["file"])), data=html.escape(str(answer["data"])),
        reason=html.escape(answer["reason"]), n=answer["n_samples"], guarded=guarded, rows=rows,
        before=percent(answer["accuracy_before"]), on=percent(answer["prequential_accuracy"]),
        after=percent(answer["accuracy_after"]), picture=PICTURE, numbers=NUMBERS,
    )  # fmt: skip


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>metabit learn</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto; padding: 1rem }}
img {{ max-width: 100% }}
td, th {{ text-align: right; padding: .2rem 1.2rem .2rem 0 }}
td:first-child, th:first-child {{ text-align: left }}
</style>
<h1>{file} learnt {n:,} samples of {data}</h1>
<p>{reason}. Right: {before} before, {on} as they came, {after} after. {guarded}</p>
<img src="{picture}" alt="Accuracy over the stream, of all samples and by class">
<table>
<tr><th>class</th><th>samples</th><th>before</th><th>as they came</th><th>after</th></tr>
{rows}
</table>
<p>"Before" and "after" are of these samples themselves; probes and held-out samples tell how it is
with others. All numbers: <a href="{numbers}">{numbers}</a>.</p>
</html>
"""
