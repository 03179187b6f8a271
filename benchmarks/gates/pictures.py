"""Gates made of pictures: digits, MNIST and Fashion-MNIST, centred and not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from benchmarks.gates.problem import (
    HeldOut,
    Home,
    Labels,
    Phase,
    Problem,
    Samples,
    flat,
    labels,
    more_of_the_same,
)
from metabit.export.spec import InputSpec
from metabit.trainer import data

#: Mean of the training pixels: the value that means zero where inputs are centred.
ZERO_POINT = {"digits": 5, "mnist": 33, "fashion-mnist": 73}
#: Unlabelled samples that a network without a home starts from.
N_START = 200
#: Passes over the few training digits at home; the large sets take fewer.
EPOCHS = {"digits": 20, "mnist": 3, "fashion-mnist": 3}
BATCH = {"digits": 25, "mnist": 100, "fashion-mnist": 100}


@dataclass(frozen=True, eq=False)
class Pictures:
    """A set of pictures, its training samples in random order.

    Attributes:
        x, y, x_test, y_test: samples (n, n_inputs) uint8 and labels.
        spec: the input, centred.
        rng: what later draws come from.
        divisor: all lengths are divided by it, except for digits.
    """

    name: str
    x: Samples
    y: Labels
    x_test: Samples
    y_test: Labels
    spec: InputSpec
    rng: np.random.Generator
    divisor: int

    def length(self, n_samples: int) -> int:
        """A number of samples at this scale."""
        return n_samples // self.divisor

    @property
    def test(self) -> HeldOut:
        """The test set as the one part that is held out."""
        return HeldOut("test set", self.x_test, self.y_test)


@lru_cache(maxsize=2)
def _load(name: str) -> data.DataSet:
    """One problem after another asks for the same set."""
    return data.load(name)


def pictures(name: str, seed: int, divisor: int, centred: bool = True) -> Pictures:
    """A set by name.

    Raises:
        InputError: it is not on this machine.
    """
    sets, rng = _load(name), np.random.default_rng(seed)
    divisor = 1 if name == "digits" else divisor
    order = rng.permutation(len(sets.train))
    test = np.arange(len(sets.test))[: max(2000, len(sets.test) // divisor)]
    zero = ZERO_POINT[name] if centred else sets.zero_point
    return Pictures(
        name, flat(sets.train.x)[order], labels(sets.train.y[order]), flat(sets.test.x)[test],
        labels(sets.test.y[test]), InputSpec("uint8", (sets.n_inputs,), sets.scale, zero),
        rng, divisor,
    )  # fmt: skip


# ---- one distribution ------------------------------------------------------------------------


def stationary(
    seed: int, divisor: int, *, name: str, home: int = 0, stream: int = 12_000, passes: int = 1,
    wrong: float = 0.0, centred: bool = True,
) -> Problem:  # fmt: skip
    """More and more samples of one set.

    Args:
        name: of the set.
        home: samples that the exported network was trained on; 0 for a network of random weights.
        stream: samples that follow, each shown once.
        passes: over those samples, in another order each time.
        wrong: share of the stream's labels that are another class.
        centred: whether the input's zero point is its mean.
    """
    s = pictures(name, seed, divisor, centred)
    n_home, n_stream = s.length(home), s.length(stream)
    x, y = s.x[n_home : n_home + n_stream], s.y[n_home : n_home + n_stream]
    told = mislabelled(y, wrong, 10, s.rng)
    order = np.concatenate([s.rng.permutation(len(y)) for _ in range(passes)])
    at_home = Home(s.x[:n_home], s.y[:n_home], (s.test.name,), EPOCHS[name], BATCH[name])
    return Problem(
        "", seed, s.spec, 10, x[:N_START], at_home if n_home else None,
        more_of_the_same(x[order], told[order], max(5, passes), s.test.name), (s.test,),
    )  # fmt: skip


def mislabelled(y: Labels, share: float, n_classes: int, rng: np.random.Generator) -> Labels:
    """Labels of which a share is another class, each with the same chance."""
    wrong = rng.choice(len(y), round(share * len(y)), replace=False)
    told = y.copy()
    told[wrong] = (told[wrong] + rng.integers(1, n_classes, len(wrong))) % n_classes
    return told


# ---- one thing after another -----------------------------------------------------------------


def permuted(
    seed: int, divisor: int, *, name: str = "mnist", tasks: int = 5, samples: int = 12_000
) -> Problem:
    """A set with its pixels in another order in each task, one normalisation bank for all."""
    s = pictures(name, seed, divisor)
    n = s.length(samples)
    phases, parts = [], []
    for task in range(tasks):
        pixels = s.rng.permutation(s.spec.n_inputs)
        mine = s.rng.permutation(len(s.y))[:n]
        part = f"permutation {task + 1}"
        phases.append(Phase(part, s.x[mine][:, pixels], s.y[mine], (part,)))
        parts.append(HeldOut(part, s.x_test[:, pixels], s.y_test))
    start = phases[0].x[:N_START]
    return Problem("", seed, s.spec, 10, start, None, tuple(phases), tuple(parts))


def one_set_then_another(seed: int, divisor: int, *, samples: int = 12_000) -> Problem:
    """MNIST, then Fashion-MNIST under the same ten labels: 784-256-256-10, one bank."""
    first, second = (pictures(name, seed, divisor) for name in ("mnist", "fashion-mnist"))
    n = first.length(samples)
    phases = (
        Phase(first.name, first.x[:n], first.y[:n], (first.name,)),
        *more_of_the_same(second.x[:n], second.y[:n], 3, second.name),
    )
    parts = tuple(replace(s.test, name=s.name) for s in (first, second))
    start = first.x[:N_START]
    return Problem("", seed, first.spec, 10, start, None, phases, parts, hidden=(256, 256))


def new_classes(
    seed: int, divisor: int, *, name: str = "mnist", one_by_one: bool, each: int = 1000
) -> Problem:
    """0 to 4 at home, then 5 to 9: one class after the other, or all in random order."""
    s = pictures(name, seed, divisor)
    n = s.length(each)
    old = np.flatnonzero(s.y < 5)[: s.length(30_000)]
    home = Home(s.x[old], s.y[old], ("0 to 4",), EPOCHS[name], BATCH[name])
    parts = [HeldOut("0 to 4", s.x_test[s.y_test < 5], s.y_test[s.y_test < 5])]
    new = [np.flatnonzero(s.y == c)[:n] for c in range(5, 10)]
    for c in range(5, 10):
        parts.append(HeldOut(f"{c}", s.x_test[s.y_test == c], s.y_test[s.y_test == c]))
    if one_by_one:
        phases = [Phase(f"{c}", s.x[new[c - 5]], s.y[new[c - 5]], (f"{c}",)) for c in range(5, 10)]
    else:
        mixed = s.rng.permutation(np.concatenate(new))
        phases = [Phase("5 to 9", s.x[mixed], s.y[mixed], tuple(f"{c}" for c in range(5, 10)))]
    return Problem("", seed, s.spec, 10, s.x[old[:N_START]], home, tuple(phases), tuple(parts))


# ---- a long stretch of one label -------------------------------------------------------------


def one_label(seed: int, divisor: int, *, exported: bool, stretch: int = 20_000) -> Problem:
    """Digits, then one digit for a long time, all labels right, then 500 samples of all."""
    s = pictures("digits", seed, divisor)
    everything = (s.test.name,)
    label = int(s.rng.integers(10))
    same = s.rng.choice(np.flatnonzero(s.y == label), stretch // divisor)
    mix = s.rng.permutation(len(s.y))[:500]
    order = np.concatenate([s.rng.permutation(len(s.y)) for _ in range(5)])
    learnt = () if exported else (Phase("all digits", s.x[order], s.y[order], everything),)
    phases = (
        *learnt,
        Phase(f"only {label}", s.x[same], s.y[same], ()),
        Phase("all digits again", s.x[mix], s.y[mix], ()),
    )
    home = Home(s.x, s.y, everything, EPOCHS["digits"], BATCH["digits"]) if exported else None
    return Problem("", seed, s.spec, 10, s.x[:N_START], home, phases, (s.test,), allowed=2.0)
