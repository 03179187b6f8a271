"""One set of hidden weights, a normalisation bank for each task: the protocol of task experiments.

A device runs one bank at a time. On the host, `TaskBanks` keeps the running values of every bank
and carries the hidden weights from one to the next, so that sequences of tasks can be measured with
the engine that a device runs.

Reference: Laborieux et al. 2021 keep the normalisation of each task in the same way.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import Learn
from metabit.export.blob import Blob, ModelSource
from metabit.export.spec import Int64Array
from metabit.export.states import state_image
from metabit.export.states.learnt import LayerImage, StateImage


class TaskBanks:
    """Learn tasks one after the other, each in its own bank; predict any of them at any time.

    Args:
        source: a .mbit file with a bank for each task, or its bytes.
        learn, step_levels, m, seed: see `Engine`.
    """

    def __init__(
        self,
        source: ModelSource,
        *,
        learn: Learn = "all",
        step_levels: float | None = None,
        m: float | None = None,
        seed: int = 1,
    ) -> None:
        blob = Blob.of(source)
        self._model, self._name = blob.model, blob.model_id
        self._engines = [
            Engine(blob, learn=learn, bank=bank, step_levels=step_levels, m=m, seed=seed)
            for bank in range(self._model.n_banks)
        ]
        # Running values by bank; hidden weights, generator and counter come from the newest image.
        self._running = [self._image(bank).layers for bank in range(self._model.n_banks)]
        self._newest = self._image(0)
        self._means: dict[int, Int64Array] = {}  # of the inputs, by task

    def learn(self, task: int, x: ArrayLike, y: ArrayLike) -> NDArray[np.int64]:
        """Learn samples of a task in their order; returns what was predicted before each step.

        A task that is learnt for the first time should be begun with `begin`.
        """
        engine = self._at(task)
        before = self._newest
        predicted = engine.learn(x, y)
        self._newest = self._image(task)
        self._running[task] = self._newest.layers
        if self._newest.means is not None:
            self._means[task] = self._newest.means
            self._keep_centred(task, before.layers[0])
        return predicted

    def _keep_centred(self, task: int, before: LayerImage) -> None:
        """Other tasks' running means of the first layer, where signs of weights have changed.

        Learning does so in its own bank: by each input's mean times the change of its weight. The
        other banks have other means of inputs.
        """
        changes = _signs(self._newest.layers[0]) - _signs(before)
        for other, means in self._means.items():
            if other != task:
                first, *rest = self._running[other]
                moved = changes @ (means / (1 << state_image.MEAN_BITS))
                first = replace(first, mean=(first.mean + moved).astype(np.float32))
                self._running[other] = (first, *rest)

    def begin(self, task: int) -> None:
        """Start a task from the running values of the task before it."""
        if task > 0:
            self._running[task] = self._running[task - 1]

    def score(self, task: int, x: ArrayLike, y: ArrayLike) -> float:
        """Share of right labels with the task's bank and the newest hidden weights."""
        return self._at(task).score(x, y)

    def _at(self, task: int) -> Engine:
        """The task's engine, holding the newest hidden weights and the task's running values."""
        layers = tuple(
            _with_running(newest, running)
            for newest, running in zip(self._newest.layers, self._running[task], strict=True)
        )
        image = replace(self._newest, bank=task, layers=layers)
        self._engines[task].load_state(state_image.dumps(image))
        return self._engines[task]

    def _image(self, bank: int) -> StateImage:
        image = self._engines[bank].save_state()
        return state_image.loads(image, self._model, self._name)


def _signs(layer: LayerImage) -> Int64Array:
    return np.where(layer.levels >= 0, 1, -1).astype(np.int64)


def _with_running(layer: LayerImage, running: LayerImage) -> LayerImage:
    return replace(running, rms=layer.rms, levels=layer.levels)
