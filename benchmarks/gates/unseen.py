"""Problems to remember that no constant of a learner was chosen on, each in an order that is hard.

A network is exported from half of the data and taught the other half; a third of all is held out.
Problems whose stream shows something else than home did (other groups, another sensor) hold out
some of that too. Half of what is held out of the old becomes probes, as test samples of a run do.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.gates import orders
from benchmarks.gates.problem import HeldOut, Home, Labels, Phase, Problem, Samples, labels
from benchmarks.gates.streams import STEPS_PER_DEVIATION, insects_table
from metabit.export.spec import InputSpec
from metabit.trainer import data

Floats = NDArray[np.float64]
Rows = tuple[Floats, Labels]
Order = Callable[[Labels, np.random.Generator], orders.Order]

#: Home trains for about so many samples, in batches of 25.
_SHOWN, _BATCH = 40_000, 25


def table(rows: Rows, order: Order, seed: int, *, wrong: float = 0.0) -> Problem:
    """A table of numbers: a third is held out, and half of the rest is home."""
    rng, (x, y) = np.random.default_rng(seed), rows
    test, home, stream = np.split(rng.permutation(len(y)), [len(y) // 3, 2 * len(y) // 3])
    seen = _steps(x, x[home])
    shown = stream[order(y[stream], rng)]
    told = orders.wrong(y[shown], int(y.max()) + 1, rng, wrong) if wrong else y[shown]
    return _problem(
        seed, (seen[home], y[home]), [Phase("stream", seen[shown], told, ("table",))],
        [HeldOut("table", seen[test], y[test])],
    )  # fmt: skip


def two_parts(old: Rows, new: Rows, order: Order, seed: int) -> Problem:
    """Home has two thirds of one part and the stream two thirds of the other; the rest is asked."""
    rng = np.random.default_rng(seed)
    test, home = np.split(rng.permutation(len(old[1])), [len(old[1]) // 3])
    test_new, stream = np.split(rng.permutation(len(new[1])), [len(new[1]) // 3])
    stream = np.sort(stream)
    x, x_new = _steps(old[0], old[0][home]), _steps(new[0], old[0][home])
    shown = stream[order(new[1][stream], rng)]
    return _problem(
        seed, (x[home], old[1][home]), [Phase("stream", x_new[shown], new[1][shown], ("new",))],
        [HeldOut("old", x[test], old[1][test]), HeldOut("new", x_new[test_new], new[1][test_new])],
    )  # fmt: skip


def _steps(x: Floats, home: Floats) -> Samples:
    """Numbers as 8 bits, scaled by what home has seen."""
    deviation = home.std(axis=0)
    scaled = (x - home.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    steps: Samples = np.clip(np.round(STEPS_PER_DEVIATION * scaled), -127, 127).astype(np.int8)
    return steps


def _problem(
    seed: int, home: tuple[Samples, Labels], phases: list[Phase], parts: list[HeldOut]
) -> Problem:
    x, y = home
    n_classes = 1 + max(int(part.max()) for part in (y, *(p.y for p in parts + phases)))
    old, *others = parts
    probes = HeldOut("probes", old.x[::2], old.y[::2])
    asked = (HeldOut(old.name, old.x[1::2], old.y[1::2]), *others)
    epochs = max(2, _SHOWN // len(y))
    spec = InputSpec("int8", (x.shape[1],), 1 / STEPS_PER_DEVIATION, 0)
    taught = Home(x, y, (old.name,), epochs, _BATCH)
    return Problem(
        "", seed, spec, n_classes, x[:200], taught, tuple(phases), asked, probes=probes
    )  # fmt: skip


# ---- what they are made of -------------------------------------------------------------------


def bundled(name: str) -> Rows:
    """A set that comes with scikit-learn: "wine", "breast_cancer" or "digits"."""
    datasets = importlib.import_module("sklearn.datasets")
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return x.astype(np.float64), labels(y)


def clusters(seed: int, n: int, k: int, d: int, apart: float, shares: Floats | None = None) -> Rows:
    """Classes of three Gaussian clusters each, whose centres lie so many deviations apart."""
    rng = np.random.default_rng([seed, k, d])
    y = rng.choice(k, n, p=shares)
    centres = rng.normal(0, apart / np.sqrt(2 * d), (k, 3, d))
    return centres[y, rng.integers(0, 3, n)] + rng.normal(0, 1, (n, d)), labels(y)


def in_odd_units(rows: Rows, seed: int) -> Rows:
    """Values of which half are exponentials, in units from a thousandth to a million."""
    rng, (x, y) = np.random.default_rng(seed), rows
    odd = np.where(np.arange(x.shape[1]) % 2 == 0, x, np.exp(x))
    return odd * 10.0 ** rng.integers(-3, 7, x.shape[1]), y


def _shifted_groups(seed: int, _: int) -> Problem:
    """Six groups, whose values lie elsewhere: three at home, three one after the other."""
    rng, (x, y) = np.random.default_rng(seed), clusters(seed, 6000, 6, 20, 8.0)
    group = np.arange(len(y)) * 6 // len(y)
    x += rng.normal(0, 0.7, (6, 20))[group]
    old = group < 3
    return two_parts((x[old], y[old]), (x[~old], y[~old]), _as_they_come, seed)


def _other_sensor(seed: int, _: int) -> Problem:
    """Four values of a sensor that later has half the gain more, and an offset."""
    x, y = clusters(seed, 4500, 3, 4, 6.0)
    later = 1.5 * x[2000:] + 0.7
    return two_parts((x[:2000], y[:2000]), (later, y[2000:]), _as_they_come, seed)


def _halves_of_time(seed: int, _: int) -> Problem:
    """INSECTS: the warm half after the cool one, and the cool one is asked."""
    x, y = insects_table()
    half = len(y) // 2
    return two_parts((x[:half], y[:half]), (x[half:], y[half:]), _as_they_come, seed)


def _speakers(seed: int, _: int) -> Problem:
    """Spoken digits: three speakers at home, three one after the other; spectra of 28 x 28."""
    known = data.load("spoken-digits").train
    x, y = known.x.reshape(len(known.y), -1).astype(np.float64), labels(known.y)
    # Files come digit by digit, and within a digit speaker by speaker.
    speaker = np.arange(len(y)) % 270 // 45
    order = np.argsort(speaker, kind="stable")
    x, y, old = x[order], y[order], speaker[order] < 3
    return two_parts((x[old], y[old]), (x[~old], y[~old]), _as_they_come, seed)


def _colours(seed: int, divisor: int) -> Problem:
    """Grey pictures of CIFAR-10, one class after the other."""
    known = data.load("cifar-10-grey").train
    n = 9000 // divisor
    x = known.x[:n].reshape(n, -1).astype(np.float64)
    problem = table((x, labels(known.y[:n])), orders.by_class, seed)
    assert problem.home is not None
    return replace(problem, home=replace(problem.home, epochs=5))


def _as_they_come(y: Labels, rng: np.random.Generator) -> orders.Order:
    return np.arange(len(y))


def _of(make: Callable[[int], Rows], order: Order, wrong: float = 0.0) -> Builder:
    return lambda seed, divisor: table(make(seed), order, seed, wrong=wrong)


#: From a seed and a divisor of lengths to a problem, as for the gates.
Builder = Callable[[int, int], Problem]

_shuffled: Order = partial(orders.in_a_row, times=1)
_rare = np.array([0.02, *[0.245] * 4])

PROBLEMS: dict[str, Builder] = {
    "wine, by class": _of(lambda seed: bundled("wine"), orders.by_class),
    "breast cancer, 20 % wrong labels": _of(lambda seed: bundled("breast_cancer"), _shuffled, 0.2),
    "breast cancer, one label first": _of(
        lambda seed: bundled("breast_cancer"), orders.one_label_first
    ),
    "written digits, a class vanishes": _of(lambda seed: bundled("digits"), orders.without_a_class),
    "spoken digits, other speakers": _speakers,
    "grey CIFAR-10, by class": _colours,
    "INSECTS, the warm half": _halves_of_time,
    "clusters, other groups": _shifted_groups,
    "four values, another gain and offset": _other_sensor,
    "thirty classes, by class": _of(lambda s: clusters(s, 9000, 30, 40, 10.0), orders.by_class),
    "one in fifty vanishes": _of(
        lambda s: clusters(s, 6000, 5, 16, 4.0, _rare), orders.without_a_class
    ),
    "300 values, each five times": _of(lambda s: clusters(s, 3000, 2, 300, 6.0), orders.in_a_row),
    "odd units, by class": _of(
        lambda s: in_odd_units(clusters(s, 4500, 4, 12, 4.0), s), orders.by_class
    ),
    "odd units, 20 % wrong labels": _of(
        lambda s: in_odd_units(clusters(s, 4500, 4, 12, 4.0), s), _shuffled, 0.2
    ),
}
