"""What an experiment returns: numbers for a table, and curves for a picture."""

from __future__ import annotations

from dataclasses import dataclass, field

from metabit.picture import png
from metabit.trainer.experiments.magnitude_bins import N_BINS, Floats
from metabit.trainer.runs.plots import ACCENT, INK, MUTED, new_figure


@dataclass(frozen=True)
class Outcome:
    """Results of an experiment with one seed.

    Attributes:
        numbers: the numbers by name.
        curves: by name, numbers of bins and the cost of flipping a sign in each, two arrays of the
            same shape.
    """

    numbers: dict[str, float]
    curves: dict[str, tuple[Floats, Floats]] = field(default_factory=dict)


def cost_figure(curves: dict[str, tuple[Floats, Floats]], title: str) -> bytes:
    """PNG of the cost of a flip over the size of the hidden weight, with one curve per name.

    Costs are divided by the largest cost of their curve: one curve can be a thousand times higher
    than another, and what matters is whether it rises.

    Args:
        curves: as in `Outcome`.
        title: title of the picture.
    """
    figure, axes = new_figure(5.6, 4.0)
    axes.set_title(title, color=INK, fontsize=11, loc="left", pad=12)
    colours = [ACCENT, INK, MUTED]
    for number, (name, (bins, costs)) in enumerate(curves.items()):
        colour = colours[number % len(colours)]
        places = (bins + 0.5) / N_BINS
        axes.plot(places, costs / abs(costs).max(), "o-", color=colour, label=name, markersize=4)
    axes.set_xlim(0, 1)
    axes.set_xlabel("|hidden weight|, share of the largest", color=INK)
    axes.set_ylabel("cost of a flip, share of the largest", color=INK)
    axes.legend(frameon=False)
    return png(figure)
