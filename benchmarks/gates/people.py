"""Gates made of HAPT: new people, new kinds of activity, a sensor that sticks.

Windows of one person overlap, so people are split, never windows: the seed draws who stays at home,
who comes as the stream, and who is only tested.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.gates.problem import HeldOut, Home, Labels, Phase, Problem, Samples, flat, labels
from metabit.export.spec import InputSpec
from metabit.trainer import data

N_TESTED, N_HOME, N_START = 6, 12, 200
ACTIVITIES, TRANSITIONS = range(6), range(6, 12)
#: By label: what one does while moving, and while not.
DYNAMIC, STATIC = range(3), range(3, 6)
EPOCHS = 8


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of some people, person by person in the order of recording.

    Attributes:
        x: shape (n, 768), int8.
        y: shape (n,), from 0.
        who: shape (n,).
    """

    x: Samples
    y: Labels
    who: NDArray[np.uint8]

    def take(self, which: NDArray[np.generic]) -> Windows:
        """These windows."""
        return Windows(self.x[which], self.y[which], self.who[which])

    def of_classes(self, classes: range) -> Windows:
        """The windows of these classes."""
        return self.take(np.isin(self.y, list(classes)))

    def of_people(self, people: NDArray[np.generic]) -> Windows:
        """The windows of these people, in the order in which the people are named."""
        return self.take(np.concatenate([np.flatnonzero(self.who == p) for p in people]))

    def home(self, teaches: tuple[str, ...]) -> Home:
        """A home that trains on all of them."""
        return Home(self.x, self.y, teaches, EPOCHS)

    def phase(self, name: str, teaches: tuple[str, ...]) -> Phase:
        """A phase that shows them in this order."""
        return Phase(name, self.x, self.y, teaches)

    def held_out(self, name: str) -> HeldOut:
        """All of them as a part that is never learnt from."""
        return HeldOut(name, self.x, self.y)


@dataclass(frozen=True, eq=False)
class People:
    """All windows, and who is who.

    Attributes:
        windows: of everybody.
        home, stream, tested: people.
        rng: what later draws come from.
    """

    windows: Windows
    home: NDArray[np.uint8]
    stream: NDArray[np.uint8]
    tested: NDArray[np.uint8]
    rng: np.random.Generator

    def problem(
        self, seed: int, home: Home | None, phases: tuple[Phase, ...], parts: tuple[HeldOut, ...],
        allowed: float = 1.0,
    ) -> Problem:  # fmt: skip
        """A gate with HAPT's input and classes."""
        spec = InputSpec("int8", (self.windows.x.shape[1],), 1 / 64, 0)
        start = phases[0].x[:N_START]
        return Problem("", seed, spec, 12, start, home, phases, parts, allowed=allowed)

    @property
    def parts(self) -> tuple[HeldOut, HeldOut]:
        """Activities and transitions of the people who are only tested."""
        tested = self.windows.of_people(self.tested)
        return (
            tested.of_classes(ACTIVITIES).held_out("activities"),
            tested.of_classes(TRANSITIONS).held_out("transitions"),
        )


def people(seed: int) -> People:
    """HAPT with its people shuffled."""
    sets, rng = data.load("hapt"), np.random.default_rng(seed)
    halves = (sets.train, sets.test)
    subject = [half.subject for half in halves if half.subject is not None]
    whole = Windows(
        flat(np.concatenate([half.x for half in halves])),
        labels(np.concatenate([half.y for half in halves])),
        np.concatenate(subject),
    )
    who = rng.permutation(np.unique(whole.who))
    learnt, tested = who[N_TESTED:], who[:N_TESTED]
    return People(whole, learnt[:N_HOME], learnt[N_HOME:], tested, rng)


def by_person(seed: int, divisor: int) -> Problem:
    """Six activities of twelve people at home; twelve others come one by one, with transitions."""
    p = people(seed)
    home = p.windows.of_people(p.home).of_classes(ACTIVITIES).home(("activities",))
    phases = tuple(
        p.windows.of_people(p.stream[i : i + 1]).phase(f"person {i + 1}", ("transitions",))
        for i in range(len(p.stream))
    )
    return p.problem(seed, home, phases, p.parts)


def from_nothing(seed: int, divisor: int) -> Problem:
    """A network of random weights learns 24 people, one after the other."""
    p = people(seed)
    who = np.concatenate([p.home, p.stream])
    both = ("activities", "transitions")
    phases = tuple(
        p.windows.of_people(who[i : i + 4]).phase(f"people {i + 1} to {i + 4}", both)
        for i in range(0, len(who), 4)
    )
    return p.problem(seed, None, phases, p.parts)


def by_class(seed: int, divisor: int) -> Problem:
    """24 people: what they do at rest is known; moving is learnt, then getting up and down."""
    p = people(seed)
    learnt = p.windows.of_people(np.concatenate([p.home, p.stream]))
    tested = p.windows.of_people(p.tested)
    kinds = {"static": STATIC, "dynamic": DYNAMIC, "transitions": TRANSITIONS}
    phases = tuple(
        learnt.of_classes(kinds[name]).phase(name, (name,)) for name in ("dynamic", "transitions")
    )
    parts = tuple(tested.of_classes(kinds[name]).held_out(name) for name in kinds)
    return p.problem(seed, learnt.of_classes(STATIC).home(("static",)), phases, parts)


def stuck_sensor(seed: int, divisor: int, *, exported: bool, stretch: int = 20_000) -> Problem:
    """Twelve people are known; the sensor gives zeros under one label; then 500 windows of all."""
    p = people(seed)
    known = p.windows.of_people(p.home)
    shuffled = known.take(p.rng.permutation(len(known.y)))
    both = ("activities", "transitions")
    n_stuck = stretch // divisor
    zeros = np.zeros((n_stuck, known.x.shape[1]), np.int8)
    phases = (
        *(() if exported else (shuffled.phase("everybody", both),)),
        Phase("stuck", zeros, np.full(n_stuck, p.rng.integers(6), np.int64), ()),
        shuffled.take(p.rng.permutation(len(known.y))[:500]).phase("everybody again", ()),
    )
    return p.problem(seed, known.home(both) if exported else None, phases, p.parts, 2.0)
