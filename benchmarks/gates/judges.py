"""What is judged: anything that predicts, and learns one sample after the other."""

from __future__ import annotations

from typing import Protocol

from benchmarks.gates.problem import Labels, Problem, Samples
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.guard import Guard
from metabit.export.container import dumps
from metabit.export.probes import probe_inputs, with_probes
from metabit.export.untrained import untrained


class Learner(Protocol):
    """A learner that has been at home already, if the problem has one."""

    def learn(self, x: Samples, y: Labels) -> Labels:
        """Learn samples one after the other.

        Returns:
            what was predicted of each before it was learnt, shape (n,).
        """
        ...

    def predict(self, x: Samples) -> Labels:
        """Labels of samples, shape (n,)."""
        ...


class Guarded:
    """A device whose file carries probes, as `metabit learn` guards it by default.

    Args:
        problem: with a home and probes.
    """

    def __init__(self, problem: Problem) -> None:
        from benchmarks.gates.home import exported  # PyTorch, which the rivals do without

        assert problem.probes is not None
        model = with_probes(exported(problem), problem.probes.x, problem.probes.y)
        self._engine = Engine(dumps(model), learn="auto", seed=problem.seed + 1)
        self._guard = None
        if model.probes is not None:
            inputs = probe_inputs(model.probes, model.input)
            self._guard = Guard(self._engine, inputs, model.probes.labels)

    def learn(self, x: Samples, y: Labels) -> Labels:
        """See `Learner`; too few probes guard nothing."""
        if self._guard is None:
            return self._engine.learn(x, y)
        said = self._guard.learn(x, y)
        self._guard.finish()
        return said

    def predict(self, x: Samples) -> Labels:
        """See `Learner`."""
        return self._engine.predict(x)


def device(problem: Problem, contexts: int | None = None) -> Engine:
    """The learner of this project, with nothing set: what `metabit learn` does.

    This is the one place to change when what a user gets without asking changes. `contexts` is an
    option of `Engine`; None is what a user gets.
    """
    if problem.home is None:
        widths = (*problem.hidden, problem.n_classes)
        model = untrained(problem.spec, widths, problem.start, seed=problem.seed)
    else:
        from benchmarks.gates.home import exported  # PyTorch, which the rivals do without

        model = exported(problem)
    return Engine(
        dumps(model), learn="auto", goal=problem.goal, seed=problem.seed + 1, contexts=contexts
    )
