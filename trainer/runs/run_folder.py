"""The folder of a training run: makes it ready for a run, and reads a finished run.

    RUN/recipe.toml             the recipe, with all defaults written out
    RUN/checkpoint.safetensors  what is needed to continue: weights, moments, random state, position
    RUN/model.safetensors       the trained network
    RUN/input.safetensors       what the network reads: scale, zero point, a few test samples
    RUN/home.safetensors        training samples, from which an export counts what is known
    RUN/frontend.safetensors    the front end, if the recipe has one
    RUN/metrics.json            accuracy matrix, ACC, BWT, FWT, forgetting, versions, time
    RUN/accuracy.png            the accuracy matrix as a picture
    RUN/weights.png             histogram of the weights of each layer
    RUN/by_task.png             what a method grows or frees from task to task; only of such methods

Every file is replaced as a whole, and metrics.json comes last: a folder that has it holds a
finished run. This module needs no PyTorch; only `Run.model` imports it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from metabit.errors import CorruptError, FormatError, InputError, StorageError, reason
from metabit.files import write_whole
from metabit.trainer.metrics import Matrix
from metabit.trainer.networks.recipe_shape import MODEL
from metabit.trainer.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from metabit.trainer.networks.network import Network

METRICS_SCHEMA = "metabit.metrics"
METRICS_VERSION = 2

RECIPE, METRICS = "recipe.toml", "metrics.json"
CHECKPOINT = "checkpoint.safetensors"
ACCURACY_PLOT, WEIGHTS_PLOT, BY_TASK_PLOT = "accuracy.png", "weights.png", "by_task.png"


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run.

    Attributes:
        path: its folder.
        recipe: what was trained on what.
        metrics: contents of metrics.json.
    """

    path: Path
    recipe: Recipe
    metrics: dict[str, Any]

    @cached_property
    def model(self) -> Network:
        """The trained network, in evaluation mode, with the last task's bank active.

        It is read when it is first used, so that metrics can be compared without PyTorch.

        Raises:
            StorageError, FormatError, CorruptError: the file cannot be read, or is damaged.
        """
        from metabit.trainer.networks.build import read_network

        return read_network(self.path / MODEL)

    @property
    def dataset(self) -> str:
        """Name of the data set, for `metabit.trainer.data.load`."""
        return self.recipe.data.title

    @property
    def m(self) -> float | tuple[float, ...]:
        """Metaplasticity coefficient: one number, or one per layer."""
        return self.recipe.method.m

    @property
    def accuracy_matrix(self) -> Matrix:
        """R[i, j], accuracy on task j after task i; NaN where not measured."""
        rows = self.metrics["accuracy_matrix"]
        return np.array([[np.nan if v is None else v for v in row] for row in rows])


def check_folder(path: Path, recipe: Recipe, resume: bool) -> None:
    """Refuse a folder that a run of `recipe` cannot be written into. Nothing is changed.

    Raises:
        InputError: a run is there and `resume` is False; no run is there and `resume` is True; the
            folder has other files; or the run began with another recipe.
        StorageError: the folder cannot be read.
    """
    try:
        entries = sorted(entry.name for entry in path.iterdir())
    except FileNotFoundError:
        entries = []
    except OSError as error:
        raise _unusable(path, error) from error
    has_run = RECIPE in entries
    if resume and not has_run:
        raise InputError(f"{path}: no run to resume here; leave --resume out", code="E-RUN-NONE")
    if has_run and not resume:
        raise InputError(
            f"{path}: holds a run already; choose another folder, or resume it with --resume",
            code="E-RUN-EXISTS",
        )
    if not has_run and entries:
        raise InputError(
            f"{path}: holds other files ({entries[0]}, ...) and no run; choose an empty folder",
            code="E-RUN-FOREIGN",
        )
    if has_run:
        _check_same(path, recipe)


def open_folder(path: Path, recipe: Recipe, resume: bool) -> None:
    """Make the folder ready for a run of `recipe`, or for continuing one.

    Raises:
        InputError, StorageError: see `check_folder`; or the folder cannot be made.
    """
    check_folder(path, recipe, resume)
    if (path / RECIPE).exists():
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(path, error) from error
    write_whole(path / RECIPE, recipe.to_toml().encode())


def _unusable(path: Path, error: OSError) -> StorageError:
    return StorageError(f"run folder {path}: cannot be used ({reason(error)})", code="E-RUN")


def _check_same(path: Path, recipe: Recipe) -> None:
    before = load_recipe(path / RECIPE)
    if before == recipe:
        return
    old, new = _flat(before.to_dict()), _flat(recipe.to_dict())
    changes = [
        f"{key} {old.get(key, 'not given')} -> {new.get(key, 'not given')}"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key) and key != "description"
    ]
    raise InputError(
        f"{path}: the run began with another recipe ({'; '.join(changes)}); "
        "resume with the same one, or train into another folder",
        code="E-RUN-RECIPE",
    )


def _flat(tables: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tables.items():
        if isinstance(value, dict):
            flat.update({f"[{key}] {inner}": v for inner, v in value.items()})
        else:
            flat[key] = value
    return flat


def write_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    """Write metrics.json, with null for NaN."""
    document = {"schema": METRICS_SCHEMA, "version": METRICS_VERSION, **metrics}
    text = json.dumps(_without_nan(document), indent=2, allow_nan=False)
    write_whole(path, (text + "\n").encode())


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and value != value else value


def read_metrics(path: Path) -> dict[str, Any]:
    """Contents of metrics.json.

    Raises:
        StorageError: the file cannot be read.
        CorruptError: not JSON.
        FormatError: not metrics of a version that this metabit knows.
    """
    try:
        metrics = json.loads(path.read_bytes())
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({reason(error)})", code="E-RUN") from error
    except ValueError as error:
        raise CorruptError(f"{path}: not JSON ({error})", code="E-METRICS-JSON") from error
    _check_schema(path, metrics, METRICS_SCHEMA, METRICS_VERSION)
    result: dict[str, Any] = metrics
    return result


def _check_schema(path: Path, content: Any, schema: str, version: int) -> None:
    if not isinstance(content, dict) or content.get("schema") != schema:
        raise FormatError(f"{path}: does not hold {schema}", code="E-SCHEMA")
    if content.get("version") != version:
        raise FormatError(
            f"{path}: {schema} version {content.get('version')}, this metabit reads {version}",
            code="E-SCHEMA",
        )


def load_run(path: str | Path) -> Run:
    """A finished run, from its recipe and metrics; the network is read when it is first used.

    Raises:
        InputError: no run is there, or it is not finished.
        StorageError, FormatError, CorruptError: a file cannot be read, or is damaged.
    """
    path = Path(path)
    if not (path / RECIPE).is_file():
        raise InputError(
            f"{path}: not a run folder (no {RECIPE}); `metabit train RECIPE -o {path}` makes one",
            code="E-RUN-NONE",
        )
    recipe = load_recipe(path / RECIPE)
    if not (path / METRICS).is_file():
        raise InputError(
            f"{path}: this run is not finished; `metabit train RECIPE -o {path} --resume` "
            "continues it",
            code="E-RUN-UNFINISHED",
        )
    return Run(path, recipe, read_metrics(path / METRICS))
