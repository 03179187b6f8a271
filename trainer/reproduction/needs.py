"""What a benchmark needs before it is started: hours of a core and memory, estimated from its rows.

An experiment, whose rows are no recipes, says in its file what it needs.

A step costs its overhead, and a time per weight for the optimizer and per weight and sample for the
two passes. The times per weight are of benchmarks/results/training_speed.json, where one core ran
networks of 512 to 4,096 units; the overhead, with the tests after each task in it, is of the tables
in benchmarks/results/reproduce. On a GPU runs take less.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from metabit.trainer.recipe import Recipe, recipe_from_dict
from metabit.trainer.recipe.dgm_options import DgmOptions
from metabit.trainer.recipe.method_options import AnpycOptions
from metabit.trainer.reproduction.benchmark import Benchmark, Row

SECONDS_PER_STEP = 4.5e-3
SECONDS_PER_WEIGHT = 8.3e-9
SECONDS_PER_WEIGHT_AND_SAMPLE = 1.1e-10
#: A run that trains a generator too takes so many times as long, without the products of the
#: generator itself.
WITH_GENERATOR = 4
#: Passes through a generator in a step, each as long as the two passes through a network.
GENERATOR_PASSES = 3
#: How much more products a generator has on average while it grows (generator_growth of the
#: results of dgm-split-mnist: 1.4 times as wide at the end, and 4.7 times).
GROWN = {"weights": 2, "units": 8}
#: A value of a map is normalised, rectified and pooled, in both passes (results of dgm-colours and
#: image-sets; in networks as wide as the papers' it takes a fifth of that, beside their products).
SECONDS_PER_MAP_VALUE = 4e-8
#: PyTorch, its libraries and Python.
PROGRAM_BYTES = 400_000_000
#: A weight in training: itself, its gradient, two averages of the optimizer, four of a method.
BYTES_PER_WEIGHT = 32


@dataclass(frozen=True)
class Size:
    """A data set: training and test samples, values of a sample, classes, channels of a picture."""

    n_train: int
    n_test: int
    n_values: int
    n_classes: int
    n_channels: int = 1


SIZES = {
    "digits": Size(1297, 500, 64, 10),
    "hapt": Size(8811, 2468, 768, 12),
    "mnist": Size(60_000, 10_000, 784, 10),
    "fashion-mnist": Size(60_000, 10_000, 784, 10),
    "cifar-10": Size(50_000, 10_000, 3072, 10, 3),
    "cifar-10-grey": Size(50_000, 10_000, 784, 10),
    "spoken-digits": Size(2_700, 300, 784, 10),
}
#: Streams in which every task has all samples.
_WHOLE = ("permuted", "rotated", "axes")


@dataclass(frozen=True)
class Needs:
    """Of all rows and seeds of a benchmark.

    Attributes:
        core_hours: on one core; runs that are side by side share them.
        memory_bytes: of one run, the largest.
    """

    core_hours: float
    memory_bytes: int


def needs(benchmark: Benchmark, scale: str) -> Needs:
    """What a benchmark needs.

    Args:
        benchmark: it.
        scale: small or paper.
    """
    if benchmark.experiment is not None:
        return Needs(benchmark.hours[scale], round(1e9 * benchmark.gigabytes))
    recipes = [_recipe(benchmark, row, scale) for row in benchmark.rows]
    seconds = sum(map(_seconds, recipes)) * benchmark.seeds
    return Needs(seconds / 3600, max(map(_bytes, recipes)))


def _recipe(benchmark: Benchmark, row: Row, scale: str) -> Recipe:
    first: dict[str, Any] = {key: values[0] for key, values in row.searched(scale).items()}
    return recipe_from_dict(benchmark.recipe(row, scale, first, 0))


def _n_tasks(recipe: Recipe) -> int:
    data = recipe.data
    if data.stream in _WHOLE:
        return data.n_tasks or len(data.angles or ()) or 1
    return 1  # of all others the tasks share the samples


def _seconds(recipe: Recipe) -> float:
    sets = [recipe.data.name, *(recipe.data.then or ())]
    limit = recipe.data.train_samples
    n_samples = sum(min(limit or SIZES[name].n_train, SIZES[name].n_train) for name in sets)
    n_samples *= _n_tasks(recipe) * _epochs(recipe)
    n_weights, n_products, n_map_values = counts(recipe)
    per_sample = n_products * SECONDS_PER_WEIGHT_AND_SAMPLE + n_map_values * SECONDS_PER_MAP_VALUE
    per_step = SECONDS_PER_STEP + n_weights * SECONDS_PER_WEIGHT
    seconds = n_samples * (per_sample + per_step / recipe.train.batch)
    method = recipe.method
    if not isinstance(method, DgmOptions):
        return seconds
    drawn = generator_products(method, SIZES[recipe.data.name]) * GROWN[method.variant]
    return (
        WITH_GENERATOR * seconds
        + GENERATOR_PASSES * n_samples * drawn * SECONDS_PER_WEIGHT_AND_SAMPLE
    )


def _epochs(recipe: Recipe) -> int:
    """Epochs of the first task, with those in which ANPyC trains again after pruning."""
    epochs, method = recipe.train.epochs, recipe.method
    if isinstance(method, AnpycOptions):
        return epochs + (method.retrain_epochs or epochs) * len(method.percents(0))
    return epochs


def _bytes(recipe: Recipe) -> int:
    sets = [SIZES[name] for name in (recipe.data.name, *(recipe.data.then or ()))]
    values = 4 * sum((size.n_train + size.n_test) * size.n_values for size in sets)
    return PROGRAM_BYTES + values + BYTES_PER_WEIGHT * counts(recipe)[0]


def generator_products(method: DgmOptions, size: Size) -> int:
    """Products in a generator, before it grows, for one sample.

    Args:
        method: widths and kind of its layers.
        size: what it draws.
    """
    widths = (size.n_classes + method.noise, *method.generator)
    if method.layers == "dense":
        return sum(a * b for a, b in itertools.pairwise((*widths, size.n_values)))
    # The first layer makes a small picture, and each further one, of 4 x 4 kernels, doubles its
    # sides: see `metabit.trainer.generative.plan`.
    n_positions = size.n_values // size.n_channels >> 2 * len(method.generator)
    n_products = widths[0] * widths[1] * n_positions
    for a, b in itertools.pairwise((*widths[1:], size.n_channels)):
        n_products += a * b * 4 * 4 * n_positions
        n_positions *= 4
    return n_products


def counts(recipe: Recipe) -> tuple[int, int, int]:
    """Weights of the network, and its products and the values of its maps for one sample."""
    size = SIZES[recipe.data.name]
    before, n_positions = size.n_channels, size.n_values // size.n_channels
    n_weights = n_products = n_map_values = 0
    for channels, kernel, pooling in recipe.network.convolutions:
        n_kernels = before * channels * kernel * kernel
        n_weights += n_kernels
        n_products += n_kernels * n_positions
        n_map_values += channels * n_positions
        before, n_positions = channels, n_positions // (pooling * pooling)
    widths = (before * n_positions, *recipe.network.hidden, size.n_classes)
    n_dense = sum(a * b for a, b in itertools.pairwise(widths))
    return n_weights + n_dense, n_products + n_dense, n_map_values
