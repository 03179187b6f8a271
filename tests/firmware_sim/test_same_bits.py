"""The firmware on an emulated core gives the host's bits: inference, learning, saved state."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.random_models import plain_scores, random_model, random_samples, small_convnet

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.options import Head, Options
from metabit.edge_runtime.plan import plan
from metabit.errors import CorruptError, FormatError, MismatchError
from metabit.export.container import dumps
from metabit.export.heads.home import with_head
from metabit.export.spec import Told
from metabit.firmware_sim import boards, session
from metabit.firmware_sim.machines.device import Device
from metabit.firmware_sim.simulate import simulate

#: Cores without floating point in hardware; most are board files of the tests' own.
OWN = Path(__file__).parent / "boards"
SOFT = [
    str(OWN / "cortex-m0plus.toml"),
    pytest.param(str(OWN / "cortex-m4-soft.toml"), marks=pytest.mark.long),
    pytest.param("raspberry-pi-pico-2-riscv", marks=pytest.mark.long),
]
BOARDS = ["nrf52840", "raspberry-pi-3b-plus"]
#: More than a counting head takes from one solution of its weights to the next; a thousand are
#: taken on every core in test_every_board.py.
STEPS = 300
SHAPES = [
    (1, 1, 2),
    (31, 32, 3),
    (32, 33, 5),
    (33, 63, 4),
    (63, 20, 3),
    (65, 31, 2),
    (127, 64, 65, 7),
    (40, 128, 97, 7),
    (784, 16, 10),
]


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("sizes", SHAPES, ids=str)
def test_predictions_are_the_hosts(board: str, sizes: tuple[int, ...]) -> None:
    check_predictions(board, sizes)


@pytest.mark.parametrize("board", SOFT, ids=lambda b: Path(b).stem)
@pytest.mark.parametrize("sizes", SHAPES[-3:], ids=str)
def test_predictions_without_floating_point_hardware_are_the_hosts(
    board: str, sizes: tuple[int, ...]
) -> None:
    check_predictions(board, sizes)


def check_predictions(board: str, sizes: tuple[int, ...]) -> None:
    """`simulate` compares with the engine; here its answer is compared with plain floats too."""
    signed = sizes[0] % 2 == 1
    model = random_model(
        sizes,
        seed=sum(sizes),
        dtype="int8" if signed else "uint8",
        zero_point=-7 if signed else 128,
    )
    x = random_samples(np.random.default_rng(1), model.input, 12)
    made = simulate(dumps(model), board, x=x)
    expected = plain_scores(model, x)
    assert np.array_equal(made.scores, expected)
    assert np.array_equal(made.labels, expected.argmax(axis=1))
    assert made.self_test_samples == 3


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize(
    "sizes",
    [
        (65, 33, 5),
        pytest.param((33, 9, 3), marks=pytest.mark.long),
        pytest.param((127, 16, 4), marks=pytest.mark.long),
    ],
    ids=str,
)
@pytest.mark.parametrize("bits", [8, 4])
def test_learning_steps_and_the_saved_state_are_the_hosts(
    board: str, sizes: tuple[int, ...], bits: int
) -> None:
    model = random_model(sizes, seed=3, bits=bits, dtype="int8")
    rng = np.random.default_rng(7)
    x, y = random_samples(rng, model.input, STEPS), rng.integers(0, sizes[-1], STEPS)
    made = simulate(
        dumps(model), board, x=x, y=y, learn="all", n_samples=STEPS, seed=5, n_counted=1
    )
    engine = Engine(dumps(model), learn="all", seed=5)
    assert np.array_equal(made.learnt, engine.learn(x, y))
    assert made.state_image == engine.save_state()
    assert made.state_image != Engine(dumps(model), learn="all", seed=5).save_state()
    planned = plan(dumps(model), learn="all", panels=boards.load(board).panels)
    assert made.arena_bytes == planned.arena_bytes


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("head", ["counting", "counting-small", "tracking"])
def test_samples_of_a_head_and_its_state_are_the_hosts(board: str, head: Head) -> None:
    model = random_model((33, 20, 4), seed=3, dtype="int8")
    rng = np.random.default_rng(7)
    x, y = random_samples(rng, model.input, STEPS), rng.integers(0, 5, STEPS)
    blob = dumps(with_head(model, x[:200], y[:200] % 4, spare_classes=1, ram_bytes=4000))
    made = simulate(blob, board, x=x, y=y, learn=head, n_samples=STEPS, seed=5, n_counted=1)
    engine = Engine(blob, learn=head, seed=5)
    assert np.array_equal(made.learnt, engine.learn(x, y))
    assert made.state_image == engine.save_state()
    assert made.state_image != Engine(blob, learn=head, seed=5).save_state()


@pytest.mark.long
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("learn", ["head", "tracking"])
def test_a_thousand_samples_with_replay_and_their_state_are_the_hosts(
    board: str, learn: str
) -> None:
    model = random_model((33, 40, 4), seed=3, dtype="int8")
    rng = np.random.default_rng(7)
    x, y = random_samples(rng, model.input, 1000), np.arange(1000) // 250
    made = simulate(
        dumps(model), board, x=x, y=y, learn=learn, n_samples=1000, seed=5, replay=60, n_counted=1
    )
    engine = Engine(dumps(model), learn=learn, seed=5, replay=60)
    assert np.array_equal(made.learnt, engine.learn(x, y))
    assert made.state_image == engine.save_state()
    planned = plan(dumps(model), learn=learn, panels=boards.load(board).panels, replay=60)
    assert made.arena_bytes == planned.arena_bytes


@pytest.mark.long
@pytest.mark.parametrize("board", BOARDS)
def test_a_thousand_steps_of_batches_and_their_state_are_the_hosts(board: str) -> None:
    model = random_model((33, 9, 3), seed=3)
    rng = np.random.default_rng(7)
    x, y = random_samples(rng, model.input, 2000), rng.integers(0, 3, 2000)
    made = simulate(
        dumps(model), board, x=x, y=y, learn="all", batch=2, n_samples=2000, n_counted=1
    )
    engine = Engine(dumps(model), learn="all", batch=2)
    assert np.array_equal(made.learnt, engine.learn(x, y))
    assert made.state_image == engine.save_state()


@pytest.mark.parametrize("board", SOFT, ids=lambda b: Path(b).stem)
def test_a_tracking_head_without_floating_point_hardware_is_the_hosts(board: str) -> None:
    """The file says that it tracks: a board learns what the recipe said, as the host does."""
    blob = dumps(replace(random_model((9, 5, 3), seed=3), told=Told(goal="track")))
    made = simulate(blob, board, learn="auto", n_samples=150, n_counted=1)
    assert made.choice == "learning the tracking head, 64 hidden units"
    assert len(made.learnt) == 150


@pytest.mark.parametrize("board", SOFT, ids=lambda b: Path(b).stem)
def test_learning_without_floating_point_hardware_is_the_hosts(board: str) -> None:
    model = random_model((65, 33, 5), seed=3)
    made = simulate(dumps(model), board, learn="all", n_samples=150, n_counted=1)
    assert len(made.learnt) == 150
    assert made.state_bytes > 0


@pytest.mark.parametrize("board", [*BOARDS, *SOFT], ids=lambda b: Path(b).stem)
def test_convolutions_predict_and_learn_as_on_the_host(board: str) -> None:
    model = small_convnet(dtype="int8", zero_point=-7, step_levels=0.2)
    rng = np.random.default_rng(7)
    x, y = random_samples(rng, model.input, 25), rng.integers(0, 4, 25)
    made = simulate(dumps(model), board, x=x, y=y, learn="all", n_samples=25, seed=5, n_counted=1)
    assert np.array_equal(made.scores, plain_scores(model, x))
    engine = Engine(dumps(model), learn="all", seed=5)
    untaught = engine.save_state()
    assert np.array_equal(made.learnt, engine.learn(x, y))
    assert made.state_image == engine.save_state() != untaught


@pytest.mark.parametrize(
    "options",
    [
        {"learn": "head"},
        {"learn": 2, "bits": 4},
        {"learn": "all", "bank": 1, "m": 0.0, "step_levels": 1.5, "seed": 99},
        {"learn": "auto"},
    ],
    ids=str,
)
def test_every_option_reaches_the_board(options: dict[str, Any]) -> None:
    """`simulate` fails when board and host differ; the option must also change what is learnt, but
    for "auto", which learns the same and has room for contexts besides."""
    blob = dumps(random_model((33, 31, 17, 3), seed=8, n_banks=2))
    plain = simulate(blob, "nrf52840", learn="all", n_samples=40)
    made = simulate(blob, "nrf52840", n_samples=40, **options)
    assert made.state_bytes > 0
    learnt = slice(64, len(plain.state_image) - 4)
    same = made.state_image[learnt] == plain.state_image[learnt]
    assert same == (options["learn"] == "auto")


@pytest.mark.parametrize("board", [*BOARDS, *SOFT], ids=lambda b: Path(b).stem)
@pytest.mark.parametrize("network", ["dense", "conv"])
def test_boards_learn_in_batches_as_the_host_does(board: str, network: str) -> None:
    """The last step takes what is left of the samples."""
    dense = network == "dense"
    model = random_model((33, 17, 4), seed=3) if dense else small_convnet(step_levels=0.2)
    rng = np.random.default_rng(7)
    x, y = random_samples(rng, model.input, 30), rng.integers(0, 4, 30)
    made = simulate(dumps(model), board, x=x, y=y, learn="all", batch=8, seed=5)
    engine = Engine(dumps(model), learn="all", batch=8, seed=5)
    assert np.array_equal(made.learnt, engine.learn(x, y))
    assert made.state_image == engine.save_state()
    one_by_one = Engine(dumps(model), learn="all", seed=5).partial_fit(x, y)
    assert made.state_image != one_by_one.save_state()
    assert made.learn is not None
    assert made.learn.n_samples == 8


def device_for(blob: bytes, board: str, learn: str = "all") -> Device:
    device = session.start(blob, boards.load(board), learn, Options()).device()
    device.open()
    return device


@pytest.mark.parametrize("board", BOARDS)
def test_a_state_moves_from_board_to_host_and_back(board: str) -> None:
    model = random_model((33, 17, 4), seed=2)
    blob, rng = dumps(model), np.random.default_rng(3)
    x, y = random_samples(rng, model.input, 60), rng.integers(0, 4, 60)
    device = device_for(blob, board)
    for sample, truth in zip(x[:30], y[:30], strict=True):
        device.learn(sample[None], truth[None])
    host = Engine(blob, learn="all")
    host.load_state(device.save_state())
    host.learn(x[30:], y[30:])
    other = device_for(blob, board)
    other.load_state(device.save_state())
    for sample, truth in zip(x[30:], y[30:], strict=True):
        other.learn(sample[None], truth[None])
    assert other.save_state() == host.save_state()
    assert other.status() == replace(host.status(), class_accuracy=())


@pytest.mark.parametrize("board", BOARDS)
def test_the_board_refuses_bad_states_and_keeps_its_own(board: str, blob: bytes) -> None:
    device = device_for(blob, board)
    mine = device.save_state()
    foreign = dumps(random_model((65, 33, 5), seed=99))
    flipped = bytearray(mine)
    flipped[-100] ^= 4
    for image, error in (
        (bytes(flipped), CorruptError),
        (b"x" * len(mine), FormatError),
        (device_for(foreign, board).save_state(), MismatchError),
    ):
        with pytest.raises(error, match=board):
            device.load_state(image)
        assert device.save_state() == mine


@pytest.mark.parametrize("board", BOARDS)
def test_a_damaged_model_is_refused_on_the_board(board: str, blob: bytes) -> None:
    """One bit flips in flash after the firmware was written."""
    device = session.start(blob, boards.load(board), "all", Options()).device()
    at = device.emulator.symbol("fw_blob") + 200
    device.emulator.write(at, bytes([device.emulator.read(at, 1)[0] ^ 1]))
    with pytest.raises(CorruptError, match="command open"):
        device.open()
