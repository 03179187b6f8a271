"""The front end makes the same samples on emulated cores, within the instructions it is allowed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import plan
from metabit.export.c_source import ArenaBytes, c_files
from metabit.export.container import dumps
from metabit.export.windows import samples_of_recording
from metabit.firmware_sim import boards, linker
from metabit.firmware_sim.build import (
    C_FLAGS,
    FIRMWARE,
    INCLUDES,
    Firmware,
    compile_objects,
    run_zig,
)
from metabit.firmware_sim.elf import parse
from metabit.firmware_sim.machines.emulator import Emulator
from metabit.trainer import data
from metabit.trainer.frontend import Operations, fit
from metabit.trainer.frontend.features import windows_of
from metabit.trainer.frontend.front_end import STATISTICS

PROGRAM = Path(__file__).parents[1] / "export" / "c_program" / "sensor.c"
OWN_BOARDS = Path(__file__).parent / "boards"
MOST = {"nrf52840": 300_000, "cortex-m0plus": 1_100_000, "raspberry-pi-3b-plus": 220_000}
"""Instructions that one window of six channels and 128 frames may take, spectrum included."""


@pytest.mark.parametrize("name", MOST)
def test_a_board_makes_the_samples_of_the_trainer(name: str, tmp_path: Path) -> None:
    own = OWN_BOARDS / f"{name}.toml"
    board = boards.load(str(own) if own.exists() else name)
    does = Operations(6, 128, 64, STATISTICS, (1, 2, 3, 5, 8, 14, 23, 39, 65), "also")
    hapt = data.load("hapt").train.x[:60].transpose(0, 2, 1)
    front_end = fit(windows_of(hapt.reshape(-1, 6), does), does)
    model = replace(random_model((does.n_inputs, 8, 3), seed=1, dtype="int8"), front_end=front_end)
    blob, frames = dumps(model), hapt[7].astype(np.int16)
    arena_bytes = plan(blob, learn="none").arena_bytes
    files = c_files(model, blob, "sensor_model", ArenaBytes(arena_bytes, arena_bytes, ""), "a test")
    for file, content in files.items():
        (tmp_path / file).write_bytes(content)
    values = ",".join(map(str, frames.ravel().tolist()))
    (tmp_path / "frames.c").write_text(
        "#include <stdint.h>\nextern const int16_t frames[];\n"
        f"const int16_t frames[] = {{{values}}};\n"
    )
    device = started(board, tmp_path)
    device.run()
    counts = device.run(count=True)
    device.run()
    results = np.frombuffer(device.read(device.symbol("sensor_results"), 16), "<i4").tolist()
    sample = np.frombuffer(device.read(device.symbol("sensor_sample"), does.n_inputs), np.int8)
    expected = samples_of_recording(frames, front_end)
    assert np.array_equal(sample, expected[0])
    assert results == [0, 0, 1, int(Engine(blob).predict(expected)[0])]
    assert counts is not None
    assert 50_000 < counts.total < MOST[name]


def started(board: boards.Board, folder: Path) -> Emulator:
    """The program with the core, built for the board, before its first instruction."""
    core = compile_objects(board)
    (folder / "link.ld").write_text(linker.script(board))
    start = FIRMWARE / f"start_{'cortex_m' if board.isa == 'thumb' else board.isa}.S"
    sources = (start, PROGRAM, folder / "sensor_model.c", folder / "frames.c")
    for file in sources:
        compiled = [f"-I{folder}", *INCLUDES, "-c", str(file), "-o", f"{file.stem}.o"]
        run_zig([*board.flags, *C_FLAGS, *compiled], folder, board.name)
    parts = [str(path) for path in core.glob("core/*.o")]
    objects = [f"{file.stem}.o" for file in sources]
    link = ["-T", "link.ld", "-Wl,--gc-sections", "-Wl,-e,fw_reset", "-o", "out.elf"]
    run_zig([*board.flags, *parts, *objects, *link], folder, board.name)
    elf = (folder / "out.elf").read_bytes()
    return Emulator(Firmware(board, elf, parse(elf, thumb=board.isa == "thumb")))
