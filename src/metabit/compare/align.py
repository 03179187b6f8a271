"""Two artefacts brought to the same samples: their quantization and the order of their values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.compare.artefact import Artefact, Predictions
from metabit.edge_runtime.inputs import Samples
from metabit.errors import MismatchError
from metabit.export.spec import BoolArray
from metabit.export.windows import OF_THE_GRAPH


class ChannelsFirst(Artefact):
    """An artefact that wants its maps channel first, for samples of row, column, channel.

    Args:
        inner: the artefact.
        shape: of a sample: rows, columns, channels.
    """

    def __init__(self, inner: Artefact, shape: tuple[int, ...]) -> None:
        self.where, self.runner, self._inner = inner.where, inner.runner, inner
        self.input = replace(inner.input, shape=shape)
        self.n_outputs, self.n_banks = inner.n_outputs, inner.n_banks
        self.only_bank, self.tells_samples = inner.only_bank, inner.tells_samples

    def outputs(self, samples: Samples, bank: int) -> Predictions:
        """Of the artefact, for the same values channel first."""
        return self._inner.outputs(self.turned(samples), bank)

    def caller(self, sample: Samples, bank: int) -> Callable[[], object]:
        """Of the artefact, for a sample that is turned before."""
        return self._inner.caller(self.turned(sample), bank)

    def hidden(self, samples: Samples, bank: int) -> dict[str, BoolArray]:
        """Of the artefact."""
        return self._inner.hidden(self.turned(samples), bank)

    def turned(self, samples: Samples) -> Samples:
        """The same values channel first, shape (n, n_inputs)."""
        return channels_first(samples, self.input.shape)


def channels_first(samples: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Samples of rows, columns, channels (`shape`) channel first, shape (n, n_inputs)."""
    maps = samples.reshape(len(samples), *shape).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(maps).reshape(len(samples), -1)


def align(a: Artefact, b: Artefact) -> tuple[Artefact, Artefact]:
    """Both for the same samples.

    Raises:
        MismatchError: they take other samples or know other classes: they are not one model.
    """
    _check_standardised(a, b)
    _check_standardised(b, a)
    if not a.tells_samples:
        a.input = replace(b.input, shape=a.input.shape)
    elif not b.tells_samples:
        b.input = replace(a.input, shape=b.input.shape)
    if _is_turned(a.input.shape, b.input.shape):
        a = ChannelsFirst(a, b.input.shape)
    elif _is_turned(b.input.shape, a.input.shape):
        b = ChannelsFirst(b, a.input.shape)
    for what, of_a, of_b in (
        ("samples", (a.input.dtype, a.input.n_inputs), (b.input.dtype, b.input.n_inputs)),
        ("zero point", a.input.zero_point, b.input.zero_point),
        ("classes", a.n_outputs or b.n_outputs, b.n_outputs or a.n_outputs),
    ):
        if of_a != of_b:
            raise MismatchError(
                f"{a.where} and {b.where} are not one model: {what} {of_a} and {of_b}",
                code="E-DIFFERENT",
            )
    return a, b


def _check_standardised(packed: Artefact, graph: Artefact) -> None:
    if packed.model is None or graph.tells_samples or not packed.model.meta.get(OF_THE_GRAPH):
        return
    raise MismatchError(
        f"{packed.where} and {graph.where} take different samples: what the graph does with each "
        "input first, a front end does in the model, and it rounds to 8 bits; `metabit import` "
        "compares both, and says how many labels that changes",
        code="E-DIFFERENT",
    )


def _is_turned(first: tuple[int, ...], last: tuple[int, ...]) -> bool:
    """Whether `first` is channel, row, column of what `last` has as row, column, channel."""
    return len(first) == 3 and first != last and (*first[1:], first[0]) == last
