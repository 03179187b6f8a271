"""What all networks have in common: normalisation banks, and labels of integer samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from metabit.trainer.networks.layers import Normalization


class Network(nn.Module):
    """Base of all networks, which compute class scores from integer samples.

    A subclass converts samples to the shape that it reads. `forward` reads them as float32, with
    the zero point already subtracted.

    Attributes:
        config: its shape, a frozen dataclass.
        evaluation_batch: number of samples that `predict` processes at a time; the labels do not
            depend on it.
    """

    config: Any
    evaluation_batch: ClassVar[int] = 2048

    def samples(self, x: NDArray[Any]) -> NDArray[Any]:
        """Integer samples in the shape that `forward` reads.

        Raises:
            InputError: wrong type or shape.
        """
        raise NotImplementedError

    @property
    def weights(self) -> dict[str, nn.Parameter]:
        """Weight matrices and kernels by name, in order; hidden weights in a binary network."""
        return {name: p for name, p in self.named_parameters() if p.dim() > 1}

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return next(self.parameters()).device

    @property
    def normalizations(self) -> list[Normalization]:
        """The normalisation of each layer that has one, in order."""
        return [module for module in self.modules() if isinstance(module, Normalization)]

    @property
    def active_bank(self) -> int:
        """The normalisation bank in use; 0 without normalisation."""
        norms = self.normalizations
        return norms[0].active_bank if norms else 0

    def use_bank(self, bank: int) -> None:
        """Use one normalisation bank in every layer. Raises InputError where there is none."""
        for norm in self.normalizations:
            norm.use_bank(bank)

    def start_bank(self, bank: int) -> None:
        """Begin a task: in every layer copy the previous bank into `bank`, and use it."""
        for norm in self.normalizations:
            norm.start_bank(bank)

    def predict(
        self, x: NDArray[Any], zero_point: int = 0, among: Sequence[int] | None = None
    ) -> NDArray[np.int64]:
        """Labels of integer samples with the active bank, in evaluation mode.

        Args:
            x: uint8 or int8, as `samples` takes them.
            zero_point: the integer that stands for zero.
            among: the classes to choose from, in rising order. Default: all classes.

        Returns:
            labels, shape (n,), int64. Where several scores are the highest, the lowest class wins.

        Raises:
            InputError: wrong type or shape.
        """
        ready, size = self.samples(x), self.evaluation_batch
        was_training = self.training
        self.eval()
        try:
            labels = [
                self._label(ready[start : start + size], zero_point, among)
                for start in range(0, len(ready), size)
            ]
        finally:
            self.train(was_training)
        return np.concatenate(labels) if labels else np.zeros(0, dtype=np.int64)

    @torch.no_grad()
    def _label(
        self, ready: NDArray[Any], zero_point: int, among: Sequence[int] | None
    ) -> NDArray[np.int64]:
        inputs = to_input(ready, zero_point).to(self.device)
        scores: NDArray[np.float32] = self(inputs).cpu().numpy()
        # NumPy promises the first of several maxima; torch.argmax may return any of them.
        if among is None:
            return np.asarray(np.argmax(scores, axis=1), dtype=np.int64)
        classes: NDArray[np.int64] = np.array(among, dtype=np.int64)
        labels: NDArray[np.int64] = classes[np.argmax(scores[:, classes], axis=1)]
        return labels


class BinaryNetwork(Network):
    """Base of networks made of binary layers, each followed by a normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self._n_frozen = 0

    @property
    def layers(self) -> Sequence[tuple[nn.Module, Normalization]]:
        """Each binary layer with the normalisation that follows it, in order."""
        raise NotImplementedError

    @torch.no_grad()
    def take_trunk(self, source: BinaryNetwork) -> None:
        """Become a frozen feature extractor with a head that learns.

        All layers except the last take the weights of `source`, and in every bank the
        normalisation of its active bank. They do not learn from then on: they have no gradients,
        and their running statistics stay as they are, also in training mode. Only the last layer
        then needs hidden weights, for which a small device has enough memory.

        Args:
            source: a network whose layers, except the last, have the shapes of this one's.
        """
        pairs = zip(self.layers[:-1], source.layers[:-1], strict=True)
        for (layer, norm), (trained, statistics) in pairs:
            layer.load_state_dict(trained.state_dict())
            norm.take_bank(statistics, statistics.active_bank)
            layer.requires_grad_(False)
            norm.requires_grad_(False)
        self._n_frozen = len(self.layers) - 1
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Set training mode, except in frozen layers."""
        super().train(mode)
        for _, norm in self.layers[: self._n_frozen]:
            norm.eval()
        return self


def to_input(samples: NDArray[Any], zero_point: int) -> Tensor:
    """What the first layer reads: the integers x - zero_point as float32, in the same shape."""
    return torch.from_numpy(samples.astype(np.float32) - np.float32(zero_point))
