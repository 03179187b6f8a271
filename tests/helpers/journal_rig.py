"""A program whose flash keeps the samples that its model learns, until its power goes."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p
from typing import Any

import numpy as np

from helpers.flash_rig import Flash, MbFlash, Shape
from helpers.random_models import random_convnet, random_model, random_samples
from metabit.edge_runtime import _native
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.inputs import Samples
from metabit.edge_runtime.mapped import Mapped, aligned
from metabit.edge_runtime.open_model import OpenModel
from metabit.edge_runtime.options import Options
from metabit.edge_runtime.states import state_bytes
from metabit.export.blob import Blob
from metabit.export.container import dumps
from metabit.export.heads.home import with_head
from metabit.export.spec import Model


class MbJournal(ctypes.Structure):
    """mb_journal of metabit_journal.h."""

    _fields_ = (
        ("flash", POINTER(MbFlash)), ("most_again", c_uint32), ("step", c_void_p),
        ("step_bytes", c_size_t), ("session", c_uint64), ("n_learnt", c_uint32),
        ("n_again", c_uint32), ("n_coming", c_uint32), ("kept_session", c_uint64),
        ("model", c_void_p), ("needs_record", c_uint8), ("passes_over", c_uint8),
    )  # fmt: skip


class Device:
    """A program that begins, learns and commits, until its power goes.

    Args:
        flash: what it keeps its samples in, from one program to the next.
        blob: its model.
        options: how it is opened.
        most_again: `mb_journal.most_again`.

    Attributes:
        native: the `mb_journal` of the program that runs.
        model: its model.
    """

    def __init__(self, flash: Flash, blob: bytes, options: Options, most_again: int = 256) -> None:
        self.flash, self.most_again = flash, most_again
        self._mapped, self._options = Mapped(Blob.of(blob)), options.native()
        arena = c_size_t()
        self._library = _native.library()
        _native.check(
            self._library.mb_arena_bytes(
                self._mapped.memory.ctypes.data, len(blob), ctypes.byref(self._options),
                ctypes.byref(arena),
            ),
            "model",
        )  # fmt: skip
        self._arena_bytes = arena.value
        self._step = aligned(max(options.batch, 1) * (self._mapped.info.n_inputs + 4))
        self.native = MbJournal()

    def begin(self, cut_at: int = -1) -> int:
        """The program begins, and the power goes at a later call of flash; `mb_journal_start`."""
        assert self.flash.begin(cut_at) == 0
        self.native = MbJournal(
            ctypes.pointer(self.flash.native), self.most_again, self._step.ctypes.data,
            self._step.size,
        )  # fmt: skip
        return self.open()

    def open(self) -> int:
        """Open the model anew in the same program, and load what is kept."""
        self.model = OpenModel(self._mapped, self._options, self._arena_bytes)
        return self._call("start", self.model.handle)

    def learn(self, x: Samples, y: np.ndarray) -> np.ndarray:
        """Learn samples in one call; what was predicted before."""
        labels, said = np.ascontiguousarray(y, np.int32), np.empty(len(x), np.int32)
        flat = np.ascontiguousarray(x)
        error = self._call(
            "learn", c_void_p(flat.ctypes.data), c_void_p(labels.ctypes.data), c_size_t(len(flat)),
            c_void_p(said.ctypes.data),
        )  # fmt: skip
        assert error == 0
        return said

    def commit(self) -> int:
        """Keep what was learnt."""
        return self._call("commit")

    def state(self) -> bytes:
        """The state image of the model."""
        return state_bytes.save(self.model.handle, "model")

    def _call(self, name: str, *arguments: object) -> int:
        function = getattr(self._library, f"mb_journal_{name}")
        return self.flash.run(function, ctypes.byref(self.native), *arguments)


DENSE = random_model((20, 48, 9, 4), seed=7)
CONV = random_convnet((6, 5, 2), [(5, 3, 1, "valid", 1)], (4,), seed=5)
NARROW = random_model((9, 8, 6, 3), seed=3, dtype="int8", zero_point=-7)


def with_a_head(model: Model) -> Model:
    rng = np.random.default_rng(1)
    x = random_samples(rng, model.input, 200)
    return with_head(model, x, rng.integers(0, model.n_outputs, 200))


HEADED = with_a_head(random_model((20, 12, 9, 4), seed=7))
#: What learns: a model, options, and how an engine is told the same.
LEARNERS: dict[str, tuple[Model, Options, dict[str, Any]]] = {
    "all layers": (DENSE, Options(learn_layers=3), {"learn": "all"}),
    "4 bits": (NARROW, Options(learn_layers=3, state_bits=4), {"learn": "all", "bits": 4}),
    "last layer": (DENSE, Options(learn_layers=1), {"learn": "head"}),
    "replay": (DENSE, Options(learn_layers=1, replay=20), {"learn": "head", "replay": 20}),
    "batches": (DENSE, Options(learn_layers=3, batch=8), {"learn": "all", "batch": 8}),
    "contexts": (DENSE, Options(learn_layers=3, contexts=3), {"learn": "all", "contexts": 3}),
    "maps": (CONV, Options(learn_layers=2), {"learn": "all"}),
    "counting": (HEADED, Options(head="counting"), {"learn": "counting"}),
    "small": (HEADED, Options(head="counting-small"), {"learn": "counting-small"}),
    "tracking": (HEADED, Options(head="tracking", units=8), {"learn": "tracking", "units": 8}),
}
#: Room for a few records of any of them, and for many samples.
FLASH = Shape(page_bytes=1024, write_bytes=8, pages_per_slot=32)


def device_of(name: str, most_again: int = 256, flash: Flash | None = None) -> Device:
    model, options, _ = LEARNERS[name]
    return Device(flash or Flash(FLASH), dumps(model), options, most_again)


def engine_of(name: str) -> Engine:
    model, _, told = LEARNERS[name]
    return Engine(dumps(model), **told)


def samples(name: str, n: int, seed: int = 3) -> tuple[Samples, np.ndarray]:
    model = LEARNERS[name][0]
    rng = np.random.default_rng(seed)
    x = random_samples(rng, model.input, n)
    return x.reshape(n, -1), rng.integers(0, model.n_outputs, n)
