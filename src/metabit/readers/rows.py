"""Rows of values that a model reads, one after the other, whatever text they come in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from metabit.edge_runtime.inputs import quantize_input
from metabit.errors import InputError
from metabit.export.spec import Model
from metabit.export.windows import counts_of
from metabit.readers.samples import Array, n_limited

RowName = str | int | None


@dataclass(frozen=True)
class CsvOptions:
    """How the user wants rows of text to be read.

    Attributes:
        label: name of the label's column, or its number from 1; None for what is usual.
        codes: whether values are the model's own integers (True) or real values (False); None for
            what the first row says: whole numbers are integers of the model.
    """

    label: str | None = None
    codes: bool | None = None


@dataclass(frozen=True)
class SampleRow:
    """One row.

    Attributes:
        values: as they are written; None where the row only tells the label of an earlier one.
        label: as it is written, or None where there is no label.
        group: the recording that it is of, or "".
        name: what an earlier row is called by; None where rows have no names.
    """

    values: list[float] | None
    label: str | None
    group: str
    name: RowName = None


class Rows:
    """Rows for a model.

    Args:
        where: their file, for messages.
        model: the model that will see the values.
        options: what the user says.

    Attributes:
        where, model, options: as given.
        codes: whether values are integers of the model; None before the first row.
        n_limited, n_values: values that did not fit the input of the model, of all.
    """

    def __init__(self, where: str, model: Model, options: CsvOptions) -> None:
        self.where, self.model, self.options = where, model, options
        # A front end reads real values in the units of its channels, unless it is told otherwise.
        self.codes = options.codes if model.front_end is None else bool(options.codes)
        self.n_limited = self.n_values = 0

    def __iter__(self) -> Iterator[SampleRow]:
        raise NotImplementedError

    def mean_alike(self, whole: bool, place: str) -> None:
        """Take the first row for what all are, and refuse a later row that is not.

        Args:
            whole: whether all values of a row are whole numbers.
            place: of the row, for the message.

        Raises:
            InputError: whole numbers and real values are mixed (E-DATA-MEANING).
        """
        if self.codes is None:
            self.codes = whole
        if self.codes and not whole:
            why = (
                "which --codes does not expect; leave it out, or say --real"
                if self.options.codes
                else "and those before are whole numbers, which are taken for the model's own "
                "integers; say --real or --codes"
            )
            raise InputError(f"{self.where}: {place}: real values, {why}", code="E-DATA-MEANING")

    def inputs(self, values: list[list[float]]) -> Array:
        """Rows as the model reads them: integers of its input, or counts of its front end.

        Raises:
            InputError: whole numbers that the model's input does not hold (E-DATA-RANGE).
        """
        array = np.array(values, dtype=np.float64)
        self.n_values += array.size
        front_end = self.model.front_end
        if front_end is not None:
            if self.codes:
                return counts_of(array.astype(np.int64), front_end, self.where)
            units = front_end.unit
            self.n_limited += n_limited(array / units, -32_768, 32_767)
            return counts_of(array, front_end, self.where)
        spec = self.model.input
        low, high = (-128, 127) if spec.dtype == "int8" else (0, 255)
        if not self.codes:
            self.n_limited += n_limited(array / spec.scale + spec.zero_point, low, high)
            return quantize_input(array, spec, self.where)
        if array.min() < low or array.max() > high:
            raise InputError(
                f"{self.where}: values from {array.min():.0f} to {array.max():.0f}; the model's "
                f"{spec.dtype} input holds {low} to {high}; say --real if they are real values",
                code="E-DATA-RANGE",
            )
        return array.astype(spec.dtype)
