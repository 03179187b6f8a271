"""Curves and dots as SVG, in the colours of the page around them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from metabit.report.page import Dots, Lines, Mark, Series

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 34, 52
MOST_POINTS = 400
"""A curve of more points is thinned: a screen shows no more of them."""

Place = Callable[[float, float], tuple[float, float]]


def lines(block: Lines) -> str:
    """Curves as an SVG element."""
    most = max([x for each in block.series for x in each.x] + [mark.x for mark in block.marks])
    least = min(x for each in block.series for x in each.x)
    width = max(most - least, 1e-9)

    def at(x: float, y: float) -> tuple[float, float]:
        return _across((x - least) / width), _up(y / block.y_most)

    ticks = _places(block.ticks) if block.ticks else [(x, _number(x)) for x in _round(least, most)]
    parts = [_axes(at, ticks, [(y, _number(y)) for y in _round(0, block.y_most)], least)]
    parts += [_curve(each, at) for each in block.series]
    parts += [_mark(mark, at) for mark in block.marks]
    return _svg(parts, block.x_label, block.y_label)


def dots(block: Dots) -> str:
    """Dots as an SVG element; the horizontal axis is logarithmic."""
    xs, ys = [dot.x for dot in block.dots], [dot.y for dot in block.dots]
    low, high = math.log2(min(xs)) - 0.3, math.log2(max(xs)) + 0.3
    floor, top = math.floor(min(ys) - 1), min(math.ceil(max(ys) + 1), block.y_most)

    def at(x: float, y: float) -> tuple[float, float]:
        return _across((math.log2(x) - low) / (high - low)), _up((y - floor) / (top - floor))

    ticks = [(2.0**e, _number(2.0**e)) for e in range(math.ceil(low), math.floor(high) + 1)]
    every = max(1, -(-len(ticks) // 7))
    across, up = ticks[::every], [(y, _number(y)) for y in _round(floor, top)]
    parts = [_axes(at, across, up, 2.0**low)]
    for dot in sorted(block.dots, key=lambda dot: dot.chosen):
        x, y = at(dot.x, dot.y)
        ring = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="11" class="ring"/>' if dot.chosen else ""
        parts.append(
            f'<g><title>{escape(dot.name)}</title><circle cx="{x:.1f}" cy="{y:.1f}" '
            f'r="5" class="dot f{dot.colour}"/>{ring}</g>'
        )
    return _svg(parts, block.x_label, block.y_label)


def _across(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _up(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _svg(parts: Sequence[str], x_label: str, y_label: str) -> str:
    names = (
        f'<text x="{_across(0.5):.0f}" y="{HEIGHT - 6}" class="name">{escape(x_label)}</text>'
        f'<text x="4" y="16">{escape(y_label)}</text>'
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(y_label)} over '
        f'{escape(x_label)}">{"".join(parts)}{names}</svg>'
    )


def _axes(
    at: Place,
    across: Sequence[tuple[float, str]],
    up: Sequence[tuple[float, str]],
    left: float,
) -> str:
    parts = []
    for y, text in up:
        place = at(left, y)[1]
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{place:.1f}" y2="{place:.1f}" '
            f'class="grid"/><text x="{LEFT - 8}" y="{place + 4:.1f}" class="up">{text}</text>'
        )
    for x, text in across:
        place = at(x, up[0][0])[0]
        parts.append(
            f'<text x="{place:.1f}" y="{HEIGHT - BOTTOM + 20}" class="across">{escape(text)}</text>'
        )
    return "".join(parts)


def _curve(series: Series, at: Place) -> str:
    every = max(1, math.ceil(len(series.x) / MOST_POINTS))
    points = list(zip(series.x, series.y, strict=True))
    kept = points[::every] + ([points[-1]] if (len(points) - 1) % every else [])
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in kept))
    dashed = " dashed" if series.dashed else ""
    return f'<polyline points="{path}" class="curve s{series.colour}{dashed}"/>'


def _mark(mark: Mark, at: Place) -> str:
    x, y = at(mark.x, mark.y)
    kind = "good" if mark.good else "bad"
    return (
        f"<g><title>{escape(mark.name)}</title>"
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="mark {kind}"/></g>'
    )


def _places(ticks: Sequence[str]) -> list[tuple[float, str]]:
    """Texts of a list, so few of them that they do not touch each other."""
    every = max(1, -(-len(ticks) // 7))
    return [(float(i), text) for i, text in enumerate(ticks) if i % every == 0]


def _round(low: float, high: float) -> list[float]:
    """Some round numbers from `low` to `high`."""
    wide = max(high - low, 1e-9) / 5
    power = 10.0 ** math.floor(math.log10(wide))
    step = next(n * power for n in (1, 2, 2.5, 5, 10) if n * power >= wide * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [step * i for i in range(first, last + 1)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value - round(value)) < 1e-9 else f"{value:g}"
