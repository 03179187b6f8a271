"""A network after a thermometer code, as a network that reads the values themselves.

The code compares every value with the same few thresholds. So does a convolution of side 1 with
weights of +1 and one channel a threshold: put in front, it is a layer like any other, and every
engine, board and export takes 8-bit samples as they come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from metabit.errors import InputError
from metabit.export.golden import with_golden
from metabit.export.spec import ConvLayer, InputSpec, Layer, Model, Threshold
from metabit.export.window import Window

NAME = "thermometer"
"""Of the layer, and of the entry in META."""


@dataclass(frozen=True)
class Code:
    """How samples became bits before training.

    Attributes:
        thresholds: rising integers; bit = (sample >= threshold).
        dtype, scale, zero_point: of the samples, see `InputSpec`.
    """

    thresholds: tuple[int, ...]
    dtype: Literal["uint8", "int8"]
    scale: float
    zero_point: int

    def to_meta(self) -> dict[str, object]:
        """For META: numbers and text."""
        return vars(self) | {"thresholds": list(self.thresholds)}

    @staticmethod
    def of(model: Model) -> Code:
        """What META tells.

        Raises:
            InputError: it tells of no code, or of a code that makes no sense.
        """
        told = model.meta.get(NAME)
        if not isinstance(told, Mapping):
            raise _refuse("it reads its samples as they are; no thermometer stands before it")
        try:
            thresholds = tuple(int(t) for t in told["thresholds"])
            dtype: Literal["uint8", "int8"] = "int8" if told["dtype"] == "int8" else "uint8"
            code = Code(thresholds, dtype, float(told["scale"]), int(told["zero_point"]))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise _refuse(f"its META describes no thermometer ({error!r})") from error
        info = np.iinfo(code.dtype)
        rising = all(low < high for low, high in pairwise(thresholds))
        if not (thresholds and rising and info.min <= thresholds[0] <= thresholds[-1] <= info.max):
            raise _refuse(f"the thresholds {list(thresholds)} in its META do not rise in {dtype}")
        return code


def with_raw_input(model: Model) -> Model:
    """The model with its thermometer as the first layer, for inference.

    Args:
        model: of a network that was trained on encoded maps: bits in front, (bits, rows, columns),
            where it begins with a dense layer, otherwise last, (rows, columns, bits).

    Returns:
        a model of samples (rows, columns) with the same scores. It cannot learn: a layer of fixed
        weights stands before the others.

    Raises:
        InputError: there is no code before it, or none that one layer computes (E-THERMOMETER).
    """
    code, first = Code.of(model), model.layers[0]
    n_bits, shape, is_map = len(code.thresholds), model.input.shape, isinstance(first, ConvLayer)
    if len(shape) != 3 or shape[-1 if is_map else 0] != n_bits or model.input.zero_point != 0:
        raise _refuse(f"samples of shape {shape} are no maps of {n_bits} bits per value")
    data = model.meta.get("data")
    if isinstance(data, Mapping) and data.get("stream") == "permuted":
        raise _refuse("its tasks permute the bits, each in another way; no layer does that")
    rows, columns = shape[:2] if is_map else shape[1:]
    values = np.array(code.thresholds, dtype=np.int32) - code.zero_point
    threshold = Threshold(values, np.zeros(n_bits, dtype=np.bool_))
    layer = ConvLayer(
        NAME, np.ones((n_bits, 1), dtype=np.int8), (threshold,) * model.n_banks, (),
        Window((rows, columns, 1), 1, padding="valid"),
    )  # fmt: skip
    spec = InputSpec(code.dtype, (rows, columns), code.scale, code.zero_point)
    layers = (layer, *_behind(model, n_bits))
    meta = {key: value for key, value in model.meta.items() if key != NAME}
    meta["layer_names"] = [each.name for each in layers]
    if isinstance(data, Mapping):
        meta["data"] = {key: value for key, value in data.items() if key != NAME}
    made = replace(
        model, input=spec, layers=layers, learn=None, golden=None, meta=meta, head=None, probes=None
    )
    if model.golden is None:
        return made
    return with_golden(made, _values(model.golden.inputs, shape, is_map, code))


def _behind(model: Model, n_bits: int) -> list[Layer]:
    """The layers without hidden normalisation; a dense first layer reads its bits last."""
    layers = [replace(layer, norms=()) for layer in model.layers[:-1]] + [model.layers[-1]]
    if not isinstance(layers[0], ConvLayer):
        weights = layers[0].weights.reshape(layers[0].n_out, n_bits, -1)
        turned = np.ascontiguousarray(weights.transpose(0, 2, 1)).reshape(layers[0].n_out, -1)
        layers[0] = replace(layers[0], weights=turned)
    return layers


def _values(
    bits: NDArray[Any], shape: tuple[int, ...], is_map: bool, code: Code
) -> NDArray[np.uint8] | NDArray[np.int8]:
    """Samples with these codes, shape (n, rows * columns): the lowest values that have them."""
    height = np.count_nonzero(bits.reshape(-1, *shape) > 0, axis=3 if is_map else 1)
    lowest = np.array([np.iinfo(code.dtype).min, *code.thresholds], dtype=code.dtype)
    values: NDArray[np.uint8] | NDArray[np.int8] = lowest[height].reshape(len(bits), -1)
    return values


def _refuse(why: str) -> InputError:
    return InputError(f"the model cannot read raw samples: {why}", code="E-THERMOMETER")
