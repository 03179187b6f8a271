"""Random networks for property tests of exports."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from hypothesis import strategies as st

from helpers.random_models import random_model, random_norm
from metabit.export.fold import fold_threshold
from metabit.export.spec import ConvLayer, DenseLayer, InputSpec, Layer, Model
from metabit.export.window import Window


@st.composite
def dense_models(draw: st.DrawFn) -> Model:
    """One to four dense layers; input types, zero points, banks; scales of both signs and zeros."""
    sizes = draw(st.lists(st.integers(1, 70), min_size=2, max_size=5))
    dtype = draw(st.sampled_from(["uint8", "int8"]))
    zero_point = draw(st.integers(*((0, 255) if dtype == "uint8" else (-128, 127))))
    n_banks, seed = draw(st.integers(1, 3)), draw(st.integers(0, 2**16))
    return random_model(sizes, seed=seed, dtype=dtype, zero_point=zero_point, n_banks=n_banks)


@st.composite
def conv_models(draw: st.DrawFn) -> Model:
    """Two convolutions and a dense layer over a map of random sides, kernels, steps and pools.

    Banks, zero points of both input types, and scales of both signs and zeros come along.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    channels = draw(st.integers(1, 3))
    shape: tuple[int, ...] = (draw(st.integers(6, 11)), draw(st.integers(6, 11)), channels)
    in_shape: tuple[int, int, int] = (shape[0], shape[1], channels)
    n_banks = draw(st.integers(1, 2))
    layers: list[Layer] = []
    for index in range(2):
        window = Window(
            in_shape, draw(st.integers(1, 3)), draw(st.integers(1, 2)),
            draw(st.sampled_from(["one", "valid"])), draw(st.integers(1, 2)),
        )  # fmt: skip
        if min(window.out_sides) < 1:
            break
        n_out = draw(st.integers(1, 9))
        spread = np.sqrt(window.n_in) * (90.0 if index == 0 else 1.0)
        norms = tuple(random_norm(rng, n_out, float(spread)) for _ in range(n_banks))
        thresholds = tuple(fold_threshold(norm, 1e-5, window.n_in * 255) for norm in norms)
        weights = rng.choice(np.array([-1, 1], dtype=np.int8), (n_out, window.n_in))
        layers.append(ConvLayer(f"conv{index + 1}", weights, thresholds, norms, window))
        in_shape = (*window.out_sides, n_out)
    n_in = math.prod(in_shape)
    weights = rng.choice(np.array([-1, 1], dtype=np.int8), (4, n_in))
    norms = tuple(random_norm(rng, 4, float(np.sqrt(n_in))) for _ in range(n_banks))
    layers.append(DenseLayer("head", weights, (), norms))
    flat = channels == 1 and draw(st.booleans())
    dtype: Literal["uint8", "int8"] = draw(st.sampled_from(["uint8", "int8"]))
    low, high = (0, 254) if dtype == "uint8" else (-128, 126)  # + 1 is what padding holds
    spec = InputSpec(dtype, shape[:2] if flat else shape, 1.0, draw(st.integers(low, high)))
    return Model(spec, tuple(layers))


def small_convnet(zero_point: int) -> Model:
    """A padded and pooled convolution of 6 x 6 values in front of a dense layer with 5 classes."""
    head = random_model((18, 5), seed=5).layers[0]
    hidden = random_model((9, 2, 3), seed=6).layers[0]
    window = Window((6, 6, 1), 3, padding="one", pool=2)
    conv = ConvLayer("conv", hidden.weights, hidden.thresholds, (), window)
    return Model(InputSpec("uint8", (6, 6), 1.0, zero_point), (conv, head))
