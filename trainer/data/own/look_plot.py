"""A picture of what is in data of one's own: its classes, and the values of its columns."""

from __future__ import annotations

import math

import numpy as np

from metabit.trainer.data.own.look import Look

_MOST_COLUMNS = 23


def draw(look: Look) -> bytes:
    """A PNG file: a bar per class, and a histogram per column."""
    from matplotlib.figure import Figure

    from metabit.picture import png

    columns = look.columns[:_MOST_COLUMNS]
    n = len(columns) + 1
    wide = min(n, 4)
    high = math.ceil(n / wide)
    figure = Figure(figsize=(3.2 * wide, 2.4 * high), layout="constrained", dpi=120)
    places = np.atleast_1d(figure.subplots(high, wide)).ravel()
    names = list(look.classes) or ["no classes"]
    places[0].barh(range(len(names)), [look.classes.get(name, 0) for name in names])
    places[0].set_yticks(range(len(names)), [name[:18] for name in names], fontsize=7)
    places[0].set_title("samples per class", fontsize=9)
    for place, column in zip(places[1:], columns, strict=False):
        place.hist(column.values[np.isfinite(column.values)], bins=50)
        place.set_title(column.name[:24], fontsize=9)
        place.tick_params(labelsize=7)
        place.set_yticks([])
    for place in places[n:]:
        place.set_axis_off()
    return png(figure)
