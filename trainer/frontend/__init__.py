"""The front end: from windows of raw sensor values to the int8 samples of a network.

It consists of integer operations alone, so that a device makes the same samples bit for bit
(docs/FRONTEND.md). NumPy only.

front_end.py  what a front end is, and its limits
integers.py   shifts, roots, logarithms and sines of integers
bands.py      where the bands of a spectrum lie
features.py   the operations, on many windows at once
fit.py        chooses the scales of a front end from training windows
first_rows.py  chooses scales from the first rows of a stream
"""

from __future__ import annotations

from metabit.trainer.frontend.features import samples_of, scaled, to_counts
from metabit.trainer.frontend.first_rows import fit_first_rows
from metabit.trainer.frontend.fit import fit
from metabit.trainer.frontend.front_end import FrontEnd, Operations

__all__ = ["FrontEnd", "Operations", "fit", "fit_first_rows", "samples_of", "scaled", "to_counts"]
