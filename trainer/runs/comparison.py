"""Compares finished runs: how they differ, and what each achieved over its seeds.

Runs can only be compared on the same data, divided into the same tasks. Runs of one recipe that
differ in the seed of training form a group, which has a mean and a standard deviation for each
number of its runs. Recipes are compared as plain tables, so nothing here depends on a method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.errors import CorruptError, InputError
from metabit.trainer import metrics
from metabit.trainer.metrics import Curve, Matrix
from metabit.trainer.recipe.tables import toml_value
from metabit.trainer.runs.run_folder import METRICS, Run, load_run

STRENGTHS = ("m", "strength")
"""Keys of [method] that set how much of the past it keeps; they are always shown."""

_NOT_COMPARED = {("name",), ("description",), ("train", "seed"), ("train", "checkpoint_steps")}
"""Keys of a recipe in which the runs of one group may differ."""


@dataclass(frozen=True, eq=False)
class PrequentialCurve:
    """Test-then-train accuracy over a stream.

    Attributes:
        accuracy: accuracy over all samples.
        samples: number of samples seen at each point of the curve, shape (n_points,).
        curve: accuracy on the last samples before each point, shape (n_points,).
    """

    accuracy: float
    samples: NDArray[np.int64]
    curve: Curve


@dataclass(frozen=True, eq=False)
class Result:
    """What a comparison needs of one run.

    Attributes:
        path: folder of the run.
        recipe: the recipe as plain tables.
        stream: the stream in words.
        tasks: names of the tasks.
        matrix: the accuracy matrix R, shape (n_tasks, n_tasks).
        fwt: forward transfer; NaN for a single task.
        prequential: test-then-train accuracy; None if it was not measured.
        n_steps: number of optimizer steps.
        seconds: time of the training.
        n_weights: number of weights of the network.
        state_bytes: what the method keeps in addition to network and optimizer; None if unknown.
    """

    path: Path
    recipe: Mapping[str, Any]
    stream: str
    tasks: tuple[str, ...]
    matrix: Matrix
    fwt: float
    prequential: PrequentialCurve | None
    n_steps: int
    seconds: float
    n_weights: int
    state_bytes: int | None

    @property
    def seed(self) -> int:
        """Seed of training."""
        return int(self.recipe["train"]["seed"])

    @property
    def state_bytes_per_weight(self) -> float:
        """Bytes of the method's state per weight; NaN if unknown."""
        return float("nan") if self.state_bytes is None else self.state_bytes / self.n_weights


@dataclass(frozen=True)
class MeanAndStd:
    """Mean over seeds, and sample standard deviation (n - 1), which is None for a single seed."""

    mean: float
    std: float | None


@dataclass(frozen=True, eq=False)
class Group:
    """Runs that differ only in their seed.

    Attributes:
        method: name of the method.
        settings: the settings that differ from other groups, and the strength of the method.
        results: one result per seed, in the order of the seeds.
    """

    method: str
    settings: dict[str, Any]
    results: tuple[Result, ...]

    @property
    def settings_line(self) -> str:
        """The settings in one line."""
        return ", ".join(f"{key} = {_short(value)}" for key, value in self.settings.items())

    @property
    def label(self) -> str:
        """Method and settings in one line."""
        return f"{self.method}, {self.settings_line}" if self.settings else self.method

    @property
    def n_tasks(self) -> int:
        """Number of tasks in the stream."""
        return len(self.results[0].matrix)

    def estimates(self) -> dict[str, MeanAndStd]:
        """All numbers of the table by name; NaN where there is none.

        Shares (acc, bwt, fwt, forgetting, plasticity, prequential), bytes
        (state_bytes_per_weight) and seconds.
        """
        values = [_numbers(result) for result in self.results]
        return {key: estimate([value[key] for value in values]) for key in values[0]}

    def mean_matrix(self) -> Matrix:
        """R as the mean over seeds, shape (n_tasks, n_tasks)."""
        return np.asarray(np.mean([result.matrix for result in self.results], axis=0))

    def curves(self) -> Curve:
        """Accuracy on all tasks so far, shape (n_seeds, n_tasks)."""
        return np.array([metrics.accuracy_so_far(result.matrix) for result in self.results])


@dataclass(frozen=True, eq=False)
class Comparison:
    """Groups of runs on one stream, in falling order of ACC."""

    stream: str
    tasks: tuple[str, ...]
    groups: tuple[Group, ...]

    @property
    def n_steps(self) -> tuple[int, int]:
        """Fewest and most optimizer steps of a run, which show whether the effort was equal."""
        steps = [result.n_steps for group in self.groups for result in group.results]
        return min(steps), max(steps)


def _numbers(result: Result) -> dict[str, float]:
    return {
        "acc": metrics.average_accuracy(result.matrix),
        "bwt": metrics.backward_transfer(result.matrix),
        "fwt": result.fwt,
        "forgetting": metrics.forgetting(result.matrix),
        "plasticity": metrics.learning_accuracy(result.matrix),
        "prequential": float("nan") if result.prequential is None else result.prequential.accuracy,
        "state_bytes_per_weight": result.state_bytes_per_weight,
        "seconds": result.seconds,
    }


def estimate(values: Sequence[float]) -> MeanAndStd:
    """Mean and sample standard deviation of one value per seed."""
    array: NDArray[np.float64] = np.array(values, dtype=np.float64)
    return MeanAndStd(float(array.mean()), float(array.std(ddof=1)) if len(array) > 1 else None)


def _short(value: Any) -> str:
    """A value of a recipe in its short form: 20 for 20.0."""
    return f"{value:g}" if isinstance(value, float) else toml_value(value).strip('"')


def read(path: Path) -> Result:
    """Read what a comparison needs of the run in a folder.

    Raises:
        InputError: no run is there, or it is not finished.
        StorageError, FormatError, CorruptError: a file cannot be read, or is damaged.
    """
    run = load_run(path)
    try:
        return _result(run)
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise CorruptError(
            f"{path / METRICS}: not the metrics of a run ({error})", code="E-METRICS-JSON"
        ) from error


def _result(run: Run) -> Result:
    matrix = run.accuracy_matrix
    metrics.average_accuracy(matrix)  # refuses a matrix with gaps
    tasks = tuple(str(name) for name in run.metrics["tasks"])
    if len(tasks) != len(matrix):
        raise ValueError(f"{len(tasks)} tasks, and a matrix of {len(matrix)}")
    return Result(
        path=run.path,
        recipe=run.recipe.to_dict(),
        stream=str(run.metrics["stream"]),
        tasks=tasks,
        matrix=matrix,
        fwt=float("nan") if run.metrics["fwt"] is None else float(run.metrics["fwt"]),
        prequential=_prequential(run.metrics),
        n_steps=int(run.metrics["n_steps"]),
        seconds=float(run.metrics["seconds"]),
        n_weights=int(run.metrics["n_weights"]),
        state_bytes=_state_bytes(run.metrics.get("state_bytes")),
    )


def _prequential(found: Mapping[str, Any]) -> PrequentialCurve | None:
    if "prequential" not in found:
        return None
    curve = found["prequential"]
    samples = np.array(curve["samples"], dtype=np.int64)
    accuracy = np.array(curve["accuracy"], dtype=np.float64)
    return PrequentialCurve(float(found["prequential_acc"]), samples, accuracy)


def _state_bytes(value: Any) -> int | None:
    """The sum of the bytes, which are one number or a number per part."""
    if isinstance(value, dict):
        return sum(int(part) for part in value.values())
    return None if value is None else int(value)


def compare(results: Sequence[Result]) -> Comparison:
    """Group runs by recipe.

    Args:
        results: at least one result.

    Raises:
        InputError: code E-COMPARE: a run has other data or another stream than the first, or two
            runs have the same recipe and seed.
    """
    for other in results[1:]:
        _check_same_data(results[0], other)
    by_recipe: dict[str, list[Result]] = {}
    for result in results:
        # Values can be lists and tables, which cannot be keys; their text can.
        by_recipe.setdefault(repr(sorted(_settings(result).items())), []).append(result)
    members = [_in_order_of_seeds(group) for group in by_recipe.values()]
    firsts = [_settings(group[0]) for group in members]
    groups = [
        Group(first["method", "name"], _telling(first, firsts), group)
        for first, group in zip(firsts, members, strict=True)
    ]
    groups.sort(key=lambda group: -group.estimates()["acc"].mean)
    return Comparison(results[0].stream, results[0].tasks, tuple(groups))


def _check_same_data(first: Result, other: Result) -> None:
    ours, theirs = first.recipe["data"], other.recipe["data"]
    changes = [
        f"[data] {key} {_in_words(ours.get(key))} -> {_in_words(theirs.get(key))}"
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    ]
    if not changes and first.tasks != other.tasks:
        changes = [f"tasks {', '.join(first.tasks)} -> {', '.join(other.tasks)}"]
    if changes:
        raise InputError(
            f"{other.path} ran on other data than {first.path} ({'; '.join(changes)}): accuracies "
            "are comparable only on the same data, cut into the same tasks",
            code="E-COMPARE",
        )


def _in_words(value: Any) -> str:
    """A value of a recipe, for a message."""
    return "not given" if value is None else toml_value(value)


def _in_order_of_seeds(group: list[Result]) -> tuple[Result, ...]:
    ordered = sorted(group, key=lambda result: result.seed)
    for one, next_one in pairwise(ordered):
        if one.seed == next_one.seed:
            raise InputError(
                f"{one.path} and {next_one.path} are the same recipe and the same seed, "
                f"{one.seed}: a run counts once, leave one out",
                code="E-COMPARE",
            )
    return tuple(ordered)


def _settings(result: Result) -> dict[tuple[str, ...], Any]:
    """Everything in a recipe that makes a difference, except the data, by the path of its keys."""
    flat = _flat(result.recipe)
    return {k: v for k, v in flat.items() if k[0] != "data" and k not in _NOT_COMPARED}


def _flat(table: Mapping[str, Any], above: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    flat: dict[tuple[str, ...], Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, (*above, key))
        else:
            flat[*above, key] = value
    return flat


def _telling(
    mine: Mapping[tuple[str, ...], Any], all_groups: Sequence[Mapping[tuple[str, ...], Any]]
) -> dict[str, Any]:
    """The settings to show: strengths, and settings that differ.

    Options of a method are compared within the groups of that method, other settings in all groups.
    """
    name = ("method", "name")
    telling = {}
    for key, value in mine.items():
        of_method = key[0] == "method"
        peers = [g for g in all_groups if not of_method or g[name] == mine[name]]
        differs = any(peer.get(key) != value for peer in peers)
        if differs or (of_method and key[-1] in STRENGTHS):
            telling[key[-1]] = value
    return telling
