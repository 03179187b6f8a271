"""Random models and samples that tests of every part share."""

from __future__ import annotations

import ctypes
import itertools
import math
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metabit.edge_runtime import _native
from metabit.edge_runtime.inputs import Samples
from metabit.export.fold import fold_threshold, normalise, scores_from_logits
from metabit.export.shapes import LayerShape, default_names, layer_of, maps_of
from metabit.export.spec import (
    ConvLayer,
    Golden,
    InputSpec,
    Int8Array,
    Int32Array,
    Layer,
    LearnState,
    Model,
    Norm,
)
from metabit.export.window import Padding, Window


def reseal(data: bytearray) -> bytes:
    """A .mbit file whose checksums are right again, so that only its values lie."""
    (count,) = struct.unpack_from("<I", data, 20)
    for i in range(min(count, (len(data) - 64) // 32)):
        entry = 64 + 32 * i
        offset, length = struct.unpack_from("<II", data, entry + 8)
        struct.pack_into("<I", data, entry + 16, zlib.crc32(data[offset : offset + length]))
    struct.pack_into("<I", data, 24, zlib.crc32(data[64 : 64 + 32 * count]))
    struct.pack_into("<I", data, 60, zlib.crc32(data[:60]))
    return bytes(data)


def native_verdict(data: bytes) -> int:
    """What `mb_verify` of the C core says of a model file."""
    # Exactly as long as the data, so that the sanitizers see a read of one byte too many.
    blob = np.empty(len(data), dtype=np.uint8)
    blob[:] = np.frombuffer(data, dtype=np.uint8)
    info = _native.Info()
    return int(_native.library().mb_verify(blob.ctypes.data, blob.size, ctypes.byref(info)))


def random_samples(rng: np.random.Generator, spec: InputSpec, n: int) -> Samples:
    """n samples over the whole range of the dtype, with a third of exact zero points."""
    info = np.iinfo(spec.dtype)
    x = rng.integers(info.min, info.max + 1, size=(n, spec.n_inputs))
    x[rng.random(x.shape) < 0.33] = spec.zero_point
    return x.astype(np.int8) if spec.dtype == "int8" else x.astype(np.uint8)


def world(model: Model, number: int, n: int, part: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Samples of a world of its own: each class lies around a middle."""
    at, rng = np.random.default_rng(number), np.random.default_rng((number, n, part))
    labels = rng.integers(0, model.n_outputs, n)
    low = 0 if model.input.dtype == "uint8" else -128
    middles = at.integers(40, 216, (model.n_outputs, model.input.n_inputs))
    noise = rng.normal(0, 12, (n, model.input.n_inputs))
    values = np.clip(np.rint(middles[labels] + noise), 0, 255) + low
    return values.astype(model.input.dtype), labels


def random_norm(rng: np.random.Generator, n_out: int, spread: float) -> Norm:
    """Means and variances that fit sums of size `spread`; scales of both signs and some zeros."""
    gamma = rng.normal(0, 1, n_out).astype(np.float32)
    gamma[rng.random(n_out) < 0.1] = 0
    return Norm(
        mean=rng.normal(0, spread / 2, n_out).astype(np.float32),
        var=(spread**2 * rng.uniform(0.2, 2, n_out)).astype(np.float32),
        gamma=gamma,
        beta=rng.normal(0, 0.3, n_out).astype(np.float32),
    )


def random_model(
    sizes: Sequence[int],
    *,
    dtype: str = "uint8",
    zero_point: int = 0,
    **options: Any,
) -> Model:
    """A random network of dense layers `sizes` = (n_inputs, ..., n_outputs)."""
    shapes = [LayerShape(n_out, n_in) for n_in, n_out in itertools.pairwise(sizes)]
    return random_network((sizes[0],), shapes, dtype=dtype, zero_point=zero_point, **options)


def random_convnet(
    input_shape: tuple[int, ...],
    blocks: Sequence[tuple[int, int, int, Padding, int]],
    dense: Sequence[int],
    **options: Any,
) -> Model:
    """A random convolutional network.

    Args:
        input_shape: rows, columns and, unless there is only one, channels.
        blocks: channels, kernel side, stride, padding and pool of each convolution.
        dense: widths of the dense layers after them, the number of classes last.
        options: those of `random_network`.
    """
    shapes: list[LayerShape] = []
    before: tuple[int, ...] = input_shape
    for n_out, *geometry in blocks:
        maps = maps_of(before)
        assert maps is not None
        window = Window(maps, *geometry)  # type: ignore[arg-type]
        shapes.append(LayerShape(n_out, window.n_in, window))
        before = shapes[-1].out_shape
    for n_out in dense:
        shapes.append(LayerShape(n_out, math.prod(before)))
        before = (n_out,)
    return random_network(input_shape, shapes, **options)


def small_convnet(**options: Any) -> Model:
    """Two convolutions and two dense layers: 9 x 7 x 2 in, 4 out; channels that fill no word."""
    blocks: list[tuple[int, int, int, Padding, int]] = [
        (6, 3, 1, "one", 2),
        (5, 2, 1, "valid", 1),
    ]
    return random_convnet((9, 7, 2), blocks, (8, 4), **options)


def random_network(
    input_shape: tuple[int, ...],
    shapes: Sequence[LayerShape],
    *,
    seed: int = 0,
    dtype: str = "uint8",
    zero_point: int = 0,
    n_banks: int = 1,
    bits: int = 8,
    learnable: bool = True,
    golden: int = 3,
    m: float = 2.0,
    step_levels: float = 0.3,
) -> Model:
    """A network of these layers with random weights and normalisation."""
    rng = np.random.default_rng(seed)
    assert dtype in ("uint8", "int8")
    spec = InputSpec("int8" if dtype == "int8" else "uint8", input_shape, 1.0, zero_point)
    half = 2 ** (bits - 1)
    eps = float(np.float32(1e-5))
    levels: list[Int8Array] = []
    layers: list[Layer] = []
    for index, shape in enumerate(shapes):
        hidden = rng.normal(0, half / 4, (shape.n_out, shape.n_in))
        levels.append(np.clip(np.floor(hidden), -half, half - 1).astype(np.int8))
        spread = np.sqrt(shape.n_in) * (90.0 if index == 0 else 1.0)
        norms = tuple(random_norm(rng, shape.n_out, float(spread)) for _ in range(n_banks))
        acc_max = shape.n_in * (255 if index == 0 else 1)
        hidden_layer = index + 1 < len(shapes)
        layers.append(
            layer_of(
                shape,
                default_names(shapes)[index],
                np.where(levels[-1] >= 0, 1, -1).astype(np.int8),
                tuple(fold_threshold(n, eps, acc_max) for n in norms) if hidden_layer else (),
                norms if learnable or not hidden_layer else (),
            )
        )
    n_layers = len(layers)
    learn = LearnState(
        bits=bits,
        levels=tuple(levels),
        m=(float(np.float32(m)),) * n_layers,
        w_max=(1.0,) * n_layers,
        step_levels=float(np.float32(step_levels)),
        norm_rate=float(np.float32(0.01)),
        error_rate=float(np.float32(0.02)),
        rms_rate=float(np.float32(0.05)),
    )
    model = Model(spec, tuple(layers), eps, learn if learnable else None, None, {"name": "random"})
    x = random_samples(rng, spec, golden)
    return Model(
        spec, model.layers, eps, model.learn, Golden(x, plain_scores(model, x)), model.meta
    )


def plain_sums(layer: Layer, values: NDArray[np.int64]) -> Int32Array:
    """Sums of a layer, shape (n, positions, n_out): a convolution a tap at a time, padded here."""
    if not isinstance(layer, ConvLayer):
        return (values @ layer.weights.T.astype(np.int64)).astype(np.int32)[:, None]
    window, kernels = layer.window, layer.kernels.astype(np.int64)
    k, step, (rows, columns) = window.kernel_size, window.stride, window.sum_sides
    maps = values.reshape(len(values), *window.in_shape)
    if window.padding == "one":
        sides = ((k - 1) // 2, k // 2)
        maps = np.pad(maps, ((0, 0), sides, sides, (0, 0)), constant_values=1)
    sums = np.zeros((len(maps), rows, columns, layer.n_out), dtype=np.int64)
    for a, b in itertools.product(range(k), range(k)):
        seen = maps[:, a : a + step * rows : step, b : b + step * columns : step]
        sums += seen @ kernels[:, a, b].T
    pool, (out_rows, out_columns) = window.pool, window.out_sides
    pooled = np.full((len(maps), out_rows, out_columns, layer.n_out), -(2**40))
    for a, b in itertools.product(range(pool), range(pool)):
        here = sums[:, a : a + pool * out_rows : pool, b : b + pool * out_columns : pool]
        pooled = np.maximum(pooled, here)
    return pooled.reshape(len(maps), layer.n_positions, layer.n_out).astype(np.int32)


def plain_scores(model: Model, x: Samples, bank: int = 0) -> Int32Array:
    """Scores computed from the float normalisation alone, without any threshold or packing."""
    values = x.astype(np.int64) - model.input.zero_point
    for index, layer in enumerate(model.layers):
        sums = plain_sums(layer, values)
        if not layer.norms:  # exported without hidden normalisation
            threshold = layer.thresholds[bank]
            bits = (sums >= threshold.value) != threshold.flip
            values = np.where(bits, 1, -1).reshape(len(x), math.prod(layer.out_shape))
            continue
        y = normalise(sums, layer.norms[bank], model.eps)
        if index + 1 == len(model.layers):
            return scores_from_logits(y[:, 0])
        values = (
            np.where(y >= 0, 1, -1).reshape(len(x), math.prod(layer.out_shape)).astype(np.int64)
        )
    raise AssertionError("a model has an output layer")
