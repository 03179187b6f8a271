"""A guard: what an engine learns is confirmed by samples that it never learns from, or reverted.

Wrong labels, a broken sensor or a bad rule can ruin what a network knows within some hundred
samples. The guard asks its probes after every 500. Where clearly fewer are right than before, or
clearly more were lost than gained since the first answers, the last confirmed state comes back;
otherwise the state is confirmed, and what is expected follows it slowly.

A probe is right if its class has the largest score among the classes of all probes. Classes that
the device learns besides are left out: it must tell them from the old ones too, which costs some of
those and is no harm.

A C program does the same with mb_state_save(), mb_predict() and mb_state_load().
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.inputs import check_labels, check_samples
from metabit.errors import InputError

EVERY = 500
FOLLOWS = 0.25
"""Share of the way that what is expected goes to what was found."""
DEVIATIONS, LEAST_VARIANCE = 2.5, 0.02
"""A fall by more than so many deviations of a count of hits is no accident."""
MOST_LOST = 0.1
"""Share of the probes that many small falls may cost together."""
PAIRED_DEVIATIONS = 3.0
"""Of what many small falls may cost together. Most probes answer as they did at first, so the few
others say far more than a count of hits: by chance as many are lost as gained (McNemar 1947)."""


@dataclass(frozen=True)
class Check:
    """One look at the probes.

    Attributes:
        n_samples: samples that the guard had seen by then.
        hits: probes that were right among the classes of all probes.
        expected: how many the guard expected.
        reverted: whether the last confirmed state came back.
    """

    n_samples: int
    hits: int
    expected: float
    reverted: bool


def least_hits(expected: float, n: int) -> float:
    """Hits below which a fall is no accident; docs/LEARNING.md, "The guard".

    Args:
        expected: hits that are expected.
        n: probes.
    """
    share = expected / n
    return expected - DEVIATIONS * math.sqrt(n * max(share * (1 - share), LEAST_VARIANCE))


class Guard:
    """Teaches an engine, and takes back what harms.

    Args:
        engine: it learns.
        x: probes, shape (n, n_inputs), as for `Engine.predict`; never learn from them.
        y: their labels, shape (n,).
        every: samples between two checks; whole batches of the engine.

    Raises:
        InputError: no probes (E-PROBES), or see `Engine.predict`.
    """

    def __init__(self, engine: Engine, x: ArrayLike, y: ArrayLike, every: int = EVERY) -> None:
        self._engine = engine
        self._x = check_samples(x, engine.input, "the probes")
        self._y = check_labels(y, len(self._x), engine.n_outputs, "the probes")
        if len(self._y) == 0 or every < 1:
            raise InputError(
                f"a guard needs probes, and samples between two checks; these are {len(self._y)} "
                f"and {every}",
                code="E-PROBES",
            )
        batch = engine.plan.batch
        self._every = max(batch, every // batch * batch)
        self._since = 0
        self._n_samples = 0
        self._confirmed = engine.save_state()
        self._classes = np.unique(self._y)
        self._first = self._right()
        self.expected = self._highest = float(self._first.sum())
        self.checks: list[Check] = []

    @property
    def n_probes(self) -> int:
        """How many probes there are."""
        return len(self._y)

    @property
    def n_reverted(self) -> int:
        """How many checks took back what had been learnt since the check before."""
        return sum(check.reverted for check in self.checks)

    def hits(self) -> int:
        """Probes that are right now, among the classes of all probes."""
        return int(self._right().sum())

    def _right(self) -> NDArray[np.bool_]:
        """Which of the probes are right, shape (n,)."""
        scores = self._engine.scores(self._x)[:, self._classes]
        right: NDArray[np.bool_] = self._classes[scores.argmax(axis=1)] == self._y
        return right

    def learn(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.int64]:
        """As `Engine.learn`, with a check after every so many samples.

        Returns:
            what was predicted before a sample, or its batch, was learnt, shape (n,), int64.
        """
        samples = check_samples(x, self._engine.input, "the samples")
        labels = check_labels(y, len(samples), self._engine.n_outputs, "the samples")
        predicted, start = [], 0
        while start < len(labels):
            part = slice(start, start + self._every - self._since)
            predicted.append(self._engine.learn(samples[part], labels[part]))
            n = len(predicted[-1])
            start, self._since, self._n_samples = start + n, self._since + n, self._n_samples + n
            if self._since == self._every:
                self.check()
        return np.concatenate(predicted) if predicted else np.zeros(0, np.int64)

    def finish(self) -> bool:
        """`check`, unless nothing was learnt since the last; at the end of a stream.

        Returns:
            whether everything that was learnt is confirmed.
        """
        return self.check() if self._since else True

    def check(self) -> bool:
        """Confirm what was learnt since the last check, or take it back.

        Returns:
            whether it was confirmed.
        """
        right = self._right()
        hits = int(right.sum())
        lost, gained = int((self._first & ~right).sum()), int((right & ~self._first).sum())
        at_once = hits < least_hits(self.expected, self.n_probes)
        bit_by_bit = lost - gained > PAIRED_DEVIATIONS * math.sqrt(lost + gained)
        too_many = hits < self._highest - MOST_LOST * self.n_probes
        reverted = at_once or bit_by_bit or too_many
        self.checks.append(Check(self._n_samples, hits, self.expected, reverted))
        if reverted:
            self._engine.load_state(self._confirmed)
        else:
            self._confirmed = self._engine.save_state()
            self.expected += FOLLOWS * (hits - self.expected)
            self._highest = max(self._highest, self.expected)
        self._since = 0
        return not reverted
