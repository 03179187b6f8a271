"""The input of an imported network: how an 8-bit sample becomes what the first layer sees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from onnx import TensorProto

from metabit.export.onnx_import.chain import Chain, Float64Array
from metabit.export.onnx_import.errors import refuse
from metabit.export.onnx_import.per_input import PerInput, of_counts, of_real_values

INTEGERS: dict[int, Literal["uint8", "int8"]] = {
    TensorProto.UINT8: "uint8", TensorProto.INT8: "int8",
}  # fmt: skip


@dataclass(frozen=True)
class Quantization:
    """How an 8-bit sample q stands for a number: scale * (q - zero_point)."""

    dtype: Literal["uint8", "int8"]
    scale: float = 1.0
    zero_point: int = 0


@dataclass(frozen=True)
class Seen:
    """What the first layer sees of a sample q: factor * (q - zero_point - shift).

    Attributes:
        quantization: of the sample, with its zero point.
        factor: one for all inputs.
        shift: shape (1,), or (n_inputs,) in the order of the graph's input.
        per_input: what a front end has to do first, where inputs have deviations of their own.
    """

    quantization: Quantization
    factor: float
    shift: Float64Array
    per_input: PerInput | None = None


def seen(
    input_type: int, chain: Chain, told: Quantization | None, n_inputs: int, where: str
) -> Seen:
    """What the operations in front of the first layer do with a sample.

    Args:
        input_type: ONNX's type of the input.
        chain: operations on it, with constants for all inputs or for each.
        told: how float samples are quantized; of an integer input only the scale counts.
        n_inputs: values of a sample.
        where: name of the file.

    Raises:
        FormatError: they do anything but shift and scale, or `told` is missing.
    """
    is_float = input_type == TensorProto.FLOAT
    if is_float and told is None:
        real = of_real_values(chain, n_inputs, where)
        if real is not None:
            return _through_front_end(real)
    sample = _sample(input_type, told, where)
    levels = np.arange(np.iinfo(sample.dtype).min, np.iinfo(sample.dtype).max + 1, dtype=np.float64)
    taken = sample.scale * (levels - sample.zero_point) if is_float else levels
    values = chain.of(taken[:, None])  # shape (256, 1 or n_inputs)
    factors = _factors(values, chain, where)
    factor = float(factors[0])
    if not np.allclose(factors, factor, rtol=1e-6, atol=0):
        if is_float and sample.zero_point != 0:
            raise refuse(
                where,
                "it scales each input by a number of its own, and then a sample of 0 must stand "
                "for 0: leave --samples out for real values, or give it with a zero point of 0",
            )
        first, unit = int(levels[0]), sample.scale if is_float else 1.0
        return _through_front_end(of_counts(values, first, unit))
    zero = levels[0] - values[0] / factor  # where the first layer sees 0
    zero = np.where(np.abs(zero - np.rint(zero)) < 1e-3, np.rint(zero), zero)
    if not is_float:
        middle = int(np.clip(round(float(zero.mean())), levels[0], levels[-1]))
        sample = replace(sample, zero_point=middle)
    if abs(factor - 1) < 1e-6:
        factor = 1.0
    return Seen(sample, factor, zero - sample.zero_point)


def _sample(input_type: int, told: Quantization | None, where: str) -> Quantization:
    """How 8-bit samples stand for the input; the zero point of an integer input is not known yet.

    Raises:
        FormatError: the input is of another type, or float without `told`.
    """
    if input_type in INTEGERS:
        return Quantization(INTEGERS[input_type], 1.0 if told is None else told.scale)
    if input_type != TensorProto.FLOAT:
        raise refuse(where, "its input is neither uint8, int8 nor float")
    if told is None:
        raise refuse(
            where,
            "its input is float; say how 8-bit samples stand for it, such as "
            "--samples uint8,0.00392157,0 for 0...1 (type, scale, zero point)",
        )
    return told


def _through_front_end(per_input: PerInput) -> Seen:
    step = 1 / per_input.steps
    return Seen(Quantization("int8", step), step, np.zeros(1), per_input)


def _factors(values: Float64Array, chain: Chain, where: str) -> Float64Array:
    """What one step of a sample is worth to the first layer, shape (1 or n_inputs,).

    Args:
        values: what the first layer sees of all 256 samples, shape (256, 1 or n_inputs).
        chain: what made them, for messages.

    Raises:
        FormatError: they are not a shift and a positive scale of the samples.
    """
    factors: Float64Array = (values[-1] - values[0]) / 255
    if (
        not np.isfinite(values).all()
        or np.any(factors <= 0)
        or not np.allclose(np.diff(values, axis=0), factors, rtol=1e-4, atol=0)
    ):
        raise refuse(
            where,
            f"what comes before its first layer ({', '.join(chain.operators) or 'nothing'}) is "
            "neither a shift and a positive scale of 8-bit samples, nor a few even steps of them",
        )
    return factors
