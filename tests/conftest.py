"""Fixtures that every part of the tests shares."""

from __future__ import annotations

import pytest

from metabit.trainer import data
from metabit.trainer.data.dataset import DataSet

pytest_plugins = ("helpers.data_guard",)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--variants", help="folder with builds of tests/c/replay.c: `make c-variants`")
    parser.addoption("--rp2040js", help="a folder with Node and rp2040js: `make boot-pico`")
    parser.addoption("--tflite-python", help="a Python with tflite-runtime: `make tflite-runtime`")


@pytest.fixture(scope="session")
def digits() -> DataSet:
    return data.load("digits")


@pytest.fixture(scope="session")
def hapt() -> DataSet:
    return data.load("hapt")
