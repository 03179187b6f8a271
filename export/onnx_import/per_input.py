"""A deviation for each input in front of the first layer, as a front end that does the same.

Weights of -1 and +1 cannot scale an input, and a sample has one scale for all of its values. A
front end has a scale for each: it turns counts into the standardised values, in 8 bits.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto

from metabit.export.onnx_import.chain import Chain, Float64Array
from metabit.export.onnx_import.errors import refuse
from metabit.export.spec import FrontEnd
from metabit.trainer.frontend.fit import as_product
from metabit.trainer.frontend.front_end import (
    COUNT_LIMIT,
    FEATURE_LIMIT,
    FEATURE_UNIT,
    MAX_CHANNELS,
    MAX_FEATURE_SHIFT,
    MAX_SHIFT,
    MAX_STACK,
    Operations,
)

_SCALED = 16_384
"""Where the largest value that a sample can hold comes to lie before it becomes 8 bits."""
_LEAST_COUNTS = 4 * FEATURE_UNIT
"""Counts of a deviation, of real values: a step of a sample is several counts."""


@dataclass(frozen=True, eq=False)
class PerInput:
    """What the first layer sees of each input: (count - mean) / deviation.

    Attributes:
        mean, deviation: in counts, shape (n_inputs,).
        unit: what a count stands for in the graph, shape (n_inputs,).
        steps: of a sample, in a deviation.
        dtype: of the counts; None where the graph takes real values, and nothing said what a count
            of them is.
    """

    mean: Float64Array
    deviation: Float64Array
    unit: Float64Array
    steps: float
    dtype: Literal["uint8", "int8"] | None

    def channels_last(self, shape: tuple[int, ...]) -> PerInput:
        """The same for samples of shape (rows, columns, channels) that the graph has channel
        first."""
        rows, columns, channels = shape

        def turned(values: Float64Array) -> Float64Array:
            return values.reshape(channels, rows, columns).transpose(1, 2, 0).reshape(-1)

        mean, deviation, unit = map(turned, (self.mean, self.deviation, self.unit))
        return replace(self, mean=mean, deviation=deviation, unit=unit)

    def front_end(self, shape: tuple[int, ...], where: str) -> FrontEnd:
        """The front end that makes 8-bit samples of counts.

        A sample is one frame; where the values of its last dimensions are scaled alike all along
        the first ones, it is a frame for each of those.

        Args:
            shape: of a sample.
            where: name of the file.

        Raises:
            FormatError: it has more channels, or frames, than a front end can.
        """
        n = self._n_channels(shape, where)
        mean, deviation = self.mean[:n], self.deviation[:n]
        does = Operations(n, 1, 1, statistics=("mean",), log="none", stack=len(self.mean) // n)
        offset = np.clip(np.rint(mean), -COUNT_LIMIT - 1, COUNT_LIMIT).astype(np.int32)
        farthest = np.abs(mean - offset) + FEATURE_LIMIT / self.steps * deviation + 1
        multiplier, shift = as_product(_SCALED / farthest, COUNT_LIMIT, MAX_SHIFT)
        multiplier = np.maximum(multiplier, 1)
        ratio = multiplier / np.exp2(shift)
        centre = np.rint((mean - offset) * ratio).astype(np.int32)
        gain, gain_shift = as_product(self.steps / (deviation * ratio), 65_535, MAX_FEATURE_SHIFT)
        units = self.unit[:n].astype(np.float32)
        return FrontEnd(does, offset, multiplier, shift, units, centre, gain, gain_shift)

    def _n_channels(self, shape: tuple[int, ...], where: str) -> int:
        sizes: list[int] = list(accumulate(reversed(shape), operator.mul))
        for size in sizes:
            frames = [x.reshape(-1, size) for x in (self.mean, self.deviation, self.unit)]
            if size > MAX_CHANNELS or len(frames[0]) > MAX_STACK:
                continue
            if all(np.allclose(rows, rows[0], rtol=1e-9, atol=1e-12) for rows in frames):
                return size
        low, high = self.deviation.min(), self.deviation.max()
        raise refuse(
            where,
            f"it divides each of its {len(self.mean)} inputs by a deviation of its own ({low:.4g} "
            f"to {high:.4g}). A front end does that for up to {MAX_CHANNELS} channels and "
            f"{MAX_STACK} frames; a sample of shape {shape} has more that differ. Cut the graph "
            "after that (onnx.utils.extract_model), standardise samples before, and say with "
            "--samples what 8 bits stand for then",
        )


def of_counts(values: Float64Array, first: int, unit: float) -> PerInput:
    """Where samples are 8-bit counts.

    Args:
        values: what the first layer sees of all 256 counts, evenly rising, shape (256, n_inputs).
        first: the lowest count.
        unit: what a count stands for in the graph.
    """
    slope = (values[-1] - values[0]) / (len(values) - 1)
    steps = max(FEATURE_UNIT, int(FEATURE_LIMIT / np.abs(values).max()))
    units = np.full(len(slope), unit)
    dtype: Literal["uint8", "int8"] = "int8" if first < 0 else "uint8"
    return PerInput(first - values[0] / slope, 1 / slope, units, steps, dtype)


def of_real_values(chain: Chain, n_inputs: int, where: str) -> PerInput | None:
    """Where the graph takes real values; None where it has no deviation for each of them.

    Raises:
        FormatError: a deviation is too small beside its mean for counts of 16 bits.
    """
    mean, deviation = np.zeros(n_inputs), np.ones(n_inputs)
    for _ in range(2):  # the second time near the mean, where nothing large cancels
        ends = mean + np.array([[-1.0], [1.0]]) * deviation
        low, high = np.broadcast_to(chain.of(ends), ends.shape)
        slope = (high - low) / (2 * deviation)
        if not np.isfinite(slope).all() or np.any(slope <= 0):
            return None
        mean, deviation = mean - (low + high) / 2 / slope, 1 / slope
    if np.ptp(deviation) < 1e-6 * deviation.max():
        return None
    points = np.linspace(-4, 4, 9)[:, None]
    if not np.allclose(chain.of(mean + points * deviation), points, rtol=0, atol=1e-3):
        return None
    unit = (np.abs(mean) + (FEATURE_LIMIT + 1) / FEATURE_UNIT * deviation) / COUNT_LIMIT
    unit = unit.astype(np.float32).astype(np.float64)
    if np.any(deviation < _LEAST_COUNTS * unit):
        worst = int(np.argmin(deviation / unit))
        raise refuse(
            where,
            f"input {worst} has a mean of {mean[worst]:.6g} and a deviation of "
            f"{deviation[worst]:.4g}: counts of 16 bits cannot hold so small a change of so large "
            "a value; take means off where samples are made",
        )
    return PerInput(mean / unit, deviation / unit, unit, FEATURE_UNIT, None)


def without_operations(proto: onnx.ModelProto, outputs: tuple[str, ...]) -> onnx.ModelProto:
    """The graph for samples on which these operations were done before.

    Args:
        proto: the model; its input may be integers.
        outputs: of the operations in front of its first layer, by name.
    """
    made = onnx.ModelProto()
    made.CopyFrom(proto)
    del made.graph.value_info[:]
    made.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT
    moving = {made.graph.input[0].name}
    for node in made.graph.node:
        along = [name for name in node.input if name in moving]
        if not along:
            continue
        moving.update(node.output)
        if node.output[0] in outputs:
            node.op_type, node.domain = "Identity", ""
            del node.input[:], node.attribute[:], node.output[1:]
            node.input.append(along[0])
    return made
