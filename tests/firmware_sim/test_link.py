"""The link: no wrong answer is accepted and no sample is learnt twice, whatever the line does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from helpers.link_rig import BLOB, MODEL, BadLine, Rig, samples, survive, survive_frames
from helpers.random_models import random_model

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.options import Options
from metabit.errors import InputError, MetabitError, StorageError
from metabit.export.blob import Blob
from metabit.export.container import dumps
from metabit.export.heads.home import with_head
from metabit.export.repack import state_of, with_state, without_state
from metabit.export.spec import Model
from metabit.export.windows import samples_of_recording
from metabit.firmware_sim.link import messages
from metabit.firmware_sim.link.client import LinkClient, Patience
from metabit.firmware_sim.link.device import LinkedDevice, session_of
from metabit.firmware_sim.link.frame import FrameReader, decode, encode
from metabit.firmware_sim.link.recordings import FrameSender, SensorFrames, windows_of
from metabit.firmware_sim.link.steps import UNKNOWN
from metabit.trainer.frontend import Operations, fit
from metabit.trainer.frontend.features import windows_of as windows_of_frames
from metabit.trainer.frontend.front_end import STATISTICS

# ---- frames --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_bytes", [*range(6), 253, 254, 255, 256, 600])
@pytest.mark.parametrize("fill", [b"\0", b"\1", b"\xff"])
def test_a_frame_has_no_zero_in_it_and_gives_its_body_back(n_bytes: int, fill: bytes) -> None:
    body = fill * n_bytes
    frame = encode(body)
    assert frame[:1] == frame[-1:] == b"\0"
    assert b"\0" not in frame[1:-1]
    assert decode(frame[1:-1]) == body


def test_frames_are_found_in_whatever_pieces_they_come() -> None:
    bodies = [bytes(range(n % 256)) * 2 for n in range(0, 600, 37)]
    line = b"noise" + b"".join(map(encode, bodies))
    frames, found = FrameReader(), []
    for at in range(0, len(line), 11):
        found += frames.take(line[at : at + 11])
    assert found == bodies
    assert frames.n_damaged == 1


# ---- a good line ---------------------------------------------------------------------------------


def test_a_device_predicts_and_learns_as_the_host_does(rig: Callable[..., Rig]) -> None:
    device, host = LinkedDevice(LinkClient(rig())), Engine(BLOB, learn="all")
    x, y = samples(50)
    device.self_test()
    answered = device.predict(x)
    assert np.array_equal(answered.scores, host.scores(x))
    assert np.array_equal(answered.labels, host.predict(x))
    assert answered.cycles is not None
    told = device.learn(session_of(device.info.identity, x, y), x, y, commit_every=20)
    assert np.array_equal(told.labels, host.learn(x, y))
    assert device.state_out() == host.save_state()
    assert device.status() == host.status().__class__(
        **{**vars(host.status()), "class_accuracy": ()}
    )


def test_a_device_says_what_it_is(rig: Callable[..., Rig]) -> None:
    info = LinkedDevice(LinkClient(rig())).info
    assert (info.n_inputs, info.n_outputs, info.board) == (13, 4, "nrf52840")
    assert (info.has_storage, info.counts_cycles, info.clock_hz) == (True, True, 1_000_000)
    assert info.options.learn_layers == 2
    assert info.state_bytes == len(Engine(BLOB, learn="all").save_state())


def test_a_device_says_all_of_how_it_is_opened(rig: Callable[..., Rig]) -> None:
    options = LinkedDevice(LinkClient(rig(options=Options(learn_layers=1, replay=5)))).info.options
    assert (options.learn_layers, options.units, options.trust, options.replay) == (1, 64, 1.0, 5)


def test_a_packed_tracking_head_answers_for_its_spare_classes(rig: Callable[..., Rig]) -> None:
    x, y = samples(60)
    base = dumps(with_head(MODEL, x, y))
    image = Engine(base, learn="tracking").partial_fit(x, y).save_state()
    learnt = with_state(Blob(base).model, state_of(image, Blob(base), "image"))
    packed = dumps(without_state(learnt))
    host = Engine(packed, learn="tracking")
    device = LinkedDevice(LinkClient(rig(options=Options(head="tracking"), blob=packed)))
    assert device.info.n_outputs == host.n_outputs > MODEL.n_outputs
    assert np.array_equal(device.predict(x).scores, host.scores(x))


def test_the_same_samples_are_not_learnt_a_second_time(rig: Callable[..., Rig]) -> None:
    line = rig()
    device = LinkedDevice(LinkClient(line))
    x, y = samples(30)
    session = session_of(device.info.identity, x, y)
    device.learn(session, x, y, commit_every=30)
    state, commits = device.state_out(), line.n_commits
    told = device.learn(session, x, y, commit_every=30)
    assert told.n_before == 30
    assert set(told.labels) == {UNKNOWN}
    assert (device.state_out(), line.n_commits) == (state, commits)
    assert session_of(device.info.identity, x, y, again=2) != session


def test_a_second_client_continues_where_the_first_one_stopped(rig: Callable[..., Rig]) -> None:
    line, host = rig(), Engine(BLOB, learn="all")
    x, y = samples(40)
    first = LinkedDevice(LinkClient(line))
    session = session_of(first.info.identity, x, y)

    def stop(done: int, _total: int) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first.learn(session, x, y, commit_every=10, progress=stop)
    second = LinkedDevice(LinkClient(line))
    told = second.learn(session, x, y, commit_every=10)
    assert 20 <= told.n_before < 40
    assert np.array_equal(told.labels[told.n_before :], host.learn(x, y)[told.n_before :])
    assert second.state_out() == host.save_state()


def test_batches_are_the_hosts(rig: Callable[..., Rig]) -> None:
    options = Options(learn_layers=2, batch=8)
    device = LinkedDevice(LinkClient(rig(options=options)))
    host = Engine(BLOB, learn="all", batch=8)
    x, y = samples(45)
    told = device.learn(1, x, y)
    assert np.array_equal(told.labels, host.learn(x, y))
    assert device.state_out() == host.save_state()


def test_a_state_goes_in_and_the_device_continues_with_it(rig: Callable[..., Rig]) -> None:
    device, host = LinkedDevice(LinkClient(rig())), Engine(BLOB, learn="all")
    x, y = samples(30)
    host.learn(x, y)
    device.state_in(host.save_state())
    assert np.array_equal(device.predict(x).scores, host.scores(x))
    assert device.client.hello().is_unkept
    device.commit()
    assert not device.client.hello().is_unkept
    device.learn(5, x, y)
    host.learn(x, y)
    assert device.state_out() == host.save_state()


def test_a_damaged_or_foreign_state_is_refused_and_changes_nothing(
    rig: Callable[..., Rig],
) -> None:
    device = LinkedDevice(LinkClient(rig()))
    x, y = samples(20)
    device.learn(1, x, y)
    before = device.state_out()
    damaged = bytearray(before)
    damaged[len(damaged) // 2] ^= 1
    foreign = Engine(dumps(random_model((13, 9, 4), seed=8)), learn="all").save_state()
    refused = {
        bytes(damaged): "E-STATE-CRC", before[:-4]: "E-STATE-CRC", before + b"1234": "E-STATE-CRC",
        b"": "E-STATE-CRC", foreign: "E-MISMATCH",
    }  # fmt: skip
    for image, code in refused.items():
        with pytest.raises(MetabitError) as caught:
            device.state_in(image)
        assert caught.value.code == code
        assert device.client.hello().n_learnt == 20
        assert device.state_out() == before


@pytest.mark.parametrize("readings", [0, 1, 2])
def test_a_state_that_stops_coming_in_changes_nothing(
    rig: Callable[..., Rig], readings: int
) -> None:
    """In the second reading, which takes it over, the device goes back to its last commit."""
    client = LinkClient(rig())
    device = LinkedDevice(client)
    x, y = samples(24)
    device.learn(1, x[:20], y[:20], commit_every=20)
    before = device.state_out()
    device.learn(1, x, y)
    after = device.state_out()
    fresh = Engine(BLOB, learn="all").save_state()
    reply = client.ask(messages.STATE_IN, messages.COUNT.pack(len(fresh)))
    n_read = 0
    while n_read < readings:
        at, n = messages.PIECE_WANTED.unpack(reply.payload)
        reply = client.ask(messages.PIECE, messages.COUNT.pack(at) + fresh[at : at + n])
        n_read += at + n == len(fresh) or n_read == 1
    assert client.hello().n_learnt == (20 if readings == 2 else 24)
    assert device.state_out() == (before if readings == 2 else after)


def test_a_self_test_does_not_take_what_is_not_committed(rig: Callable[..., Rig]) -> None:
    device = LinkedDevice(LinkClient(rig()))
    x, y = samples(5)
    device.learn(1, x, y)
    state = device.state_out()
    with pytest.raises(InputError, match="commit it first") as caught:
        device.self_test()
    assert caught.value.code == "E-DEVICE-UNKEPT"
    device.commit()
    device.self_test()
    assert device.state_out() == state


def test_a_device_without_storage_says_so_and_a_reset_is_not_passed_over(
    rig: Callable[..., Rig],
) -> None:
    line = rig(has_storage=False)
    device = LinkedDevice(LinkClient(line))
    x, y = samples(30)
    with pytest.raises(InputError, match="no storage") as caught:
        device.learn(1, x, y, commit_every=10)
    assert caught.value.code == "E-DEVICE-STORAGE"

    def reset(done: int, _total: int) -> None:
        if done >= 10:
            line.deliver(b"\0", calls_to_live=0)

    with pytest.raises(StorageError, match="was reset") as lost:
        device.learn(1, x, y, progress=reset)
    assert lost.value.code == "E-DEVICE-LOST"


def test_a_line_that_is_dead_is_an_error_and_not_a_wait_for_ever() -> None:
    class Dead:
        where = "nothing"

        def write(self, data: bytes) -> None:
            self.n = getattr(self, "n", 0) + 1

        def read(self, seconds: float) -> bytes:
            return b""

        def close(self) -> None:
            pass

    line = Dead()
    with pytest.raises(StorageError, match="does not answer") as caught:
        LinkClient(line, Patience(tries=3)).hello()
    assert caught.value.code == "E-DEVICE-SILENT"
    assert line.n == 3


# ---- a device with a front end -------------------------------------------------------------------

DOES = Operations(3, 16, 5, STATISTICS, (), "none", stack=2)


def sensor(n_frames: int, seed: int) -> SensorFrames:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 900, (n_frames, DOES.n_channels)).astype(np.int16)


@pytest.fixture(scope="module")
def senses() -> Model:
    front_end = fit(windows_of_frames(sensor(400, 1), DOES), DOES)
    model = random_model((DOES.n_inputs, 9, 4), seed=2, dtype="int8")
    return replace(model, front_end=front_end)


def test_a_device_makes_samples_of_frames_as_the_host_does(
    rig: Callable[..., Rig], senses: Model
) -> None:
    blob = dumps(senses)
    device, host = LinkedDevice(LinkClient(rig(blob=blob))), Engine(blob, learn="all")
    assert device.info.takes_frames
    assert senses.front_end is not None
    recordings = [sensor(n, seed=n) for n in (60, 20, 21, 26, 90)]  # one is too short
    x = np.concatenate([samples_of_recording(r, senses.front_end) for r in recordings])
    y = np.arange(len(x), dtype=np.int32) % 4
    told = device.predict_recordings(recordings, senses.front_end)
    assert np.array_equal(told.scores, host.scores(x))
    assert told.cycles is not None
    learnt = device.learn_recordings(5, recordings, senses.front_end, y, commit_every=7)
    assert np.array_equal(learnt.labels, host.learn(x, y))
    assert device.state_out() == host.save_state()
    assert device.learn(5, x, y, commit_every=7).n_before == len(x)


def test_a_window_of_another_client_is_not_taken_for_ones_own(
    rig: Callable[..., Rig], senses: Model
) -> None:
    line, front_end = rig(blob=dumps(senses)), senses.front_end
    assert front_end is not None
    host = Engine(dumps(senses))
    mine, other = sensor(26, 1), sensor(26, 2)
    first, second = LinkedDevice(LinkClient(line)), LinkedDevice(LinkClient(line))
    sender = FrameSender(first.client, first.info, [mine])
    (window,) = windows_of([mine], front_end)[:1]
    sender.predict(window)
    second.predict_recordings([other], front_end)
    reply = sender.predict(window)
    expected = host.scores(samples_of_recording(mine, front_end)[:1])
    assert np.frombuffer(reply.payload, "<i4", offset=12).tolist() == expected[0].tolist()


def test_a_model_without_front_end_takes_no_frames(rig: Callable[..., Rig]) -> None:
    client = LinkClient(rig())
    assert not client.hello().takes_frames
    for kind in (messages.FRAMES, messages.PREDICT_WINDOW, messages.LEARN_WINDOW):
        with pytest.raises(MetabitError, match="does not understand"):
            client.ask(kind, bytes(24))


# ---- a bad line ----------------------------------------------------------------------------------


@pytest.mark.parametrize("most_again", [0, 40])
@pytest.mark.parametrize("n_faults", [3_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_no_wrong_answer_is_accepted_and_no_sample_is_learnt_twice(
    rig: Callable[..., Rig], n_faults: int, most_again: int
) -> None:
    """Nor where a device keeps samples, and learns up to 40 of them again when it is reset."""
    line = rig(BadLine, most_again=most_again)
    assert isinstance(line, BadLine)
    survive(line, BLOB, n_faults, seed=n_faults)
    assert len(line.faults) == 9
    assert min(line.faults.values()) > n_faults / 50


@pytest.mark.parametrize("n_faults", [1_000, pytest.param(30_000, marks=pytest.mark.long)])
def test_each_window_of_a_recording_is_learnt_once_on_a_bad_line(
    rig: Callable[..., Rig], senses: Model, n_faults: int
) -> None:
    line = rig(BadLine, blob=dumps(senses))
    assert isinstance(line, BadLine)
    survive_frames(line, senses, n_faults, seed=n_faults)
    assert len(line.faults) == 9
    assert min(line.faults.values()) > n_faults / 50
