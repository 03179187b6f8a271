"""[data] of a recipe: the data set, and the stream of tasks that is made from it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import PurePath

from metabit.trainer.data import names
from metabit.trainer.data.own.what import MISSING, SPLITS, OwnData
from metabit.trainer.recipe.tables import refuse, require, require_choice, require_seed, toml_value

STREAMS = ("permuted", "rotated", "axes", "parts", "single", "subjects", "classes", "sets")
SCENARIOS = ("class", "domain", "task")

_WITH_TASKS = ("permuted", "rotated", "axes", "subjects", "classes", "sets")
_STREAMS_OF_KEY = {
    "n_tasks": ("permuted", "rotated", "axes", "subjects", "classes"),
    "n_parts": ("parts",),
    "groups": ("subjects", "classes"),
    "max_angle": ("rotated",),
    "angles": ("rotated",),
    "then": ("sets",),
    "scenario": _WITH_TASKS,
    "blur": _WITH_TASKS,
}
_BELOW = {"validation": 1, "test": 1, "label_noise": 1, "blur": 0.5, "max_angle": 360}

_TASKS_FROM = {
    "permuted": ("n_tasks",),
    "axes": ("n_tasks",),
    "parts": ("n_parts",),
    "rotated": ("n_tasks", "angles"),
    "subjects": ("n_tasks", "groups"),
    "classes": ("n_tasks", "groups"),
    "sets": ("then",),
}


@dataclass(frozen=True)
class DataRecipe:
    """[data]: the data set, and the stream of tasks that is made from it.

    Attributes:
        name: of a set that `metabit data` lists; or a path says where data of one's own lies.
        stream: permuted, rotated, axes, parts, single, subjects, classes or sets (see
            `metabit.trainer.streams`).
        n_tasks: number of permutations, rotations, orientations, or groups.
        n_parts: number of parts.
        groups: the groups of subjects or classes, in place of n_tasks; "activities" are the three
            kinds of activity in hapt: static, dynamic and transitions.
        max_angle: rotations have equal steps from 0 to so many degrees. Default: 180.
        angles: the rotations in degrees, in place of n_tasks.
        then: the sets that follow the first in a stream of sets; smaller images are enlarged.
        scenario: meaning of the labels. "class": labels differ from task to task. "domain": all
            tasks have the same labels. "task": only the labels of a sample's own task compete.
            Default: "class" for stream = "classes", otherwise "domain".
        subjects: train on these persons only (hapt).
        classes: train and test on these classes only; the network has outputs for all classes.
        seed: seed of permutations, shuffles, limits and everything else that is random here.
        train_samples, test_samples: use only so many samples, drawn once. Default: all. In a stream
            of sets, so many of each set, and all samples of a set that has fewer.
        validation: this share of the training samples, or of the persons, is not trained on, and
            replaces the test samples. It is meant for tuning.
        pad: pixels of zeros on each side of each image, before anything else is done.
        thermometer: encode each value in so many bits, so that the first layer reads bits too.
        label_noise: share of the training labels that are wrong, below 1.
        blur: share of the training samples that are exchanged at each boundary, below 0.5.
        path, label, group, time, channels, pattern, sample_rate, missing, window, hop, test, split:
            data of one's own, see `metabit.trainer.data.own.what.OwnData`.
    """

    name: str = ""
    stream: str = "single"
    n_tasks: int | None = None
    n_parts: int | None = None
    groups: tuple[tuple[int, ...], ...] | str | None = None
    max_angle: float | None = None
    angles: tuple[float, ...] | None = None
    then: tuple[str, ...] | None = None
    scenario: str | None = None
    subjects: tuple[int, ...] | None = None
    classes: tuple[int, ...] | None = None
    seed: int = 0
    train_samples: int | None = None
    test_samples: int | None = None
    validation: float | None = None
    pad: int | None = None
    thermometer: int | None = None
    label_noise: float | None = None
    blur: float | None = None
    path: str | None = None
    label: str | int | None = None
    group: str | int | None = None
    time: str | int | None = None
    channels: tuple[str, ...] | None = None
    pattern: str | None = None
    sample_rate: float | None = None
    missing: str | None = None
    window: int | None = None
    hop: int | None = None
    test: float | None = None
    split: str | None = None

    def __post_init__(self) -> None:
        self._require_source()
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

    @property
    def sets(self) -> tuple[str, ...]:
        """Names of all data sets that the stream is made of."""
        return (self.name, *(self.then or ()))

    @property
    def title(self) -> str:
        """The name of the set, or of the file or folder."""
        return self.name or PurePath(self.path or "").name

    @property
    def own(self) -> OwnData | None:
        """Data of one's own; None for a set by name."""
        if self.path is None:
            return None
        given = {f.name: getattr(self, f.name) for f in fields(OwnData)}
        return OwnData(**{key: value for key, value in given.items() if value is not None})

    @property
    def tasks_differ(self) -> bool:
        """Whether tasks have other samples or labels than the data set itself."""
        if self.stream == "classes":
            return self.scenario == "domain"
        return self.stream in ("permuted", "rotated", "axes", "sets")

    def with_clean_samples(self) -> DataRecipe:
        """The same stream with all samples, right labels and sharp boundaries."""
        return replace(
            self,
            train_samples=None,
            test_samples=None,
            validation=None,
            label_noise=None,
            blur=None,
        )

    def whole_set(self) -> DataRecipe:
        """One task with all samples of the set, as the network reads them."""
        return DataRecipe(self.name, "single", pad=self.pad, thermometer=self.thermometer)

    def _require_source(self) -> None:
        """Refuse a recipe without data, or with keys of the other kind of it."""
        if self.path is None:
            if not self.name:
                raise refuse("[data] needs the name of a set, or the path of your own data")
            require_choice("[data] name", self.name, names())
            for f in fields(OwnData):
                value = getattr(self, f.name)
                if f.name != "seed" and value is not None:
                    require(False, f"[data] {f.name}", value, "belongs to data with a path")
            return
        require(not self.name, "[data] name", self.name, "leave it out where there is a path")
        require(self.then is None, "[data] then", self.then, "belongs to sets by name")
        for key, choices in (("missing", MISSING), ("split", SPLITS)):
            if getattr(self, key) is not None:
                require_choice(f"[data] {key}", getattr(self, key), choices)
        if self.hop is not None:
            require(self.window is not None, "[data] hop", self.hop, "belongs to window")

    def _require_ranges(self) -> None:
        for key, least in (
            ("n_tasks", 1),
            ("n_parts", 1),
            ("train_samples", 2),
            ("test_samples", 1),
            ("pad", 1),
            ("thermometer", 1),
            ("window", 2),
            ("hop", 1),
        ):
            value = getattr(self, key)
            if value is not None:
                require(value >= least, f"[data] {key}", value, f"must be {least} or more")
        for key, limit in _BELOW.items():
            value = getattr(self, key)
            if value is not None:
                rule = f"must be above 0, below {limit}"
                require(0 < value < limit, f"[data] {key}", value, rule)
        if self.scenario is not None:
            require_choice("[data] scenario", self.scenario, SCENARIOS)
        if self.pad is not None:
            require(self.pad <= 64, "[data] pad", self.pad, "must be 64 or less")
        for key in ("then", "angles"):
            require(getattr(self, key) != (), f"[data] {key}", [], "must not be empty")
        for name in self.then or ():
            require_choice("[data] then", name, names())

    def _require_counts(self) -> None:
        """Refuse a stream that does not say how many tasks it has, or says it twice."""
        keys = _TASKS_FROM.get(self.stream, ())
        if keys and sum(getattr(self, key) is not None for key in keys) != 1:
            if len(keys) == 1:
                raise refuse(f'[data] {keys[0]} is missing: stream = "{self.stream}" needs it')
            raise refuse(f'[data] stream = "{self.stream}" needs either {" or ".join(keys)}')
        if self.angles is not None and self.max_angle is not None:
            raise refuse("[data] max_angle belongs to n_tasks: angles say everything")

    def _require_sense(self) -> None:
        """Refuse keys that are right alone but make no sense together."""
        if isinstance(self.groups, str):
            require_choice("[data] groups", self.groups, ("activities",))
            known = self.stream == "classes"
            require(known, "[data] groups", self.groups, 'belongs to stream = "classes"')
        if self.thermometer is not None:
            rule = "bits cannot be turned: use another stream"
            turned = self.stream in ("rotated", "axes")
            require(not turned, "[data] thermometer", self.thermometer, rule)
        if self.stream == "subjects" and self.scenario is not None:
            rule = (
                "all groups of subjects are tested on the same persons, so a label cannot say "
                'which group a sample is of: use scenario = "domain"'
            )
            require(self.scenario == "domain", "[data] scenario", self.scenario, rule)
        if self.scenario == "task" and self.blur is not None:
            rule = 'mixes tasks, and with scenario = "task" every sample has to be of one'
            require(False, "[data] blur", self.blur, rule)
