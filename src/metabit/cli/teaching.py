"""Teaches an engine, and keeps what it has learnt: after every so many samples, and at the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metabit.cli.class_names import ClassNames
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.guard import Guard


class Teaching:
    """An engine that is taught, and where that is kept.

    Args:
        engine: it learns.
        guard: asks its probes; None for none.
        classes: names of new classes, which are kept too.
        state: folder in which all is kept; None for nowhere.
        every: samples after which it is kept, and the guard asked first, in whole batches; None
            for the end only.
    """

    def __init__(
        self, engine: Engine, guard: Guard | None, classes: ClassNames, state: Path | None,
        every: int | None,
    ) -> None:  # fmt: skip
        self.engine, self.guard, self.classes, self.state = engine, guard, classes, state
        batch = engine.plan.batch
        self._every = None if every is None else max(batch, every // batch * batch)
        self._since = 0

    def learn(self, x: NDArray[np.generic], y: NDArray[np.integer]) -> NDArray[np.int64]:
        """As `Engine.learn`; what was learnt is kept wherever it is time."""
        learner, said, start = self.guard or self.engine, [], 0
        while start < len(y):
            left = None if self._every is None else self._every - self._since
            part = slice(start, None if left is None else start + left)
            said.append(learner.learn(x[part], y[part]))
            start, self._since = start + len(said[-1]), self._since + len(said[-1])
            if self._since == self._every:
                self.keep()
        return np.concatenate(said) if said else np.zeros(0, np.int64)

    def keep(self) -> None:
        """Keep what was learnt since the last time, as the guard leaves it."""
        if self._since == 0:
            return
        self._since = 0
        if self.guard is not None:
            self.guard.finish()
        if self.state is not None:
            # Names first: after a power cut a name of a class that was not learnt does no harm, and
            # a class without its name could be given another one.
            self.classes.save(self.state)
            self.engine.commit()
