"""What the demo finds out, for its JSON and its pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

RAM_BUDGET = "64 KiB"


@dataclass
class LearningCurve:
    """What one engine knew as the stream went on.

    Attributes:
        name: what learns, for people.
        m: metaplasticity at the end of the range; 0 is plain learning, None is the counting head.
        subjects: the people it has met, in order; the first entry, 0, is before the stream.
        old: accuracy on the six activities of people never trained on, after each.
        new: accuracy on the postural transitions of the same people.
        all: accuracy on both together.
        stream: share of right predictions on each person's samples, each before it was learnt.
    """

    name: str
    m: float | None
    subjects: list[int] = field(default_factory=lambda: [0])
    old: list[float] = field(default_factory=list)
    new: list[float] = field(default_factory=list)
    all: list[float] = field(default_factory=list)
    stream: list[float] = field(default_factory=list)
    prequential: float = 0.0
    plasticity_left: float = 1.0
    step_us: float = 0.0


@dataclass
class Story:
    """Everything the demo found out, for the JSON and the plots."""

    seed: int
    n_old: int = 0
    n_new: int = 0
    sizes: dict[str, int] = field(default_factory=dict)
    n_weights: int = 0
    ram_budget: str = RAM_BUDGET
    ram_parts: dict[str, int] = field(default_factory=dict)
    arena_bytes: int = 0
    before: dict[str, float] = field(default_factory=dict)
    curves: list[LearningCurve] = field(default_factory=list)
    permuted: dict[str, list[float]] = field(default_factory=dict)
    profiles: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
