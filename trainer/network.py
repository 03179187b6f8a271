"""What every binary network does alike: banks, and labels of integer samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from metabit.trainer.layers import Normalization


class BinaryNetwork(nn.Module):
    """Base of networks made of binary layers, each followed by a normalisation.

    A subclass says what its layers are and brings samples into the shape that it reads.

    Attributes:
        evaluation_batch: samples that `predict` runs at a time; the labels do not depend on it.
    """

    evaluation_batch: ClassVar[int] = 2048

    @property
    def layers(self) -> Sequence[tuple[nn.Module, Normalization]]:
        """Each binary layer with the normalisation that follows it, in order."""
        raise NotImplementedError

    def samples(self, x: NDArray[Any]) -> NDArray[Any]:
        """Integer samples in the shape that `forward` reads.

        Raises:
            InputError: wrong type or shape.
        """
        raise NotImplementedError

    def use_bank(self, bank: int) -> None:
        """Use one normalisation bank in every layer. Raises InputError where there is none."""
        for _, norm in self.layers:
            norm.use_bank(bank)

    def start_bank(self, bank: int) -> None:
        """Begin a task: copy the bank before into `bank` in every layer, and use it."""
        for _, norm in self.layers:
            norm.start_bank(bank)

    def predict(self, x: NDArray[Any], zero_point: int = 0) -> NDArray[np.int64]:
        """Labels of integer samples with the active bank, in evaluation mode.

        Args:
            x: uint8 or int8, as `samples` takes them.
            zero_point: the integer that stands for zero.

        Returns:
            labels, shape (n,), int64; the lowest class among equal scores.

        Raises:
            InputError: wrong type or shape.
        """
        ready, size = self.samples(x), self.evaluation_batch
        was_training = self.training
        self.eval()
        try:
            labels = [
                self._label(ready[start : start + size], zero_point)
                for start in range(0, len(ready), size)
            ]
        finally:
            self.train(was_training)
        return np.concatenate(labels) if labels else np.zeros(0, dtype=np.int64)

    @torch.no_grad()
    def _label(self, ready: NDArray[Any], zero_point: int) -> NDArray[np.int64]:
        scores: Tensor = self(to_input(ready, zero_point))
        # NumPy promises the first maximum; torch.argmax promises none in particular.
        labels: NDArray[np.int64] = np.argmax(scores.numpy(), axis=1)
        return labels


def to_input(samples: NDArray[Any], zero_point: int) -> Tensor:
    """What the first layer sees: the integers x - zero_point as float32, in the same shape."""
    return torch.from_numpy(samples.astype(np.float32) - np.float32(zero_point))
