"""Does a head know what it does not know? Transitions of HAPT, of people never seen.

    python -m benchmarks.heads.novelty

Twelve people at home do six activities; statistics and bands of their windows go through a layer of
random weights, and a counting head counts its sums. Of six other people it sees the same
activities, and transitions between them, of which it has never heard. AUROC says how well the
novelty parts the two; false alarms are activities of the new people beyond the limit from home.
Writes benchmarks/results/novelty.json, and from there a table into docs/benchmarks/learning.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks import results
from benchmarks.gates import people
from benchmarks.gates.people import ACTIVITIES, TRANSITIONS, Windows
from metabit.edge_runtime.engine import Engine
from metabit.export.container import dumps
from metabit.export.heads.home import with_head
from metabit.export.spec import InputSpec
from metabit.export.untrained import untrained
from metabit.trainer.data.windows import samples_of_windows
from metabit.trainer.frontend import FrontEnd, Operations, fit

SEEDS = (600, 601, 602)
CHANNELS, LENGTH = 6, 128
DOES = Operations(CHANNELS, LENGTH, LENGTH, edges=(1, 2, 3, 4, 6, 9, 15, 26, 64))
WIDTHS = (128, 12)


@dataclass(frozen=True)
class Measured:
    """What one seed gives.

    Attributes:
        auroc: chance that a transition seems newer than an activity.
        false_alarms: share of the activities of new people that are called unknown.
        found: share of their transitions that are.
    """

    auroc: float
    false_alarms: float
    found: float


def measure(seed: int) -> Measured:
    """Make the head at home, and ask it about people that it has never seen."""
    p = people.people(seed)
    home, tested = p.windows.of_people(p.home).of_classes(ACTIVITIES), p.windows.of_people(p.tested)
    front_end = fitted(home)
    x = seen_by(home, front_end)
    network = untrained(InputSpec("int8", (DOES.n_inputs,), 1 / 32), WIDTHS, x[:500], seed=seed)
    engine = Engine(dumps(with_head(network, x, home.y, ram_bytes=32 * 1024)), learn="counting")
    old = engine.novelty(seen_by(tested.of_classes(ACTIVITIES), front_end))
    new = engine.novelty(seen_by(tested.of_classes(TRANSITIONS), front_end))
    return Measured(auroc(old, new), float((old > 1).mean()), float((new > 1).mean()))


def auroc(low: NDArray[np.float32], high: NDArray[np.float32]) -> float:
    """Chance that a number of `high` is above one of `low`; a tie counts half."""
    above = np.searchsorted(np.sort(low), high, side="left")
    below = np.searchsorted(np.sort(low), high, side="right")
    return float((above + below).mean() / 2 / len(low))


def fitted(home: Windows) -> FrontEnd:
    """The front end, with the scales of these windows."""
    return fit(_frames(home).transpose(0, 2, 1), DOES)


def _frames(windows: Windows) -> NDArray[np.int8]:
    """Shape (n, channels, frames)."""
    return windows.x.astype(np.int8).reshape(-1, CHANNELS, LENGTH)


def seen_by(windows: Windows, front_end: FrontEnd) -> NDArray[np.int8]:
    """Windows as features, shape (n, features)."""
    return samples_of_windows(_frames(windows), front_end)


def main(seeds: Sequence[int] = SEEDS) -> None:
    """Measure all seeds, print them, and write them down."""
    found = {}
    for seed in seeds:
        made = measure(seed)
        found[str(seed)] = vars(made)
        print(
            f"seed {seed}: AUROC {made.auroc:.4f}, false alarms {100 * made.false_alarms:.1f} %, "
            f"found {100 * made.found:.1f} %",
            flush=True,
        )
    results.save("novelty", "python -m benchmarks.heads.novelty", {"HAPT transitions": found})
    from benchmarks import page  # the tables of all benchmarks, which tests of this file do without

    page.write()


if __name__ == "__main__":
    main()
