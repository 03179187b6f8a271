"""A small model, and a device that runs it: what most tests here need."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from helpers.random_models import random_model

from metabit.edge_runtime.options import Options
from metabit.export.container import dumps
from metabit.firmware_sim import boards, session
from metabit.firmware_sim.machines.device import Device
from metabit.firmware_sim.session import Session

SIZES = (65, 33, 5)


@pytest.fixture(scope="session")
def blob() -> bytes:
    return dumps(random_model(SIZES, seed=4))


@pytest.fixture(scope="session")
def start(blob: bytes) -> Callable[..., Session]:
    """Build the small model for a board by its name."""

    def make(board: str, learn: str = "all") -> Session:
        return session.start(blob, boards.load(board), learn, Options())

    return make


@pytest.fixture(params=["nrf52840", "raspberry-pi-3b-plus"])
def board_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def device(start: Callable[..., Session], board_name: str) -> Device:
    """The small model on a board, booted and open."""
    made = start(board_name).device()
    made.open()
    return made
