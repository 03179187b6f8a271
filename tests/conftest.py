"""Fixtures that every part of the tests shares."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from metabit.trainer import data
from metabit.trainer.data.dataset import DataSet


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--variants", help="folder with builds of tests/c/replay.c: `make c-variants`")
    parser.addoption("--tflite-python", help="a Python with tflite-runtime: `make tflite-runtime`")


@pytest.fixture(scope="session")
def digits() -> DataSet:
    return data.load("digits")


@pytest.fixture(scope="session")
def hapt() -> DataSet:
    return data.load("hapt")


def _load_or_skip(name: str) -> DataSet:
    """The set; where METABIT_DATA is set it must be there, elsewhere the test is skipped."""
    if data.find(name) is None:
        where = ", ".join(str(folder) for folder in data.search_path(name))
        if os.environ.get("METABIT_DATA"):
            pytest.fail(f"METABIT_DATA is set, but {name} is in none of: {where}")
        pytest.skip(f"{name} is in none of: {where}")
    return data.load(name)


@pytest.fixture(scope="session")
def mnist() -> DataSet:
    return _load_or_skip("mnist")


@pytest.fixture(scope="session")
def fashion_mnist() -> DataSet:
    return _load_or_skip("fashion-mnist")


@pytest.fixture(scope="session")
def load_or_skip() -> Callable[[str], DataSet]:
    """Loads a set by name, for tests that are parametrized by it."""
    return _load_or_skip
