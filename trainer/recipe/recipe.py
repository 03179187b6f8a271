"""A recipe is a TOML file that says what to train on which data, with every choice in one place.

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

The dataclasses in data.py, frontend.py, network.py, method.py, method_options.py, train.py and
learn.py list all keys with their defaults. An unknown key, or a value of the wrong type or out of
range, is an error that names the file, the table and the key.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from metabit.errors import InputError
from metabit.trainer.recipe import registry
from metabit.trainer.recipe.data import DataRecipe
from metabit.trainer.recipe.frontend import STREAMS as FRONTEND_STREAMS
from metabit.trainer.recipe.frontend import FrontEndRecipe
from metabit.trainer.recipe.learn import LearnRecipe
from metabit.trainer.recipe.method import MethodRecipe
from metabit.trainer.recipe.network import NetworkRecipe
from metabit.trainer.recipe.tables import parse, plain, read_toml, refuse, require, toml_value
from metabit.trainer.recipe.train import TrainRecipe


@dataclass(frozen=True)
class Recipe:
    """A whole recipe.

    Attributes:
        name: title of the run in tables and plots.
        data, network, method, train: the tables.
        frontend: what raw windows become before the network; None for nothing.
        learn: how the exported file learns on a device; None for the defaults.
        description: what the recipe demonstrates.
    """

    name: str
    data: DataRecipe
    network: NetworkRecipe
    method: MethodRecipe
    train: TrainRecipe
    frontend: FrontEndRecipe | None = None
    learn: LearnRecipe | None = None
    description: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        require(bool(self.name.strip()), "name", self.name, "must not be empty")
        network = self.network
        if isinstance(self.method.m, tuple) and network.trunk is None:
            n_layers = len(network.convolutions) + len(network.hidden) + 1
            rule = f"needs one number, or one for each of the {n_layers} layers"
            require(len(self.method.m) == n_layers, "[method] m", self.method.m, rule)
        if self.data.stream == "parts":
            rule = 'a stream of parts has no task boundaries: use banks = "shared"'
            require(network.banks != "task", "[network] banks", network.banks, rule)
        if self.frontend is not None:
            self._require_raw_windows()
        if self.data.blur is not None:
            rule = 'blur mixes tasks, and a bank per task keeps them apart: use banks = "shared"'
            require(network.banks != "task", "[network] banks", network.banks, rule)
        if self.data.scenario == "task":
            rule = 'with scenario = "task" each task has a head of its own: leave outputs out'
            require(network.outputs == "all", "[network] outputs", network.outputs, rule)
        method = f'name = "{self.method.name}"'
        if reason := self.method.needs_shared_bank:
            rule = f'{method} needs banks = "shared": {reason}'
            require(network.banks == "shared", "[network] banks", network.banks, rule)
        if reason := self.method.needs_binary:
            rule = f'{method} needs kind = "binary": {reason}'
            require(network.kind == "binary", "[network] kind", network.kind, rule)
        if reason := self.method.needs_real:
            rule = f'{method} needs kind = "real": {reason}'
            require(network.kind == "real", "[network] kind", network.kind, rule)

    def _require_raw_windows(self) -> None:
        """Refuse what would change raw windows before or after the front end."""
        rule = "a front end reads samples as they are: use " + " or ".join(
            map(toml_value, FRONTEND_STREAMS)
        )
        require(self.data.stream in FRONTEND_STREAMS, "[data] stream", self.data.stream, rule)
        for key in ("pad", "thermometer"):
            value = getattr(self.data, key)
            require(value is None, f"[data] {key}", value, "does not go with [frontend]")
        convolutions = self.network.convolutions
        rule = "features have no neighbours: leave convolutions out, or leave [frontend] out"
        require(not convolutions, "[network] convolutions", convolutions, rule)

    def with_m(self, m: float | tuple[float, ...]) -> Recipe:
        """The same recipe with another metaplasticity coefficient.

        Raises:
            InputError: its method has no such coefficient.
        """
        if "m" not in {f.name for f in fields(self.method)}:
            raise refuse(_of_another_method("m", self.method.name))
        changed: Any = {"m": m}  # a field of the subclass
        return replace(self, method=replace(self.method, **changed))

    def to_dict(self) -> dict[str, Any]:
        """Plain tables of strings, numbers and lists; keys without a value are left out."""
        return {
            key: plain(value) if isinstance(value, dict) else value
            for key, value in asdict(self).items()
            if value is not None
        }

    def to_toml(self) -> str:
        """The recipe as TOML, with all defaults written out."""
        tables = self.to_dict()
        lines = [f"{key} = {toml_value(v)}" for key, v in tables.items() if not isinstance(v, dict)]
        for key, table in tables.items():
            if isinstance(table, dict):
                lines += ["", f"[{key}]", *(f"{k} = {toml_value(v)}" for k, v in table.items())]
        return "\n".join(lines) + "\n"


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a TOML file.

    Raises:
        InputError: the file cannot be read, is not TOML, or has a wrong key or value. The message
            names file, table and key.
    """
    path = Path(path)
    tables = read_toml(path, "recipe", "recipes/ has some to start from")
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
    """The [method] table as the dataclass of the method that it names."""
    if not isinstance(table, dict):
        raise refuse("method must be a table: write [method] above its keys")
    name = table.get("name", MethodRecipe.name)
    if not isinstance(name, str):
        raise refuse(f"[method] name = {toml_value(str(name))}: must be a string")
    options = registry.options_of(name)
    known = {f.name for f in fields(options)}
    for key in table:
        if key not in known and registry.owners(key):
            raise refuse(_of_another_method(key, name))
    return parse(options, {**table, "name": name}, "[method] ")


def _of_another_method(key: str, name: str) -> str:
    owners = " or ".join(toml_value(owner) for owner in registry.owners(key))
    return f'[method] {key} belongs to name = {owners}; this recipe has name = "{name}"'
