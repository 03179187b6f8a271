"""What an experiment comes to: numbers for a table, and curves to look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from metabit.trainer.experiments.magnitude_bins import N_BINS, Floats
from metabit.trainer.runs.plots import ACCENT, INK, MUTED, new_figure, png


@dataclass(frozen=True)
class Outcome:
    """Results of an experiment with one seed.

    Attributes:
        numbers: by name.
        curves: by name, bins of magnitude and what flipping a sign costs there, of one shape each.
    """

    numbers: dict[str, float]
    curves: dict[str, tuple[Floats, Floats]] = field(default_factory=dict)


def cost_figure(curves: dict[str, tuple[Floats, Floats]], title: str) -> bytes:
    """PNG of the cost of a flip against the magnitude of the hidden weight, a curve a name.

    Costs are shares of the largest of their curve, because one curve can be a thousand times
    another, and what matters is whether it rises.

    Args:
        curves: as in `Outcome`.
        title: above the picture.
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
