"""What a benchmark needs is estimated near enough to decide whether to start it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from metabit.trainer.data import bundled
from metabit.trainer.reproduction import benchmark as benchmarks
from metabit.trainer.reproduction.needs import SIZES, needs

MEASURED = Path(__file__).parents[2] / "benchmarks" / "results" / "reproduce"
TABLES = [path for path in sorted(MEASURED.glob("*.json")) if "quadratic" not in path.stem]


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_hours_are_within_a_factor_of_three_of_those_measured(path: Path) -> None:
    document = json.loads(path.read_text())
    estimated = needs(benchmarks.load(document["benchmark"]), document["scale"])
    if estimated is None:
        assert document["experiment"]
        return
    seconds = [row["metrics"]["seconds"]["mean"] for row in document["rows"]]
    benchmark = benchmarks.load(document["benchmark"])
    hours = sum(seconds) * benchmark.seeds / 3600 * len(benchmark.rows) / len(seconds)
    assert hours / 3 < estimated.core_hours < hours * 3


@pytest.mark.parametrize("name", ["digits", "hapt"])
def test_sizes_are_those_of_the_sets(name: str) -> None:
    found, size = bundled.load(name), SIZES[name]
    assert (len(found.train.y), len(found.test.y)) == (size.n_train, size.n_test)
    assert found.train.x[0].size == size.n_values
    assert found.n_classes == size.n_classes
