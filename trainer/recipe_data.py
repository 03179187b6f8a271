"""[data] of a recipe: the set and the stream made from it."""

from __future__ import annotations

from dataclasses import dataclass

from metabit.trainer.data import names
from metabit.trainer.tables import refuse, require, require_choice, require_seed, toml_value

STREAMS = ("permuted", "parts", "single", "subjects", "classes")
SCENARIOS = ("class", "domain", "task")

_STREAMS_OF_KEY = {
    "n_tasks": ("permuted", "subjects", "classes"),
    "n_parts": ("parts",),
    "groups": ("subjects", "classes"),
    "scenario": ("permuted", "subjects", "classes"),
}


@dataclass(frozen=True)
class DataRecipe:
    """[data]: the set and the stream made from it.

    Attributes:
        name: digits, hapt, mnist or fashion-mnist.
        stream: permuted, parts, single, subjects or classes (see `metabit.trainer.streams`).
        n_tasks: number of permutations, or of groups of subjects or classes.
        n_parts: number of parts.
        groups: the groups of subjects or classes, in place of n_tasks; "activities" are hapt's
            three kinds of activity, static, dynamic and transitions.
        scenario: what labels mean: "class" for labels that differ from task to task, "domain" for
            the same labels in all tasks, "task" for labels that are compared only with those of
            their own task. If not given, "class" for classes and "domain" for all others.
        subjects: train on these persons only (hapt).
        classes: train and test on these classes only; the network keeps an output for every one.
        seed: of permutations, shuffles and limits.
        train_samples, test_samples: use only so many, drawn once; all if not given.
        validation: this share of the training samples, or of the persons, is left out of training
            and tested on, in place of the test samples: for tuning.
    """

    name: str
    stream: str
    n_tasks: int | None = None
    n_parts: int | None = None
    groups: tuple[tuple[int, ...], ...] | str | None = None
    scenario: str | None = None
    subjects: tuple[int, ...] | None = None
    classes: tuple[int, ...] | None = None
    seed: int = 0
    train_samples: int | None = None
    test_samples: int | None = None
    validation: float | None = None

    def __post_init__(self) -> None:
        require_choice("[data] name", self.name, names())
        require_choice("[data] stream", self.stream, STREAMS)
        require_seed("[data] seed", self.seed)
        self._require_ranges()
        for key, streams in _STREAMS_OF_KEY.items():
            value = getattr(self, key)
            if value is not None:
                belongs = f"belongs to stream = {' or '.join(map(toml_value, streams))}"
                require(self.stream in streams, f"[data] {key}", value, belongs)
        self._require_counts()
        self._require_sense()

    def _require_ranges(self) -> None:
        for key, least in (
            ("n_tasks", 1),
            ("n_parts", 1),
            ("train_samples", 2),
            ("test_samples", 1),
        ):
            value = getattr(self, key)
            if value is not None:
                require(value >= least, f"[data] {key}", value, f"must be {least} or more")
        if self.scenario is not None:
            require_choice("[data] scenario", self.scenario, SCENARIOS)
        if self.validation is not None:
            inside = 0 < self.validation < 1
            require(inside, "[data] validation", self.validation, "must be between 0 and 1")

    def _require_counts(self) -> None:
        if self.stream == "permuted" and self.n_tasks is None:
            raise refuse('[data] n_tasks is missing: stream = "permuted" needs it')
        if self.stream == "parts" and self.n_parts is None:
            raise refuse('[data] n_parts is missing: stream = "parts" needs it')
        if self.stream in ("subjects", "classes") and (self.n_tasks is None) == (
            self.groups is None
        ):
            raise refuse(f'[data] stream = "{self.stream}" needs either n_tasks or groups')

    def _require_sense(self) -> None:
        """Refuse keys that are fine alone and senseless together."""
        if isinstance(self.groups, str):
            require_choice("[data] groups", self.groups, ("activities",))
            known = self.stream == "classes"
            require(known, "[data] groups", self.groups, 'belongs to stream = "classes"')
        if self.stream == "subjects" and self.scenario is not None:
            rule = (
                "all groups of subjects are tested on the same persons, so a label cannot say "
                'which group a sample is of: use scenario = "domain"'
            )
            require(self.scenario == "domain", "[data] scenario", self.scenario, rule)
