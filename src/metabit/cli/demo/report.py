"""The demo's report: plots that are looked at rather than read, on one page."""

from __future__ import annotations

import html
import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from metabit.cli.demo.findings import Story
from metabit.edge_runtime.plan import PARTS
from metabit.edge_runtime.sizes import format_kib, parse_bytes
from metabit.files import write_whole

HEAD, META, PLAIN, GREY = "#2a7f62", "#1b6ca8", "#d1495b", "#8d99ae"
PALETTE = ("#1b6ca8", "#4f9dd6", "#edae49", "#66a182", "#d1495b", "#8d99ae", "#2e4057")


def write(story: Story, folder: Path) -> Path:
    """Write the plots and index.html into `folder`; returns the page."""
    import matplotlib

    matplotlib.use("Agg")
    plots: tuple[tuple[str, str, Callable[[Story, Any], None], tuple[float, float]], ...] = (
        ("stream.png", "The stream: twelve people, one after the other", _stream, (9, 4.8)),
        ("permuted.png", "Five permuted tasks on digits", _permuted, (7, 3.6)),
        ("memory.png", "RAM, to the byte", _memory, (9, 2.4)),
        ("sizes.png", "Sizes", _sizes, (7, 2.6)),
    )
    for name, _, draw, size in plots:
        _save(story, folder / name, draw, size)
    body = "\n".join(
        f'<h2>{html.escape(title)}</h2>\n<img src="{name}" alt="{html.escape(title)}">'
        for name, title, _, _ in plots
    )
    page = folder / "index.html"
    write_whole(page, _PAGE.format(body=body, boards=_boards(story)).encode())
    return page


def _save(
    story: Story, path: Path, draw: Callable[[Story, Any], None], size: tuple[float, float]
) -> None:
    import matplotlib.pyplot as plt

    with plt.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = plt.subplots(figsize=size, layout="constrained")
        draw(story, axes)
        picture = io.BytesIO()
        figure.savefig(picture, dpi=130, format="png")
        plt.close(figure)
    write_whole(path, picture.getvalue())


def _stream(story: Story, axes: Any) -> None:
    for curve, colour in zip(story.curves, (HEAD, META, PLAIN), strict=True):
        x, name = np.arange(len(curve.subjects)), curve.name
        axes.plot(x, 100 * np.array(curve.old), color=colour, lw=2, label=f"activities, {name}")
        axes.plot(
            x, 100 * np.array(curve.new), color=colour, lw=2, ls="--", label=f"transitions, {name}"
        )
    axes.axhline(
        100 * story.before["old"], color=GREY, lw=1, ls=":", label="activities, as exported"
    )
    subjects = story.curves[0].subjects
    axes.set_xticks(range(len(subjects)), ["export", *(str(s) for s in subjects[1:])])
    axes.set(
        xlabel="person the device has learnt from", ylim=(0, 100),
        ylabel="accuracy on people never trained on, %",
    )  # fmt: skip
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, frameon=False, fontsize=9)


def _permuted(story: Story, axes: Any) -> None:
    width = 0.38
    for k, ((name, scores), colour) in enumerate(
        zip(story.permuted.items(), (META, PLAIN), strict=True)
    ):
        x = np.arange(len(scores)) + (k - 0.5) * width
        label = f"m = {name}: mean {100 * np.mean(scores):.1f} %"
        bars = axes.bar(x, 100 * np.array(scores), width, color=colour, label=label)
        axes.bar_label(bars, fmt="%.0f", fontsize=8)
    axes.axhline(10, color=GREY, lw=1, ls=":")
    axes.text(-0.92, 11, "chance", color=GREY, fontsize=8)
    axes.set_xticks(range(5), [f"task {k + 1}" for k in range(5)])
    axes.set(ylabel="accuracy after task 5, %", ylim=(0, 105), xlim=(-0.95, 4.5))
    axes.legend(loc="upper left", frameon=False, fontsize=9)


def _memory(story: Story, axes: Any) -> None:
    left = 0.0
    used = [part for part in story.ram_parts.items() if part[1]]
    parts = sorted(used, key=lambda part: -part[1])
    for (name, n_bytes), colour in zip(parts, itertools.cycle(PALETTE)):
        label = f"{PARTS[name]} {format_kib(n_bytes)}"
        axes.barh(0, n_bytes / 1024, left=left, color=colour, label=label)
        left += n_bytes / 1024
    budget = parse_bytes(story.ram_budget) / 1024
    axes.axvline(budget, color="black", lw=1.5)
    axes.text(budget, 0.46, f"budget {story.ram_budget} ", ha="right", fontsize=9)
    axes.set(xlabel="KiB", yticks=[], xlim=(0, budget * 1.02), ylim=(-0.5, 0.6))
    axes.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.35), frameon=False, fontsize=8)


def _sizes(story: Story, axes: Any) -> None:
    sizes = story.sizes
    rows = {
        "float32": sizes["float32_bytes"],
        "int8": sizes["int8_bytes"],
        "packed model": sizes["file_bytes"] - sizes["learn_bytes"] - sizes["head_bytes"],
        "learnt state, 8 bits": sizes["learn_bytes"],
        "counting head": sizes["head_bytes"],
    }
    bars = axes.barh(
        list(rows), [n / 1024 for n in rows.values()], color=[GREY, GREY, META, PALETTE[1], HEAD]
    )
    axes.bar_label(bars, [f" {format_kib(n)}" for n in rows.values()], fontsize=9)
    axes.invert_yaxis()
    axes.set(xlabel="KiB")
    axes.margins(x=0.15)


def _boards(story: Story) -> str:
    rows = []
    for name, made in story.profiles.items():
        ram = made["ram"]
        learn = made["learn"]
        estimate = learn["estimate"] if learn else None
        time_ms = f"{estimate['microseconds']['typical'] / 1000:.2f} ms" if estimate else "-"
        rows.append(
            f"<tr><td>{html.escape(name)}</td><td>{html.escape(made['choice'])}</td>"
            f"<td>{format_kib(ram['used_bytes'])} of {format_kib(ram['available_bytes'])}</td>"
            f"<td>{time_ms} (estimate)</td><td>{'yes' if made['fits'] else 'no'}</td></tr>"
        )
    return "\n".join(rows)


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>metabit demo</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto; padding: 1rem }}
img {{ max-width: 100% }}
td, th {{ text-align: left; padding: .2rem 1.2rem .2rem 0 }}
</style>
<h1>metabit: learning on the device without forgetting</h1>
<p>A binary network that twelve people taught six activities continues to learn on a device engine,
from twelve other people and postural transitions that it had never seen. All numbers: <a
href="report.json">report.json</a>.</p>
{body}
<h2>Boards</h2>
<table><tr><th>board</th><th>learns</th><th>RAM</th><th>learn one sample</th><th>fits</th></tr>
{boards}
</table>
<p>Data: Reyes-Ortiz et al., Smartphone-Based Recognition of Human Activities and Postural
Transitions; Alpaydin and Kaynak, Optical Recognition of Handwritten Digits; UCI Machine Learning
Repository, CC BY 4.0.</p>
</html>
"""
