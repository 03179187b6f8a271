"""What every form of a model can be asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime.inputs import Samples
from metabit.errors import InputError
from metabit.export.spec import BoolArray, InputSpec, Int32Array, Model


@dataclass(frozen=True)
class Predictions:
    """What a model says of samples.

    Attributes:
        labels: shape (n,), int64.
        scores: shape (n, n_outputs), int32, metabit's scores (docs/FORMAT.md); None where the
            artefact has its own, which are not comparable.
    """

    labels: NDArray[np.int64]
    scores: Int32Array | None


class Artefact(ABC):
    """One form of a model: a file or a folder, and what runs it.

    Attributes:
        where: the file, for messages.
        runner: what runs it, for people: "C engine", "ONNX Runtime 1.31.1".
        input: type, shape, scale and zero point of its samples.
        n_outputs: classes; 0 where the file gives labels and does not say of how many.
        n_banks: normalisation banks that can be chosen from.
        only_bank: the one bank of the model that is in the file; None where all are.
        model: the packed model, where the artefact holds one.
        tells_samples: whether the file says what its samples mean, scale and zero point; a file of
            others does not, and takes the numbers of the form that it is compared with.
    """

    where: str
    runner: str
    input: InputSpec
    n_outputs: int
    n_banks: int = 1
    only_bank: int | None = None
    model: Model | None = None
    tells_samples: bool = True

    @abstractmethod
    def outputs(self, samples: Samples, bank: int) -> Predictions:
        """Labels and scores.

        Args:
            samples: shape (n, n_inputs), the input's dtype.
            bank: normalisation bank, checked by `check_bank`.
        """

    @abstractmethod
    def caller(self, sample: Samples, bank: int) -> Callable[[], object]:
        """One prediction of one sample, shape (1, n_inputs), as people call it: to be timed."""

    def hidden(self, _samples: Samples, _bank: int) -> dict[str, BoolArray]:
        """Bits of the hidden layers, by layer, in order; shape (n, *out_shape) each.

        Maps are row, column, channel. Empty where the artefact does not tell.
        """
        return {}

    def check_bank(self, bank: int) -> None:
        """Refuse a bank that is not in the file.

        Raises:
            InputError: code E-BANK.
        """
        if self.only_bank is not None and bank != self.only_bank:
            raise InputError(f"{self.where}: holds bank {self.only_bank} only", code="E-BANK")
        if self.only_bank is None and not 0 <= bank < self.n_banks:
            raise InputError(
                f"{self.where}: bank {bank} is outside 0...{self.n_banks - 1}", code="E-BANK"
            )
