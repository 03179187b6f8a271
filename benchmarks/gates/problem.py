"""What a gate is: something learnt at home, a stream, and held-out samples that judge both.

NumPy only, so that rivals can be judged in environments without PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from metabit.export.spec import InputSpec

#: Values of 8 bits, as the device's; raw numbers where only rivals look.
Samples = NDArray[np.uint8] | NDArray[np.int8] | NDArray[np.float64]
Labels = NDArray[np.int64]

#: What a user says of a stream: keep what was learnt, or follow what changes.
Goal = Literal["remember", "track"]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Samples that are never learnt from.

    Attributes:
        name: what knowing them means, such as "transitions".
        x: shape (n, n_inputs), the input's dtype.
        y: shape (n,).
    """

    name: str
    x: Samples
    y: Labels


@dataclass(frozen=True, eq=False)
class Home:
    """What a network is trained on before it is exported.

    Attributes:
        x: shape (n, n_inputs), the input's dtype.
        y: shape (n,).
        teaches: names of the held-out parts that it covers.
        epochs, batch: of the training.
    """

    x: Samples
    y: Labels
    teaches: tuple[str, ...]
    epochs: int
    batch: int = 50


@dataclass(frozen=True, eq=False)
class Phase:
    """A piece of the stream, after which the learner is examined.

    Attributes:
        name: for people.
        x: shape (n, n_inputs), in the order in which they come.
        y: shape (n,), the labels that the learner is told, right or wrong.
        teaches: names of the held-out parts that are known from here on.
    """

    name: str
    x: Samples
    y: Labels
    teaches: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Problem:
    """One gate with one seed.

    Attributes:
        name: its row in the table.
        seed: everything drawn at random follows from it.
        spec: the input.
        n_classes: labels are below it.
        start: a few unlabelled samples: they set the normalisation of a network without a home.
        home: what is known when the stream begins; None for a network of random weights.
        phases: the stream.
        held_out: parts that do not overlap, each taught by the home or by a phase; none where a
            stream is judged only by what is predicted before it is learnt.
        hidden: widths of the hidden layers.
        goal: what its user would say.
        allowed: points that held-out data of the old may lose by the end of the stream.
        probes: what a guard may ask, apart from all that is held out; None for no guard.
    """

    name: str
    seed: int
    spec: InputSpec
    n_classes: int
    start: Samples
    home: Home | None
    phases: tuple[Phase, ...]
    held_out: tuple[HeldOut, ...]
    hidden: tuple[int, ...] = (128, 128)
    goal: Goal = "remember"
    allowed: float = 1.0
    probes: HeldOut | None = None

    @property
    def n_samples(self) -> int:
        """Length of the stream."""
        return sum(len(phase.y) for phase in self.phases)

    @property
    def n_values(self) -> int:
        """Input values of all samples that a learner sees, at home and in the stream."""
        return self.spec.n_inputs * (self.n_samples + (len(self.home.y) if self.home else 0))

    def known_after(self, phase: int) -> list[str]:
        """Names of the held-out parts taught by the home and by phases up to this one, in order.

        Args:
            phase: index; -1 for the home alone.
        """
        taught = [] if self.home is None else list(self.home.teaches)
        for past in self.phases[: phase + 1]:
            taught += past.teaches
        return list(dict.fromkeys(taught))


def flat(x: NDArray[np.generic]) -> Samples:
    """Samples of any shape as (n, n_inputs)."""
    return cast(Samples, x.reshape(len(x), -1))


def labels(y: NDArray[np.generic]) -> Labels:
    """Labels in the type that everything here uses."""
    return y.astype(np.int64)


def pieces(n_samples: int, n_pieces: int) -> Iterator[slice]:
    """A stream cut into pieces of nearly equal length."""
    ends = np.linspace(0, n_samples, n_pieces + 1).astype(int)
    return (slice(a, b) for a, b in pairwise(ends))


def more_of_the_same(x: Samples, y: Labels, n_pieces: int, teaches: str) -> tuple[Phase, ...]:
    """Phases of a stream that keeps showing what one held-out part asks for."""
    return tuple(
        Phase(f"{index + 1} of {n_pieces}", x[part], y[part], (teaches,))
        for index, part in enumerate(pieces(len(y), n_pieces))
    )
