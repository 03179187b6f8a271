"""A packed model as contestants: whole, layer by layer, called from Python, and learning."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from metabit.bench.layers import LayerWork, layers_of
from metabit.bench.timing import Contestant
from metabit.edge_runtime import _native
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.inputs import Samples, check_labels, check_samples
from metabit.edge_runtime.plan import Learn
from metabit.export.blob import Blob, ModelSource
from metabit.export.spec import DenseLayer, Int32Array, Model

#: Samples that are predicted again and again; few enough to stay near the processor.
N_NEAR = 64
#: Random samples that are drawn where none are given.
N_DRAWN = 1024

PREDICT = "metabit"
PREDICT_PYTHON = "metabit, Engine.predict of one sample"
LEARN = "metabit, learning step"


class Subject:
    """A model to time, and what it is timed on.

    Args:
        source: a .mbit file, or its bytes.
        samples: shape (n, n_inputs); random if None. Of these, 64 are predicted again and
            again; all are learnt, one after the other, so that it does not become easy.
        labels: shape (n,), in [0, n_outputs); random if None.
        learn, bits, bank, threads: how the engines are opened, see `Engine`.

    Attributes:
        model: what was read.
        layers: the work of each layer.
        samples, labels: what it is timed on.
    """

    def __init__(
        self,
        source: ModelSource,
        samples: Samples | None = None,
        labels: Int32Array | None = None,
        *,
        learn: Learn = "all",
        bits: int = 0,
        bank: int = 0,
        threads: int | None = None,
    ) -> None:
        blob = Blob.of(source)
        where = blob.where
        self.model: Model = blob.model
        self.layers: list[LayerWork] = layers_of(self.model)
        rng = np.random.default_rng(0)
        if samples is None:
            info = np.iinfo(self.model.input.dtype)
            samples = rng.integers(
                info.min, info.max, (N_DRAWN, self.model.n_inputs), info.dtype, endpoint=True
            )
        self.samples = check_samples(samples, self.model.input, where)
        n, n_outputs = len(self.samples), self.model.n_outputs
        if labels is None:
            labels = rng.integers(0, n_outputs, n).astype(np.int32)
        self.labels = check_labels(labels[:n], n, n_outputs, where)
        self._out = np.empty(n, dtype=np.int32)
        self._engine = Engine(blob, bank=bank, threads=threads)
        # Learning moves the weights, so it has an engine of its own.
        learns = self.model.learn is not None and learn != "none"
        self._learner = (
            Engine(blob, learn=learn, bits=bits, bank=bank, threads=threads) if learns else None
        )

    @property
    def file_bytes(self) -> int:
        """Size of the packed model."""
        return self._engine.plan.blob_bytes

    @property
    def arena_bytes(self) -> int:
        """RAM that inference takes."""
        return self._engine.plan.arena_bytes

    @property
    def path(self) -> str:
        """The kernel set that runs, such as "avx2"."""
        return self._engine.isa

    @property
    def widths(self) -> list[int] | None:
        """Inputs and outputs of each layer of a dense network, None for others."""
        if not all(isinstance(layer, DenseLayer) for layer in self.model.layers):
            return None
        return [self.model.n_inputs, *(layer.n_out for layer in self.model.layers)]

    @property
    def can_learn(self) -> bool:
        """Whether there is a learning step to time."""
        return self._learner is not None

    def predicting(self) -> Contestant:
        """`mb_predict` from C, sample after sample."""
        predict, handle = _native.library().mb_predict, self._engine.handle
        labels = self._out.ctypes.data

        def call(start: int, n: int) -> int:
            return int(predict(handle, self.samples[start:].ctypes.data, n, labels, None))

        return Contestant(PREDICT, _walk(min(N_NEAR, len(self.samples)), call))

    def predicting_from_python(self) -> Contestant:
        """`Engine.predict` of one sample: what Python adds."""
        one, call = self.samples[:1], self._engine.predict

        def run(n: int) -> None:
            for _ in range(n):
                call(one)

        return Contestant(PREDICT_PYTHON, run)

    def single_layers(self) -> list[Contestant]:
        """Each layer alone, its weights as near to the processor as they fit."""
        self._engine.predict(self.samples[:1])  # leaves in the arena what each layer reads
        return [self._single(index) for index in range(len(self.layers))]

    def learning(self) -> Contestant:
        """`mb_learn` from C, sample after sample; each window continues where the last ended."""
        assert self._learner is not None
        learn, handle = _native.library().mb_learn, self._learner.handle

        def call(start: int, n: int) -> int:
            x, labels = self.samples[start:].ctypes.data, self.labels[start:].ctypes.data
            return int(learn(handle, x, labels, n, None))

        return Contestant(LEARN, _walk(len(self.samples), call))

    def _single(self, index: int) -> Contestant:
        call, engine = _native.library().mb_run_layer, self._engine
        sample = self.samples[:1]

        def run(n: int) -> None:
            _native.check(call(engine.handle, index, sample.ctypes.data, n), "run_layer")

        return Contestant(self.layers[index].name, run)


def _walk(n_samples: int, call: Callable[[int, int], int]) -> Callable[[int], None]:
    """A function that hands its n to `call(start, count)`, going round and round the samples."""
    at = 0

    def run(n: int) -> None:
        nonlocal at
        while n > 0:
            count = min(n, n_samples - at)
            _native.check(call(at, count), "bench")
            at = (at + count) % n_samples
            n -= count

    return run
