"""How much a generator grows: as much as a task has reserved, so that the next task has room.

Reference:
    Ostapenko et al. 2019, "Learning to remember", section "Dynamic network expansion".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from metabit.trainer.generative.plan import GeneratorPlan


def grown_by_units(widths: Sequence[int], newly_reserved: Sequence[int]) -> tuple[int, ...]:
    """The widths when each hidden layer grows by the number of units newly reserved in it."""
    return tuple(width + new for width, new in zip(widths, newly_reserved, strict=True))


def grown_by_weights(
    plan: GeneratorPlan, widths: Sequence[int], reserved: Sequence[int], wanted: Sequence[int]
) -> tuple[int, ...]:
    """The smallest widths of hidden layers that leave enough weights free.

    Args:
        plan: the layers; numbers of inputs and outputs do not grow.
        widths: present widths of the hidden layers; none of them shrinks.
        reserved: number of weights that tasks use, for each hidden layer and the output layer.
        wanted: number of weights that shall be free, in the same order.
    """
    *needed, last = [taken + free for taken, free in zip(reserved, wanted, strict=True)]
    *layers, last_layer = plan.layers
    grown: list[int] = []
    before = plan.n_inputs
    for width, weights, layer in zip(widths, needed, layers, strict=True):
        before = max(width, math.ceil(weights / (before * layer.size)))
        grown.append(before)
    grown[-1] = max(grown[-1], math.ceil(last / (plan.n_outputs * last_layer.size)))
    return tuple(grown)
