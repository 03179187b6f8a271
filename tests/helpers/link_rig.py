"""A device in memory (tests/c/link_rig.c), and a line to it that does what harm lines do."""

from __future__ import annotations

import ctypes
import os
import random
import subprocess
from collections import Counter
from ctypes import POINTER, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_void_p
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from helpers.random_models import random_model, random_samples
from metabit.edge_runtime import _native, sources
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.inputs import Samples
from metabit.edge_runtime.mapped import Mapped
from metabit.edge_runtime.options import Options
from metabit.errors import StorageError
from metabit.export.blob import Blob
from metabit.export.container import dumps
from metabit.export.spec import Model
from metabit.export.windows import samples_of_recording
from metabit.firmware_sim.link.client import LinkClient, Patience
from metabit.firmware_sim.link.device import LinkedDevice
from metabit.firmware_sim.link.steps import UNKNOWN

#: What the device of most tests runs, all of whose layers learn.
MODEL = random_model((13, 9, 4), seed=7)
BLOB = dumps(MODEL)
LEARNS = Options(learn_layers=2)

RIG = Path(__file__).parents[1] / "c" / "link_rig.c"
_MOST_SENT = 1 << 20
#: A line that does this much harm needs patience; no time passes on it.
PATIENT = Patience(seconds=1.0, tries=400)


def samples(n: int, seed: int = 3) -> tuple[Samples, NDArray[np.int32]]:
    """n samples of that model and their labels."""
    rng = np.random.default_rng(seed)
    x = random_samples(rng, MODEL.input, n)
    return x.reshape(n, -1), rng.integers(0, 4, n).astype(np.int32)


def compile_rig(folder: Path) -> ctypes.CDLL:
    """The rig, beside the C library that the other tests use."""
    library = _native.library_path().resolve()
    rig = folder / "link_rig.so"
    subprocess.run(
        [
            os.environ.get("CC", "cc"), "-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", "-shared",
            "-fPIC", f"-I{sources() / 'include'}", str(RIG), str(library),
            f"-Wl,-rpath,{library.parent}", "-o", str(rig),
        ],
        check=True,
    )  # fmt: skip
    made = ctypes.CDLL(str(rig))
    made.rig_new.restype = c_void_p
    made.rig_new.argtypes = [
        c_void_p, c_size_t, POINTER(_native.NativeOptions), c_size_t, c_size_t, c_int, c_uint32,
    ]  # fmt: skip
    made.rig_feed.restype = c_size_t
    made.rig_feed.argtypes = [c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, c_int64]
    for name in ("rig_resets", "rig_commits"):
        getattr(made, name).restype = c_uint32
        getattr(made, name).argtypes = [c_void_p]
    made.rig_update.argtypes = [c_void_p, POINTER(_native.NativeOptions)]
    made.rig_free.argtypes = [c_void_p]
    return made


class Rig:
    """A device in memory, and a line to it that does no harm.

    Args:
        library: see `compile_rig`.
        blob: its model.
        options: how it is opened.
        has_storage: whether it can commit.
        buffer_bytes: of its frames; the least for the model when left out.
        goal: `mb_goal`, where the choice is left to the library.
        most_again: of its journal of samples; 0: it keeps states alone.
    """

    where = "rig"

    def __init__(
        self, library: ctypes.CDLL, blob: bytes, options: Options, *,
        has_storage: bool = True, buffer_bytes: int | None = None, goal: int = 0,
        most_again: int = 0,
    ) -> None:  # fmt: skip
        self._library = library
        self._model, self._options = Mapped(Blob.of(blob)), options.native(goal=goal)
        info, arena = self._model.info, c_size_t()
        core, data = _native.library(), self._model.memory.ctypes.data
        assert not core.mb_arena_bytes(
            data, len(blob), ctypes.byref(self._options), ctypes.byref(arena)
        )
        least = (256 + options.batch * (info.n_inputs + 4) + 4 * info.n_outputs + 7) // 8 * 16
        self._rig = library.rig_new(
            data,
            len(blob),
            ctypes.byref(self._options),
            arena,
            buffer_bytes or least,
            has_storage,
            most_again,
        )
        self._sent = ctypes.create_string_buffer(_MOST_SENT)
        self._coming = b""

    def write(self, data: bytes) -> None:
        self.deliver(data)

    def deliver(self, data: bytes, calls_to_live: int = -1) -> None:
        """Hand bytes to the device; it is reset after so many calls of its port, or never."""
        n = self._library.rig_feed(
            self._rig, data, len(data), self._sent, _MOST_SENT, calls_to_live
        )
        self.arrive(ctypes.string_at(self._sent, n))

    def arrive(self, data: bytes) -> None:
        """Bytes come in from the device."""
        self._coming += data

    def read(self, seconds: float) -> bytes:
        assert seconds > 0
        data, self._coming = self._coming, b""
        return data

    def close(self) -> None:
        self._library.rig_free(self._rig)

    def update(self, options: Options) -> None:
        """The device gets firmware that opens its model with other options."""
        self._options = options.native()
        self._library.rig_update(self._rig, ctypes.byref(self._options))

    @property
    def n_resets(self) -> int:
        """How often the device was reset in the middle of its work."""
        return int(self._library.rig_resets(self._rig))

    @property
    def n_commits(self) -> int:
        """How often it kept something."""
        return int(self._library.rig_commits(self._rig))


class BadLine(Rig):
    """A line on which a share of all frames comes to harm, in both directions.

    Attributes:
        faults: how often each kind of harm was done.
        share: of frames that are harmed.
    """

    share = 0.3
    _KINDS = ("lost", "flipped", "short", "missing", "inserted", "twice", "late", "noise")

    def start(self, seed: int) -> BadLine:
        """From here on the line does harm."""
        self.faults: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._late: list[bytes] = []
        return self

    def write(self, data: bytes) -> None:
        for piece in self._harmed(data):
            calls = -1
            if self._random.random() < self.share / 10:
                calls = self._random.randrange(2 * len(data) + self._random.choice((40, 400)))
            before = self.n_resets
            self.deliver(piece, calls)
            self.faults["reset"] += self.n_resets - before

    def arrive(self, data: bytes) -> None:
        for piece in self._harmed(data):
            super().arrive(piece)

    def _harmed(self, data: bytes) -> list[bytes]:
        """What comes out at the other end of the line; what is late comes out at either."""
        rng = self._random
        if not data or rng.random() >= self.share:
            return [data, self._late.pop()] if self._late and rng.random() < 0.3 else [data]
        kind = rng.choice(self._KINDS)
        self.faults[kind] += 1
        at = rng.randrange(len(data))
        if kind == "lost":
            return []
        if kind == "flipped":
            harmed = bytearray(data)
            for _ in range(rng.choice((1, 2, 3, 20))):
                harmed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            return [bytes(harmed)]
        if kind == "short":
            return [data[:at]]
        if kind == "missing":
            return [data[:at] + data[at + rng.choice((1, 2, 30)) :]]
        if kind == "inserted":
            return [data[:at] + rng.randbytes(rng.choice((1, 2, 30))) + data[at:]]
        if kind == "twice":
            return [data + data]
        if kind == "late":
            self._late.append(data)
            return [data]
        return [rng.randbytes(rng.randrange(1, 400)) + data]


def survive(line: BadLine, blob: bytes, n_faults: int, seed: int) -> Counter[str]:
    """Predict, learn, commit, and move states over a line until it has done so much harm.

    Args:
        line: to a device that runs the model, all of whose layers learn.
        blob: the model.
        n_faults: harm to be done.
        seed: of samples, and of the harm.

    Returns:
        how often each thing was done; an answer or a state that is not the host engine's bit for
        bit raises AssertionError.
    """
    line.start(seed)
    rng, done = random.Random(seed), Counter[str]()
    client = LinkClient(line, PATIENT)
    device, host = LinkedDevice(client), Engine(blob, learn="all")
    while line.faults.total() < n_faults:
        done["sessions"] += 1
        number = done["sessions"]
        x = random_samples(np.random.default_rng(number), host.input, rng.randrange(1, 60))
        y = np.random.default_rng(number).integers(0, host.n_outputs, len(x)).astype(np.int32)
        told = device.learn(number, x, y, commit_every=rng.randrange(1, 30))
        expected, known = host.learn(x, y), told.labels != UNKNOWN
        assert np.array_equal(told.labels[known], expected[known])
        done["samples"] += len(x)
        if number % 4 == 0:
            device = LinkedDevice(LinkClient(line, PATIENT))
        if number % 3 == 0:
            assert np.array_equal(device.predict(x).scores, host.scores(x))
            done["predictions"] += len(x)
        if number % 5 == 0:
            assert device.state_out() == host.save_state()
            done["states out"] += 1
        if number % 10 == 0:
            host = Engine(blob, learn="all")
            _put_in(device, host.save_state())
            done["states in"] += 1
    assert device.state_out() == host.save_state()
    return done


def survive_frames(line: BadLine, model: Model, n_faults: int, seed: int) -> Counter[str]:
    """The same with frames of a sensor, of which the device itself makes samples.

    Args:
        line: to a device that runs the model, all of whose layers learn.
        model: with a front end.
        n_faults, seed: as for `survive`.
    """
    line.start(seed)
    rng, done = random.Random(seed), Counter[str]()
    front_end, blob = model.front_end, dumps(model)
    assert front_end is not None
    device, host = LinkedDevice(LinkClient(line, PATIENT)), Engine(blob, learn="all")
    while line.faults.total() < n_faults:
        done["sessions"] += 1
        noise = np.random.default_rng(done["sessions"])
        shapes = [(rng.randrange(1, 90), front_end.does.n_channels) for _ in range(3)]
        recordings = [noise.normal(0, 900, shape).astype(np.int16) for shape in shapes]
        x = np.concatenate([samples_of_recording(each, front_end) for each in recordings])
        y = noise.integers(0, host.n_outputs, len(x)).astype(np.int32)
        told = device.learn_recordings(
            done["sessions"], recordings, front_end, y, commit_every=rng.randrange(1, 9)
        )
        expected, known = host.learn(x, y), told.labels != UNKNOWN
        assert np.array_equal(told.labels[known], expected[known])
        answered = device.predict_recordings(recordings, front_end)
        assert np.array_equal(answered.scores, host.scores(x))
        done["windows"] += len(x)
    assert device.state_out() == host.save_state()
    return done


def _put_in(device: LinkedDevice, image: bytes) -> None:
    """A state goes in and is committed, as often as the device is reset meanwhile."""
    while True:
        try:
            device.state_in(image)
        except StorageError:  # E-DEVICE-LOST
            continue
        if device.commit()[0] == 0 and device.state_out() == image:
            return
