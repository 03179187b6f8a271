"""What a benchmark needs is estimated near enough to decide whether to start it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from metabit.trainer.data import bundled
from metabit.trainer.generative.plan import make_plan
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.recipe.dgm_options import DgmOptions
from metabit.trainer.reproduction import benchmark as benchmarks
from metabit.trainer.reproduction.needs import SIZES, counts, generator_products, needs

MEASURED = Path(__file__).parents[2] / "benchmarks" / "results" / "reproduce"


def on_cores(path: Path) -> bool:
    """Whether no run of a table was on a graphics processor, whose hours are other ones."""
    return "gpu" not in json.loads(path.read_text())["circumstances"]


TABLES = [path for path in sorted(MEASURED.glob("*.json")) if on_cores(path)]


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_hours_are_within_a_factor_of_three_of_those_measured(path: Path) -> None:
    document = json.loads(path.read_text())
    estimated = needs(benchmarks.load(document["benchmark"]), document["scale"])
    seconds = [row["metrics"]["seconds"]["mean"] for row in document["rows"]]
    benchmark = benchmarks.load(document["benchmark"])
    hours = sum(seconds) * benchmark.seeds / 3600 * len(benchmark.rows) / len(seconds)
    assert hours / 3 < estimated.core_hours < hours * 3


def test_a_convolution_is_counted_by_its_kernels_and_its_positions() -> None:
    recipe = recipe_from_dict(
        {
            "name": "pictures",
            "data": {"name": "cifar-10", "stream": "single"},
            "network": {"convolutions": [[16, 3, 2], [32, 3, 2]], "hidden": [20]},
            "train": {"epochs": 1},
        }
    )
    kernels = 3 * 16 * 9, 16 * 32 * 9
    dense = 32 * 8 * 8 * 20 + 20 * 10
    n_weights, n_products, n_map_values = counts(recipe)
    assert n_weights == sum(kernels) + dense
    assert n_products == kernels[0] * 32 * 32 + kernels[1] * 16 * 16 + dense
    assert n_map_values == 16 * 32 * 32 + 32 * 16 * 16


@pytest.mark.parametrize("layers", ["dense", "conv"])
@pytest.mark.parametrize(("name", "shape"), [("mnist", (28, 28)), ("cifar-10", (3, 32, 32))])
def test_a_generator_is_counted_by_its_kernels_and_what_they_read(
    layers: str, name: str, shape: tuple[int, ...]
) -> None:
    method = DgmOptions(layers=layers, generator=(20, 10), noise=32)
    plan = make_plan(layers, 42, 2, shape)
    n_products, x = 0, torch.zeros(1, 42)
    x = plan.spread(x)
    for layer, matrix in zip(plan.layers, plan.shapes((20, 10)), strict=True):
        n_products += math.prod(matrix) * x[0, 0].numel()
        x = layer.apply(x, torch.zeros(matrix))
    assert generator_products(method, SIZES[name]) == n_products


@pytest.mark.parametrize("name", ["digits", "hapt"])
def test_sizes_are_those_of_the_sets(name: str) -> None:
    found, size = bundled.load(name), SIZES[name]
    assert (len(found.train.y), len(found.test.y)) == (size.n_train, size.n_test)
    assert found.train.x[0].size == size.n_values
    assert found.n_classes == size.n_classes
