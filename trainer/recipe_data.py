"""[data] of a recipe: the set and the stream made from it."""

from __future__ import annotations

from dataclasses import dataclass

from metabit.trainer.data import names
from metabit.trainer.tables import refuse, require, require_choice, require_seed, toml_value

STREAMS = ("permuted", "parts", "single", "subjects", "classes")

_SINGLE_STREAM_KEYS = {
    "n_tasks": ("permuted", "subjects", "classes"),
    "n_parts": ("parts",),
    "groups": ("subjects", "classes"),
}


@dataclass(frozen=True)
class DataRecipe:
    """[data]: the set and the stream made from it.

    Attributes:
        name: digits, hapt, mnist or fashion-mnist.
        stream: permuted, parts, single, subjects or classes (see `metabit.trainer.streams`).
        n_tasks: number of permutations, or of groups of subjects or classes.
        n_parts: number of parts.
        groups: the groups of subjects or classes, in place of n_tasks.
        subjects: train on these persons only (hapt).
        classes: train and test on these classes only; the network keeps an output for every one.
        seed: of permutations, shuffles and limits.
        train_samples, test_samples: use only so many, drawn once; all if not given.
    """

    name: str
    stream: str
    n_tasks: int | None = None
    n_parts: int | None = None
    groups: tuple[tuple[int, ...], ...] | None = None
    subjects: tuple[int, ...] | None = None
    classes: tuple[int, ...] | None = None
    seed: int = 0
    train_samples: int | None = None
    test_samples: int | None = None

    def __post_init__(self) -> None:
        require_choice("[data] name", self.name, names())
        require_choice("[data] stream", self.stream, STREAMS)
        require_seed("[data] seed", self.seed)
        for key, least in (
            ("n_tasks", 1),
            ("n_parts", 1),
            ("train_samples", 2),
            ("test_samples", 1),
        ):
            value = getattr(self, key)
            if value is not None:
                require(value >= least, f"[data] {key}", value, f"must be {least} or more")
        for key, streams in _SINGLE_STREAM_KEYS.items():
            value = getattr(self, key)
            if value is not None:
                belongs = f"belongs to stream = {' or '.join(map(toml_value, streams))}"
                require(self.stream in streams, f"[data] {key}", value, belongs)
        self._require_counts()

    def _require_counts(self) -> None:
        if self.stream == "permuted" and self.n_tasks is None:
            raise refuse('[data] n_tasks is missing: stream = "permuted" needs it')
        if self.stream == "parts" and self.n_parts is None:
            raise refuse('[data] n_parts is missing: stream = "parts" needs it')
        if self.stream in ("subjects", "classes") and (self.n_tasks is None) == (
            self.groups is None
        ):
            raise refuse(f'[data] stream = "{self.stream}" needs either n_tasks or groups')
