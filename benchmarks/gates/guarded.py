"""A gate whose network brings probes: what a guard is judged by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.gates.home import exported
from benchmarks.gates.problem import Labels, Problem, Samples
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.guard import Guard
from metabit.edge_runtime.layers_that_learn import Learn
from metabit.export.container import dumps, loads
from metabit.export.probes import N_DEFAULT, probe_inputs, with_probes


class GuardedStream:
    """A network with a head, probes from held-out data of what it knows, and a stream.

    Half of the held-out samples are what probes are drawn from; the other half says how the network
    is.

    Args:
        problem: with a home.
    """

    def __init__(self, problem: Problem) -> None:
        assert problem.home is not None
        self.problem = problem
        known = [part for part in problem.held_out if part.name in problem.home.teaches]
        x, y = np.concatenate([p.x for p in known]), np.concatenate([p.y for p in known])
        order = np.random.default_rng(problem.seed).permutation(len(y))
        ours, theirs = np.array_split(order, 2)
        model = with_probes(exported(problem), x[ours], y[ours], min(N_DEFAULT, len(ours)))
        self.file, self.x, self.y = dumps(model), x[theirs], y[theirs]

    def engine(self, learn: Learn = "auto") -> Engine:
        """A new engine, as it left home."""
        return Engine(self.file, learn=learn, seed=self.problem.seed)

    def guard(self, engine: Engine) -> Guard:
        """A guard of it, with the probes of the file."""
        model = loads(self.file)
        assert model.probes is not None
        return Guard(engine, probe_inputs(model.probes, model.input), model.probes.labels)

    def everything(self) -> tuple[Samples, Labels]:
        """The stream in one piece."""
        phases = self.problem.phases
        return np.concatenate([p.x for p in phases]), np.concatenate([p.y for p in phases])

    def teach(self, learner: Engine | Guard, change: Callable[[Labels], Labels]) -> None:
        """The stream, with labels changed so."""
        for phase in self.problem.phases:
            learner.learn(phase.x, change(phase.y))
