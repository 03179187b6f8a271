"""An emulated core whose flash is written as a chip's, and a device on it that learns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from helpers.random_models import random_model, random_samples
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.options import Options
from metabit.export.container import dumps
from metabit.firmware_sim import boards
from metabit.firmware_sim.build import Firmware
from metabit.firmware_sim.cost.counting import Counts
from metabit.firmware_sim.deploy.core_line import CoreLine
from metabit.firmware_sim.deploy.flash_image import debug_image
from metabit.firmware_sim.link.client import LinkClient
from metabit.firmware_sim.link.device import LinkedDevice
from metabit.firmware_sim.machines.emulator import Emulator

MODEL = random_model((12, 33, 4), seed=3)
BLOB = dumps(MODEL)


class Chip(Emulator):
    """An emulated core whose flash is written as a chip's."""

    def __init__(self, firmware: Firmware, flash: bytes | None = None) -> None:
        super().__init__(firmware)
        region = firmware.board.flash
        assert region is not None
        self.flash, self.misused = region, ""
        if firmware.board.isa == "thumb" and firmware.board.core != "cortex-m0plus":
            self._uc.mem_map(0xE0001000, 4096)  # the unit with the counter of cycles, at a stand
        if flash is not None:
            self.write(region.origin, flash)

    def forbid(self, wrong: bool, what: str) -> None:
        """An exception would not come through the emulator."""
        if wrong and not self.misused:
            self.misused = what
            self._uc.emu_stop()

    def run(self, *, count: bool = False) -> Counts | None:
        """What was forbidden stops the core, and is said instead of that."""
        try:
            return super().run(count=count)
        finally:
            assert not self.misused, self.misused

    def contents(self) -> bytes:
        return self.read(self.flash.origin, self.flash.bytes)


def teach(make: Callable[[bytes | None], Chip]) -> None:
    """What is committed is there after a reset, twice, and the chip was not misused."""
    host, flash = Engine(BLOB, learn="all"), None
    x = random_samples(np.random.default_rng(3), MODEL.input, 6)
    y = np.arange(6, dtype=np.int32) % 4
    for n_learnt in (0, 6, 12):
        chip = make(flash)
        device = LinkedDevice(LinkClient(CoreLine(chip, "chip")))
        assert (device.info.restored, device.info.session) == (int(n_learnt > 0), n_learnt)
        assert device.state_out() == host.save_state()
        device.learn(n_learnt + 6, x, y, commit_every=6)
        host.learn(x, y)
        flash = chip.contents()


def firmware_of(board: str) -> Firmware:
    made, _ = debug_image(
        BLOB, boards.load(board), "all", Options(), emulated=False, keeps_at_host=False
    )
    return made
