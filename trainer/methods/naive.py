"""Plain training, one task after the other: the lower bound that methods are compared with.

    step = the step of the optimizer

Bytes: none. Works with every network.
"""

from __future__ import annotations

from metabit.trainer.methods.base import Method
from metabit.trainer.recipe.registry import register


@register
class Naive(Method):
    """Plain training needs no hook."""

    name = "naive"

    @property
    def can_repeat(self) -> bool:
        """Its steps are alike."""
        return True
