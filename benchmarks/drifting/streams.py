"""All streams by name, in the order of the tables, and the half that each belongs to.

The halves were written down before anything was measured. Constants of the tracking head may be
chosen on the first, with seeds from 700; the other is for reporting alone.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.drifting import rules, sensors, shapes
from benchmarks.drifting.published import published
from benchmarks.drifting.stream import Stream

#: From a seed to a stream; InputError where its data are not there.
Builder = Callable[[int], Stream]


def _published(name: str) -> Builder:
    """The rows are the same for each seed; learners differ."""
    return lambda seed: published(name)


TO_CHOOSE_ON: dict[str, Builder] = {
    "SEA, jumps": rules.sea,
    "loans, rules come back": rules.loans,
    "switches and a sine, classes change places": rules.mixed,
    "clouds that move": shapes.clouds,
    "a hundred values": shapes.hundred,
    "one in thirty": shapes.one_in_thirty,
    "20 % wrong labels": shapes.wrong_labels,
    "heavy tails": sensors.heavy_tails,
    "outages and spikes": sensors.outages,
    "Weather": _published("weather"),
    "Shuttle": _published("shuttle"),
    "Phishing": _published("phishing"),
    "Moving squares": _published("moving_squares"),
}
TO_REPORT: dict[str, Builder] = {
    "STAGGER, concepts come back": rules.stagger,
    "LED display, wires change places": rules.display,
    "board that turns": rules.board,
    "tree, nothing drifts": rules.tree,
    "plane that turns": shapes.hyperplane,
    "waves, values change places": shapes.waves,
    "spectra, peaks wander": shapes.spectra,
    "thirty classes arrive": shapes.thirty_classes,
    "gain and offset wander": sensors.gain_and_offset,
    "Electricity": _published("elec"),
    "Forest cover": _published("covtype"),
    "Image segments": _published("segments"),
    "Bananas": _published("bananas"),
}
STREAMS = TO_CHOOSE_ON | TO_REPORT
