"""Measures a network while it learns: accuracies at the ends of tasks, and test-then-train."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metabit.trainer.data.dataset import DataSet
from metabit.trainer.metrics import accuracy, prequential_accuracy
from metabit.trainer.networks.network import Network
from metabit.trainer.networks.outputs import Outputs
from metabit.trainer.streams import Stream

CURVE_POINTS = 200
"""Points of the prequential curve in metrics.json."""

WhileTested = Callable[[Network, int], contextlib.AbstractContextManager[None]]
"""Function of the network and a task's index that gives a context in which the task is tested."""


class Evaluation:
    """Accuracy of a network on the tasks of a stream.

    Args:
        model: the network.
        dataset: the data set that the stream is made of.
        stream: the stream of tasks.
        outputs: which classes compete in each task.
        banks: the normalisation bank of each task.
        while_tested: gives the context in which each task is tested.
    """

    def __init__(
        self,
        model: Network,
        dataset: DataSet,
        stream: Stream,
        outputs: Outputs,
        banks: Sequence[int],
        while_tested: WhileTested,
    ) -> None:
        self.model = model
        self.dataset = dataset
        self.stream = stream
        self.outputs = outputs
        self.banks = banks
        self.while_tested = while_tested

    def accuracies(self, tasks: Sequence[int], bank: int | None = None) -> list[float]:
        """Accuracy on the test samples of each task, from 0 to 1.

        Args:
            tasks: indices of the tasks.
            bank: the bank to use for all tasks. Default: each task's own. The active bank is
                restored afterwards.
        """
        known: dict[object, float] = {}  # parts of a stream share their test samples
        before = self.model.active_bank
        row = []
        for index in tasks:
            task = self.stream[index]
            used = self.banks[index] if bank is None else bank
            columns = self.outputs.columns(index).tolist()
            key = (id(task.test_source), used, tuple(columns))
            if key not in known:
                self.model.use_bank(used)
                test = task.test
                with self.while_tested(self.model, index):
                    known[key] = accuracy(self.labels(test.x, index), test.y)
            row.append(known[key])
        self.model.use_bank(before)
        return row

    def labels(self, x: NDArray[Any], task: int) -> NDArray[np.int64]:
        """Classify stored samples, (n, ...), among the classes of a task, with the active bank."""
        columns = self.outputs.columns(task).tolist()
        shaped = x.reshape(len(x), *self.dataset.input_shape)
        return self.model.predict(shaped, self.dataset.zero_point, columns)


class Prequential:
    """Test-then-train: every sample of a stream is classified before it is first learnt.

    Args:
        evaluation: classifies the samples.
        wanted: whether it is to be measured at all.

    Reference:
        Gama, Sebastiao and Rodrigues 2013, "On evaluating stream learning algorithms".
    """

    def __init__(self, evaluation: Evaluation, wanted: bool) -> None:
        self.evaluation = evaluation
        self.wanted = wanted
        self._hits: list[Tensor] = []

    def before_step(self, x: Tensor, y: Tensor, task: int) -> None:
        """Classify the batch that will be learnt next, (n, n_inputs), and note which are right."""
        if self.wanted:
            labels = self.evaluation.labels(x.cpu().numpy(), task)
            self._hits.append(torch.from_numpy(labels == y.cpu().numpy()))

    def state(self) -> dict[str, Tensor]:
        """Whether each sample so far was classified rightly."""
        return {"prequential/hits": torch.cat(self._hits)} if self._hits else {}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned."""
        self._hits = [tensors["prequential/hits"]] if "prequential/hits" in tensors else []

    def summary(self) -> dict[str, object]:
        """Accuracy over the whole stream, and in a sliding window; empty if not measured."""
        if not self._hits:
            return {}
        hits = torch.cat(self._hits).numpy()
        window = max(1, len(hits) // 50)
        curve = prequential_accuracy(hits, np.ones_like(hits), window)
        at = np.unique(np.linspace(0, len(hits) - 1, CURVE_POINTS).astype(int))
        return {
            "prequential_acc": float(hits.mean()),
            "prequential": {
                "window": window,
                "samples": (at + 1).tolist(),
                "accuracy": np.round(curve[at], 4).tolist(),
            },
        }
