"""Recipes: a TOML file that says what to train on what, with every choice in one place.

    name = "permuted-digits"

    [data]
    name = "digits"
    stream = "permuted"
    n_tasks = 5

    [network]
    hidden = [128, 128]

    [method]
    m = 10.0

    [train]
    epochs = 20

The dataclasses below are the whole list of keys, with their defaults. A key that is not there, a
value of the wrong type or out of range is an error that names the file, the table and the key.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar

from metabit.errors import InputError, nearest
from metabit.trainer.data import names
from metabit.trainer.methods import registry
from metabit.trainer.tables import parse, plain, refuse, require, require_choice, toml_value

STREAMS = ("permuted", "parts", "single", "subjects", "classes")
BANKS = ("task", "shared")
OPTIMIZERS = ("adam", "sgd")

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
        _require_seed("[data] seed", self.seed)
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


@dataclass(frozen=True)
class NetworkRecipe:
    """[network]: the binary multilayer perceptron.

    Attributes:
        hidden: widths of the hidden layers.
        affine: whether normalisation learns a scale and an offset.
        banks: "task" for a normalisation bank per task, "shared" for one in all.
        init_width: hidden weights start uniformly in [-init_width / 2, init_width / 2].
    """

    hidden: tuple[int, ...]
    affine: bool = True
    banks: str = "shared"
    init_width: float = 0.1

    def __post_init__(self) -> None:
        require_choice("[network] banks", self.banks, BANKS)
        widths_are_good = all(1 <= width <= 65536 for width in self.hidden)
        require(widths_are_good, "[network] hidden", self.hidden, "widths must be 1 to 65536")
        require(self.init_width > 0, "[network] init_width", self.init_width, "must be above 0")


@dataclass(frozen=True)
class MethodRecipe:
    """[method]: how the weights are moved. These are the keys of every method.

    A method that has more keys of its own extends this class in its file in trainer/methods/.

    Attributes:
        name: a file of trainer/methods/, or what `methods.registry.register` was given.
        optimizer: "adam" or "sgd".
        lr: learning rate.
        momentum: of sgd.
        weight_decay: added to the gradient, times the hidden weight.
        reset_optimizer: start every task with fresh moments.
    """

    needs_shared_bank: ClassVar[str] = ""
    """Why the method cannot work with a normalisation bank per task; empty where it can."""

    name: str = "metaplastic"
    optimizer: str = "adam"
    lr: float = 0.005
    momentum: float = 0.0
    weight_decay: float = 0.0
    reset_optimizer: bool = False

    def __post_init__(self) -> None:
        require_choice("[method] optimizer", self.optimizer, OPTIMIZERS)
        require(self.lr > 0, "[method] lr", self.lr, "must be above 0")
        require(
            0 <= self.momentum < 1, "[method] momentum", self.momentum, "must be 0 or more, below 1"
        )
        if self.momentum and self.optimizer != "sgd":
            raise refuse('[method] momentum belongs to optimizer = "sgd"; adam has its own')
        require(
            self.weight_decay >= 0, "[method] weight_decay", self.weight_decay, "must be 0 or more"
        )

    @property
    def m(self) -> float | tuple[float, ...]:
        """Metaplasticity coefficient; 0 for every method that has none."""
        return 0.0

    @property
    def every_samples(self) -> int | None:
        """Samples between two consolidations; None is at the end of each task."""
        return None


@dataclass(frozen=True)
class ConsolidatingRecipe(MethodRecipe):
    """[method] of a method that consolidates.

    Attributes:
        consolidate_samples: consolidate after so many samples of the stream, wherever its tasks
            end; if not given, at the end of each task.
    """

    consolidate_samples: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.consolidate_samples is not None:
            rule = "must be 1 or more"
            key = "[method] consolidate_samples"
            require(self.consolidate_samples >= 1, key, self.consolidate_samples, rule)

    @property
    def every_samples(self) -> int | None:
        """Samples between two consolidations; None is at the end of each task."""
        return self.consolidate_samples


@dataclass(frozen=True)
class TrainRecipe:
    """[train]: how long and in which order.

    Attributes:
        epochs: passes over the samples of each task.
        batch: samples a step. The last batch of an epoch may be smaller; one of a single sample is
            left out, because it has no variance to normalise with.
        seed: of the initial weights and the order of samples.
        checkpoint_steps: steps between two checkpoints; there is one at the end of a task too.
    """

    epochs: int
    batch: int = 100
    seed: int = 0
    checkpoint_steps: int = 500

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "[train] epochs", self.epochs, "must be 1 or more")
        require(
            self.batch >= 2, "[train] batch", self.batch, "must be 2 or more (batch statistics)"
        )
        _require_seed("[train] seed", self.seed)
        steps = self.checkpoint_steps
        require(steps >= 1, "[train] checkpoint_steps", steps, "must be 1 or more")


def _require_seed(key: str, seed: int) -> None:
    require(0 <= seed < 2**63, key, seed, "must be 0 or more, below 2**63")


@dataclass(frozen=True)
class Recipe:
    """A whole recipe.

    Attributes:
        name: title of the run, in tables and plots.
        data, network, method, train: the tables.
        description: what the recipe is there to show.
    """

    name: str
    data: DataRecipe
    network: NetworkRecipe
    method: MethodRecipe
    train: TrainRecipe
    description: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        require(bool(self.name.strip()), "name", self.name, "must not be empty")
        n_layers = len(self.network.hidden) + 1
        if isinstance(self.method.m, tuple):
            rule = f"needs one number, or one for each of the {n_layers} layers"
            require(len(self.method.m) == n_layers, "[method] m", self.method.m, rule)
        if self.data.stream == "parts":
            rule = 'a stream of parts has no task boundaries: use banks = "shared"'
            require(self.network.banks != "task", "[network] banks", self.network.banks, rule)
        reason = self.method.needs_shared_bank
        if reason:
            rule = f'name = "{self.method.name}" needs banks = "shared": {reason}'
            require(self.network.banks == "shared", "[network] banks", self.network.banks, rule)

    def with_m(self, m: float | tuple[float, ...]) -> Recipe:
        """The same recipe with another metaplasticity coefficient.

        Raises:
            InputError: its method has none.
        """
        if "m" not in {f.name for f in fields(self.method)}:
            raise refuse(_of_another_method("m", self.method.name))
        changed: Any = {"m": m}  # a field of the subclass
        return replace(self, method=replace(self.method, **changed))

    def to_dict(self) -> dict[str, Any]:
        """Plain tables of strings, numbers and lists; what is not given is left out."""
        return {
            key: plain(value) if isinstance(value, dict) else value
            for key, value in asdict(self).items()
        }

    def to_toml(self) -> str:
        """The recipe as TOML, with every default spelled out."""
        tables = self.to_dict()
        lines = [f"{key} = {toml_value(v)}" for key, v in tables.items() if not isinstance(v, dict)]
        for key, table in tables.items():
            if isinstance(table, dict):
                lines += ["", f"[{key}]", *(f"{k} = {toml_value(v)}" for k, v in table.items())]
        return "\n".join(lines) + "\n"


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a TOML file.

    Raises:
        InputError: the file cannot be read, is not TOML, or has a wrong key or value; the message
            names file, table and key.
    """
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        there = [str(other) for other in path.parent.glob("*.toml")]
        hint = nearest(str(path), there) if there else "recipes/ has some to start from"
        raise InputError(
            f"recipe {path}: cannot be read: {error.strerror}; {hint}", code="E-RECIPE-READ"
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise refuse(f"recipe {path}: not TOML ({error})") from error
    try:
        return recipe_from_dict(tables)
    except InputError as error:
        raise InputError(f"recipe {path}: {error}", code=error.code) from error


def recipe_from_dict(tables: dict[str, Any]) -> Recipe:
    """A recipe from plain tables, as TOML or JSON give them.

    Raises:
        InputError: a wrong key or value; the message names table and key.
    """
    method = _method(tables.get("method", {}))
    rest = {key: value for key, value in tables.items() if key != "method"}
    return replace(parse(Recipe, rest, ""), method=method)


def _method(table: Any) -> MethodRecipe:
    """The [method] table in the class of the method that it names."""
    if not isinstance(table, dict):
        raise refuse("method must be a table: write [method] above its keys")
    name = table.get("name", MethodRecipe.name)
    if not isinstance(name, str):
        raise refuse(f"[method] name = {toml_value(str(name))}: must be a string")
    options = registry.find(name).Options
    known = {f.name for f in fields(options)}
    for key in table:
        if key not in known and registry.owners(key):
            raise refuse(_of_another_method(key, name))
    return parse(options, {**table, "name": name}, "[method] ")


def _of_another_method(key: str, name: str) -> str:
    owners = " or ".join(toml_value(owner) for owner in registry.owners(key))
    return f'[method] {key} belongs to name = {owners}; this recipe has name = "{name}"'
