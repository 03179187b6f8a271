"""What is measured while a network learns: accuracies at task boundaries, and test-then-train."""

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
        dataset: what the stream is made of.
        stream: the tasks.
        outputs: the classes that compete in each.
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
        """Accuracy on the test samples of these tasks, from 0 to 1; the active bank is put back.

        Args:
            tasks: indices.
            bank: the bank to use for all of them; each task's own if not given.
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
        """Labels of stored samples, shape (n, ...), among the classes of a task; active bank."""
        columns = self.outputs.columns(task).tolist()
        shaped = x.reshape(len(x), *self.dataset.input_shape)
        return self.model.predict(shaped, self.dataset.zero_point, columns)


class Prequential:
    """Test-then-train: every sample of a stream is predicted before it is first learnt.

    Args:
        evaluation: how samples are labelled.
        wanted: whether anything is measured.

    Reference:
        Gama, Sebastiao and Rodrigues 2013, "On evaluating stream learning algorithms".
    """

    def __init__(self, evaluation: Evaluation, wanted: bool) -> None:
        self.evaluation = evaluation
        self.wanted = wanted
        self._hits: list[Tensor] = []

    def before_step(self, x: Tensor, y: Tensor, task: int) -> None:
        """Label the batch that is about to be learnt, (n, n_inputs), and note what is right."""
        if self.wanted:
            labels = self.evaluation.labels(x.numpy(), task)
            self._hits.append(torch.from_numpy(labels == y.numpy()))

    def state(self) -> dict[str, Tensor]:
        """Right or wrong for each sample so far."""
        return {"prequential/hits": torch.cat(self._hits)} if self._hits else {}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up what `state` gave."""
        self._hits = [tensors["prequential/hits"]] if "prequential/hits" in tensors else []

    def summary(self) -> dict[str, object]:
        """Accuracy over the whole stream and in a sliding window; empty if not wanted."""
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
