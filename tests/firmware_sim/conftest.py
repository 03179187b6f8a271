"""A small model, and a device that runs it: what most tests here need."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator

import pytest
from helpers.link_rig import BLOB, LEARNS, Rig, compile_rig
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


@pytest.fixture(scope="session")
def link_library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return compile_rig(tmp_path_factory.mktemp("link"))


@pytest.fixture
def rig(link_library: ctypes.CDLL) -> Iterator[Callable[..., Rig]]:
    """Devices in memory, each at the other end of a line."""
    made: list[Rig] = []

    def make(
        kind: type[Rig] = Rig, options: Options = LEARNS, blob: bytes = BLOB, **more: object
    ) -> Rig:
        made.append(kind(link_library, blob, options, **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()
