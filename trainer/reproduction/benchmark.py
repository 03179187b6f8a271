"""A benchmark: a TOML file that says how a table of results is made.

    name = "split-digits"
    title = "Five groups of two digits, one after another"
    source = "Author 2020, Table 1"            # where the published figures are from
    seeds = 3
    like = "other-digits"                      # take the rows of another benchmark; a row with the
                                               # same label here overrides keys, and all of search

    [base.data]                                # base.* is a recipe at the scale of the paper
    [base.network]
    [base.method]
    [base.train]

    [small.train]                              # small.* overrides base.* at --scale small
    epochs = 1

    [[row]]                                    # a row of the table, which is a recipe
    label = "MAS"
    method = { name = "mas" }                  # data, network, method, train: override base
    small = { method = { lr = 0.01 } }         # ... and this overrides both at --scale small
    search = { strength = [0.1, 1.0] }         # values of [method] among which --search chooses
    at_paper = { strength = 1.0 }              # ... at small scale alone: at paper scale it is this
    paper = 99.22                              # published accuracy in per cent

    [[target]]                                 # a condition that must hold
    row = "MAS"
    metric = "acc"
    at_least = 98.2                            # or at_most; or above = "another row", by = 1.0
    scale = "paper"                            # default: both scales

In place of tables and rows a benchmark may name an experiment of trainer/experiments/. It then says
what it needs, hours of a core for all seeds and memory of a run:

    hours = { small = 0.1, paper = 2.0 }
    gigabytes = 0.5

The dataclasses below list all keys. When the file is read, every row is checked at both scales; an
error names file, row, table and key.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from metabit.errors import InputError, nearest
from metabit.trainer import experiments
from metabit.trainer.circumstances import ROOT
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.recipe.tables import parse, read_toml, refuse, require, require_choice

Tables = dict[str, Any]
Part = TypeVar("Part", "Row", "Target")

FOLDER = ROOT / "recipes" / "benchmarks"
"""Folder of the benchmarks; the wheel has it at the same place."""

SCALES = ("small", "paper")
TABLES = ("data", "network", "method", "train")


@dataclass(frozen=True)
class Row:
    """[[row]]: a row of the table.

    Attributes:
        label: name of the row in the table.
        data, network, method, train: keys that differ from the base of the benchmark.
        small: keys that differ at the small scale, by table.
        search: keys of [method], each with the values among which `--search` chooses.
        at_paper: the values of these keys at paper scale, if a search there would take too long.
        paper, paper_std: published accuracy and its standard deviation, in per cent.
        remark: the reason for a gap, for the table in the documents.
    """

    label: str
    data: dict[str, Any] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)
    method: dict[str, Any] = field(default_factory=dict)
    train: dict[str, Any] = field(default_factory=dict)
    small: dict[str, Any] = field(default_factory=dict)
    search: dict[str, Any] = field(default_factory=dict)
    at_paper: dict[str, Any] = field(default_factory=dict)
    paper: float | None = None
    paper_std: float | None = None
    remark: str = ""

    def __post_init__(self) -> None:
        good = bool(self.label.strip()) and "," not in self.label
        require(good, "label", self.label, "must be words without a comma")
        _require_tables("small", self.small)
        for key, values in self.search.items():
            if not isinstance(values, list) or not values:
                raise refuse(f"search {key}: must be a list of the values to try")
        if self.at_paper and self.at_paper.keys() != self.search.keys():
            raise refuse("at_paper: must have the keys of search, with one value each")

    def searched(self, scale: str) -> Tables:
        """`search` where the row is searched at this scale, otherwise no keys."""
        return {} if self.at_paper and scale == "paper" else self.search

    def grid(self, scale: str) -> list[Tables]:
        """Every combination of the searched values, in the order in which they are written."""
        search = self.searched(scale)
        return [
            dict(zip(search, values, strict=True)) for values in itertools.product(*search.values())
        ]


@dataclass(frozen=True)
class Target:
    """[[target]]: a condition for the mean over seeds.

    Attributes:
        metric: acc, plasticity, bwt, fwt, forgetting (in per cent), or another number of a row.
        row: label of the row; an experiment has none.
        at_least, at_most: bounds.
        above: label of a row that must be exceeded.
        by: how far it must be exceeded, in points.
        scale: small or paper. Default: both.
    """

    metric: str
    row: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    above: str | None = None
    by: float = 0.0
    scale: str | None = None

    def __post_init__(self) -> None:
        rules = (self.at_least, self.at_most, self.above)
        if sum(rule is not None for rule in rules) != 1:
            raise refuse("needs one of at_least, at_most and above")
        if self.by and self.above is None:
            raise refuse("by belongs to above")
        if self.scale is not None:
            require_choice("scale", self.scale, SCALES)


@dataclass(frozen=True)
class Benchmark:
    """A whole benchmark.

    Attributes:
        name: its name for `metabit reproduce`.
        title: a line that describes it.
        source: where the published figures are from.
        seeds: number of seeds, which are counted from 0.
        validation: share of the training samples that a search uses in place of the test samples.
        experiment: name of the experiment, for a benchmark without rows.
        hours: of one core for all seeds of an experiment, by scale; for recipes `needs` knows them.
        gigabytes: memory of one run of an experiment.
        base: the recipe at the scale of the paper, by table.
        small: keys that differ at the small scale.
        rows: the rows of the table; for an experiment a single row without a recipe.
        targets: conditions that must hold.
        path: the file.
    """

    name: str
    title: str
    path: Path
    source: str = ""
    seeds: int = 3
    validation: float = 0.1
    experiment: str | None = None
    hours: dict[str, float] = field(default_factory=dict)
    gigabytes: float = 0.0
    base: dict[str, Any] = field(default_factory=dict)
    small: dict[str, Any] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    targets: tuple[Target, ...] = ()

    def command(self, scale: str) -> str:
        """The command that runs it."""
        named = self.name if self.path.parent == FOLDER else str(self.path)
        device = self.base.get("train", {}).get("device", "cpu")
        where = "" if device == "cpu" else f" --device {device}"
        return f"metabit reproduce {named} --scale {scale}{where}"

    def on(self, device: str) -> Benchmark:
        """The same benchmark, trained on a device of `metabit.trainer.devices`.

        Raises:
            InputError: an experiment, which makes its own networks, cannot.
        """
        if device == "cpu":
            return self
        if self.experiment is not None:
            raise refuse(f"{self.name}: an experiment runs on the processor; leave --device out")
        train = self.base.get("train", {}) | {"device": device}
        return replace(self, base=self.base | {"train": train})

    def row(self, label: str) -> Row:
        """The row with this label.

        Raises:
            InputError: there is none; the message gives the nearest label.
        """
        for row in self.rows:
            if row.label == label:
                return row
        labels = [row.label for row in self.rows]
        raise refuse(f'{self.name}: no row "{label}": {nearest(label, labels)}')

    def tables(self, row: Row, scale: str) -> Tables:
        """The recipe of a row as plain tables, without name, seeds and searched values."""
        merged: Tables = {}
        mine = {key: getattr(row, key) for key in TABLES}
        layers = [self.base, mine, {"method": row.at_paper}]
        if scale == "small":
            layers = [self.base, self.small, mine, row.small]
        for layer in layers:
            for key in TABLES:
                merged[key] = merged.get(key, {}) | layer.get(key, {})
        return merged

    def recipe(self, row: Row, scale: str, searched: Tables, seed: int) -> Tables:
        """A whole recipe as plain tables. Normalisation keeps running averages, as in the papers.

        Args:
            row: one of the rows.
            scale: small or paper.
            searched: values for the keys of [method] that the row searches.
            seed: seed of data and training.
        """
        tables = self.tables(row, scale)
        tables["method"] = tables["method"] | searched
        tables["train"] = {"norm_statistics": "running"} | tables["train"]
        for key in ("data", "train"):
            tables[key] = tables[key] | {"seed": seed}
        return {"name": f"{self.name}: {row.label}", **tables}


@dataclass(frozen=True)
class _File:
    """The top level of the file."""

    name: str
    title: str
    source: str = ""
    seeds: int = 3
    validation: float = 0.1
    experiment: str | None = None
    hours: dict[str, Any] = field(default_factory=dict)
    gigabytes: float = 0.0
    like: str | None = None
    base: dict[str, Any] = field(default_factory=dict)
    small: dict[str, Any] = field(default_factory=dict)
    row: tuple[dict[str, Any], ...] = ()
    target: tuple[dict[str, Any], ...] = ()

    def __post_init__(self) -> None:
        require(bool(self.name.strip()), "name", self.name, "must not be empty")
        require(self.seeds >= 1, "seeds", self.seeds, "must be 1 or more")
        rule = "must be above 0, below 1"
        require(0 < self.validation < 1, "validation", self.validation, rule)
        _require_tables("base", self.base)
        _require_tables("small", self.small)
        if (self.experiment is None) == (not self.row and self.like is None):
            raise refuse("needs either rows, each under [[row]], or an experiment")
        if self.experiment is not None:
            require_choice("experiment", self.experiment, list(experiments.MODULES))
            if self.base or self.small:
                raise refuse("an experiment has no base and no small: it makes its own networks")
        self._require_needs()

    def _require_needs(self) -> None:
        """Refuse an experiment that does not say what it needs, and recipes that do."""
        if self.experiment is None:
            if self.hours or self.gigabytes:
                raise refuse("hours and gigabytes belong to an experiment; rows have an estimate")
            return
        numbers = all(isinstance(value, (int, float)) for value in self.hours.values())
        good = numbers and self.hours.keys() == set(SCALES) and min(self.hours.values()) > 0
        rule = "an experiment says how many hours small and paper take, both above 0"
        require(good, "hours", self.hours, rule)
        require(self.gigabytes > 0, "gigabytes", self.gigabytes, "must be above 0")


def _require_tables(key: str, tables: Tables) -> None:
    """Refuse everything that is not a table of a recipe."""
    for name, table in tables.items():
        if name not in TABLES or not isinstance(table, dict):
            raise refuse(f'{key}: "{name}" is no table of a recipe: {nearest(name, TABLES)}')


def names() -> list[str]:
    """The benchmarks that come with metabit."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name_or_path: str) -> Benchmark:
    """Load a benchmark that comes with metabit by its name, or your own by its .toml file.

    Raises:
        InputError: no such benchmark, the file cannot be read, or it has a wrong key or value.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = FOLDER / f"{name_or_path}.toml"
        if name_or_path not in names():
            raise InputError(
                f'no benchmark "{name_or_path}": {nearest(name_or_path, names())}; '
                "one of your own is given by its .toml file",
                code="E-BENCHMARK",
            )
    tables = read_toml(path, "benchmark", "`metabit reproduce` lists those there are")
    try:
        return _benchmark(tables, path)
    except InputError as error:
        raise InputError(f"benchmark {path}: {error}", code=error.code) from error


def _benchmark(tables: Tables, path: Path) -> Benchmark:
    file = parse(_File, tables, "")
    require(file.name == path.stem, "name", file.name, f"must be the name of the file, {path.stem}")
    rows = tuple(_row(table, number) for number, table in enumerate(_tables_of_rows(file, path), 1))
    targets = [
        _part(Target, table, f"target {number}") for number, table in enumerate(file.target, 1)
    ]
    made = Benchmark(
        file.name, file.title, path, file.source, file.seeds, file.validation, file.experiment,
        file.hours, file.gigabytes, file.base, file.small, rows or (Row(file.name),), tuple(targets)
    )  # fmt: skip
    _check_labels(made)
    if made.experiment is None:
        for row in rows:
            _check_recipes(made, row)
    return made


def _tables_of_rows(file: _File, path: Path) -> Sequence[Tables]:
    """The rows of the file; with `like`, they override the rows of the other benchmark."""
    if file.like is None:
        return file.row
    other = path.parent / f"{file.like}.toml"
    theirs = parse(_File, read_toml(other, "benchmark", f"{path} is like it"), "")
    if theirs.like is not None:
        raise refuse(f'like = "{file.like}": that one has its rows from "{theirs.like}" itself')
    merged = {row.get("label", ""): _without_figures(row) for row in theirs.row}
    for row in file.row:
        under = merged.get(row.get("label", ""), {})
        over = {key: under.get(key, {}) | row[key] for key in TABLES if key in row}
        merged[row.get("label", "")] = under | row | over
    return list(merged.values())


def _without_figures(row: Tables) -> Tables:
    """A row for another benchmark, for which neither published figures nor values hold."""
    theirs = ("paper", "paper_std", "remark", "at_paper")
    return {key: row[key] for key in row if key not in theirs}


def _row(table: Tables, number: int) -> Row:
    label = table.get("label")
    return _part(Row, table, f'row "{label}"' if label else f"row {number}")


def _part(kind: type[Part], table: Tables, where: str) -> Part:
    try:
        return parse(kind, table, "")
    except InputError as error:
        raise refuse(f"{where}: {error}") from error


def _check_labels(benchmark: Benchmark) -> None:
    labels = [row.label for row in benchmark.rows]
    for label in labels:
        if labels.count(label) > 1:
            raise refuse(f'two rows are labelled "{label}"')
    for number, target in enumerate(benchmark.targets, 1):
        if (target.row is None) != (benchmark.experiment is not None):
            raise refuse(f"target {number}: row names a row, and is left out for an experiment")
        for named in (target.row, target.above):
            if named is not None and named not in labels:
                raise refuse(f'target {number}: no row "{named}": {nearest(named, labels)}')


def _check_recipes(benchmark: Benchmark, row: Row) -> None:
    """Refuse a row if any recipe that it can lead to is refused."""
    for scale in SCALES:
        tables = benchmark.tables(row, scale)
        where = f'row "{row.label}", scale {scale}'
        for key in ("data", "train"):
            if "seed" in tables[key]:
                raise refuse(f"{where}: [{key}] seed: `metabit reproduce` sets the seeds")
        for searched in row.grid(scale):
            twice = sorted(searched.keys() & tables["method"].keys())
            if twice:
                raise refuse(f"{where}: [method] {twice[0]} is both given and searched")
            try:
                recipe_from_dict(benchmark.recipe(row, scale, searched, seed=0))
            except InputError as error:
                raise refuse(f"{where}: {error}") from error
