"""Training steps on a graphics processor, repeated by a CUDA graph.

A step of a small network is a hundred kernels of a few microseconds each, and Python needs longer
to launch them than they need to run. All steps between two consolidations of most methods are the
same operations on the same tensors; recorded once, the processor repeats them without Python.

Reference:
    docs.pytorch.org, "CUDA graphs": static inputs, a warm-up, capture on a stream of its own.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from metabit.trainer.methods.base import Method
from metabit.trainer.networks.diagnosis import Diverged
from metabit.trainer.networks.dropout import Dropout
from metabit.trainer.networks.network import Network
from metabit.trainer.optim import MetaplasticAdam

WARM_STEPS = 3
"""Steps before the recording, in which libraries and the optimizer's moments are set up."""

LOOK_EVERY = 50
"""Repetitions between two looks at the loss; each look waits for the processor."""


class RepeatedSteps:
    """Does the steps of a method; those that are alike become repetitions of one recording.

    On the processor that runs Python, for methods whose steps differ, for networks with dropout,
    and for batches of another size, it does what `method.step` does.

    Args:
        method: what does a step.
        model: what it trains.
    """

    def __init__(self, method: Method, model: Network) -> None:
        self._method = method
        self._model = model
        self._draws = any(isinstance(module, Dropout) for module in model.modules())
        self._loss_seen = math.nan
        self.forget()

    def forget(self) -> None:
        """Drop the recording: a new task, phase or importance changes what a step does."""
        self._graph: torch.cuda.CUDAGraph | None = None
        self._n_alike = 0
        self._x, self._y, self._loss = (torch.empty(0) for _ in range(3))

    def step(self, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> float:
        """Do a step on stored samples; return its loss, or the loss that was looked at last.

        Args:
            optimizer: the same as in the last step, or `forget` was called.
            x: uint8 or int8, shape (n, n_inputs).
            y: int64, shape (n,).

        Raises:
            Diverged: the loss is not finite. Weights may have moved for LOOK_EVERY steps since.
        """
        if not self._is_recorded(optimizer, x, y):
            self._loss_seen = self._method.step(self._model, optimizer, x, y)
            return self._loss_seen
        assert self._graph is not None
        self._x.copy_(x)
        self._y.copy_(y)
        self._graph.replay()
        self._n_alike += 1
        if self._n_alike % LOOK_EVERY == 0:
            self._loss_seen = self._loss.item()
            if not math.isfinite(self._loss_seen):
                raise Diverged(f"the loss became {self._loss_seen} in the last {LOOK_EVERY} steps")
        return self._loss_seen

    def _is_recorded(self, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> bool:
        """Whether this step can be a repetition; records it when it is the first such one."""
        alike = self._method.can_repeat and not self._draws
        if not (x.is_cuda and alike and isinstance(optimizer, MetaplasticAdam)):
            return False
        if self._x.shape != x.shape:
            if self._graph is not None:
                return False  # the last batch of an epoch, which is smaller
            self._x, self._y, self._n_alike = x.clone(), y.clone(), 0
        if self._n_alike < WARM_STEPS:
            self._n_alike += 1
            return False
        if self._graph is None:
            self._record(optimizer)
        return True

    def _record(self, optimizer: torch.optim.Optimizer) -> None:
        """Record a step on `_x` and `_y`; the recording moves no weight."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=torch.cuda.current_stream()):
            self._loss = self._method.unseen_step(self._model, optimizer, self._x, self._y)
        self._graph = graph
