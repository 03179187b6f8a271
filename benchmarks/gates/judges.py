"""What is judged: anything that predicts, and learns one sample after the other."""

from __future__ import annotations

from typing import Protocol

from benchmarks.gates.problem import Labels, Problem, Samples
from metabit.edge_runtime.engine import Engine
from metabit.export.container import dumps
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
