"""RAM, flash and stack are known to the byte: what is said is enough, and less is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples

from metabit.edge_runtime.options import Options
from metabit.errors import BudgetError, MetabitError
from metabit.export.container import dumps
from metabit.firmware_sim import boards, session
from metabit.firmware_sim.boards import Board, Region
from metabit.firmware_sim.session import Session

#: Names of other lengths end the file at other bytes.
MODELS = [replace(random_model((65, 33, 5), seed=4), meta={"name": name}) for name in ("", "abcde")]
EMULATED = [name for name in boards.names() if boards.load(name).emulated]
#: One board of each core: code and stack are those of the core.
OF_EACH_CORE = sorted({boards.load(name).core: name for name in reversed(EMULATED)}.values())


def start(board: Board, number: int = 0) -> Session:
    return session.start(dumps(MODELS[number]), board, "all", Options())


@pytest.mark.long
@pytest.mark.parametrize(("name", "number"), [("nrf52840", 1), *((name, 0) for name in EMULATED)])
def test_just_as_many_bytes_fit_and_one_less_is_refused(name: str, number: int) -> None:
    board = boards.load(name)
    ram, flash = start(board, number).memory()
    first = board.ram.origin if board.flash is not None else board.load_at
    tight = replace(board, ram=Region(board.ram.origin, first - board.ram.origin + ram.used_bytes))
    less = [("RAM", replace(tight, ram=Region(tight.ram.origin, tight.ram.bytes - 1)))]
    if board.flash is not None:
        tight = replace(tight, flash=Region(board.flash.origin, flash.used_bytes))
        small = Region(board.flash.origin, flash.used_bytes - 1)
        less = [(less[0][0], replace(less[0][1], flash=tight.flash))]
        less.append(("flash", replace(tight, flash=small)))
    assert start(tight, number).fits
    for what, smaller in less:
        with pytest.raises(BudgetError, match=f"; 1 B of {what} are missing") as one:
            start(smaller, number)
        assert one.value.code == "E-BUDGET"


@pytest.mark.long
@pytest.mark.parametrize("name", OF_EACH_CORE)
def test_the_stack_that_was_used_is_enough_and_less_faults(name: str) -> None:
    board, x = boards.load(name), random_samples(np.random.default_rng(1), MODELS[0].input, 3)

    def used(stack_bytes: int) -> int:
        device = start(replace(board, stack_bytes=stack_bytes)).device()
        device.open()
        for one in x:
            device.predict(one)
            device.learn(one[None], np.zeros(1, np.int32))
        return device.stack_used_bytes()

    # Some functions for 64-bit Arm take what is left up to a multiple of 64.
    step = 64 if board.isa == "aarch64" else 16
    enough = -(-used(board.stack_bytes) // step) * step
    assert used(enough) > enough - step
    with pytest.raises(MetabitError, match="stack is exhausted") as caught:
        used(enough - step)
    assert caught.value.code == "E-SIM-FAULT"
