"""Plain training, one task after the other: the lower line that every method is compared with.

    step = the optimizer's

Bytes: none. Works with every network.
"""

from __future__ import annotations

from metabit.trainer.methods.base import Method
from metabit.trainer.recipe.registry import register


@register
class Naive(Method):
    """Plain training needs no hook."""

    name = "naive"
