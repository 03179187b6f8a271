"""TFLite files run on stock interpreters, with all kernels, and give metabit's logits exactly."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tflite
from helpers import tflite_run
from helpers.random_models import random_model, random_samples
from helpers.random_networks import conv_models, dense_models, small_convnet
from helpers.tflite_run import KERNELS, run
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from metabit.edge_runtime.engine import Engine
from metabit.errors import InputError
from metabit.export.container import dumps, loads
from metabit.export.fold import logits_from_scores
from metabit.export.golden import model_scores
from metabit.export.spec import InputSpec, Model
from metabit.export.tflite.write import to_tflite
from metabit.export.untrained import untrained
from metabit.trainer import data
from metabit.trainer.data.dataset import DataSet


def assert_equal(model: Model, x: NDArray[Any], kernels: str = "AUTO", bank: int = 0) -> None:
    """All logits and labels of the exported model are those of the packed one."""
    got = run(to_tflite(model, bank=bank), x.reshape(-1, *model.input.shape), kernels)
    scores = model_scores(model, x, bank)
    assert np.array_equal(got["logits"], logits_from_scores(scores))
    assert np.array_equal(got["label"], scores.argmax(axis=1))


@pytest.mark.parametrize("kernels", KERNELS)
@settings(max_examples=30, deadline=None)
@given(model=dense_models(), seed=st.integers(0, 99))
def test_random_networks_give_equal_logits(kernels: str, model: Model, seed: int) -> None:
    x = random_samples(np.random.default_rng(seed), model.input, 40)
    for bank in range(model.n_banks):
        assert_equal(model, x, kernels, bank)


@pytest.mark.parametrize("kernels", KERNELS)
@settings(max_examples=30, deadline=None)
@given(model=conv_models(), seed=st.integers(0, 99))
def test_random_convnets_give_equal_logits(kernels: str, model: Model, seed: int) -> None:
    x = random_samples(np.random.default_rng(seed), model.input, 6)
    for bank in range(model.n_banks):
        assert_equal(model, x, kernels, bank)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_sums_that_meet_the_threshold_are_plus_one(kernels: str, dtype: str) -> None:
    """sign(0) = +1, on both sides of a flip, and in the first layer, where sums have any parity."""
    model = random_model((5, 40, 40, 4), seed=7, dtype=dtype)
    x = random_samples(np.random.default_rng(0), replace(model.input, zero_point=1), 500)
    for index, layer in enumerate(model.layers[:-1]):
        value = np.arange(-20, 20, dtype=np.int32) // (1 if index else 2)
        threshold = replace(layer.thresholds[0], value=value, flip=np.arange(40) % 2 == 0)
        layers = list(model.layers)
        layers[index] = replace(layer, thresholds=(threshold,))
        model = replace(model, layers=tuple(layers))
    assert_equal(model, x % 4, kernels)


@pytest.mark.parametrize("scale", [1e-30, 1 / 255, 0.1, 3.0, 1e30])
def test_any_input_scale_is_multiplied_back_to_one(scale: float) -> None:
    model = random_model((30, 33, 5), seed=3, zero_point=100)
    model = replace(model, input=replace(model.input, scale=scale))
    x = random_samples(np.random.default_rng(0), model.input, 200)
    for kernels in KERNELS:
        assert_equal(model, x, kernels)


def test_the_longest_rows_and_sums_are_exact() -> None:
    model = random_model((65_536, 3, 2), seed=1, learnable=False)
    x = np.full((2, 65_536), 255, np.uint8)
    x[1] = np.where(model.layers[0].weights[0] > 0, 255, 0)
    assert_equal(model, x)
    single = random_model((65_536, 2), seed=1, learnable=False)
    assert_equal(single, x)


def test_the_largest_zero_point_that_can_be_padded_is_exact() -> None:
    """The padding is then the largest integer there is; one more breaks the format's own limit."""
    x = random_samples(np.random.default_rng(3), small_convnet(254).input, 20)
    for kernels in KERNELS:
        assert_equal(small_convnet(254), x, kernels)
    with pytest.raises(InputError, match="padding of zero point") as refused:
        to_tflite(small_convnet(255), source=b"")
    assert refused.value.code == "E-LIMIT"


def network_for(sets: DataSet) -> Model:
    """Random bits, with normalisation that has seen samples: its labels tell samples apart."""
    dtype: Literal["uint8", "int8"] = "uint8" if sets.dtype == "uint8" else "int8"
    spec = InputSpec(dtype, sets.input_shape, 1.0, sets.zero_point)
    seen = sets.train.x[:300].reshape(300, -1)
    return loads(dumps(untrained(spec, (65, 33, sets.n_classes), seen)))


@pytest.mark.parametrize(
    "name",
    [
        "digits",
        "hapt",
        pytest.param("mnist", marks=pytest.mark.data("mnist")),
        pytest.param("fashion-mnist", marks=pytest.mark.data("fashion-mnist")),
    ],
)
def test_logits_and_labels_are_the_engines_on_every_test_sample(
    name: str,
) -> None:
    sets = data.load(name)
    model = network_for(sets)
    engine = Engine(dumps(model))
    got = run(to_tflite(model), sets.test.x)
    assert np.array_equal(got["label"], engine.predict(sets.test.x))
    assert np.array_equal(got["logits"], engine.decision_function(sets.test.x))


def test_files_run_on_the_chosen_interpreter(
    tmp_path: Path, pytestconfig: pytest.Config, digits: DataSet, hapt: DataSet
) -> None:
    """`make tflite-runtime` chooses tflite-runtime, which needs NumPy 1; alone, this is LiteRT.

    Whole test sets, and random networks.
    """
    cases: list[tuple[Model, NDArray[Any]]] = [
        (network_for(sets), sets.test.x.reshape(len(sets.test), -1)) for sets in (digits, hapt)
    ]

    @settings(max_examples=12, deadline=None, derandomize=True, database=None)
    @given(model=st.one_of(dense_models(), conv_models()))
    def collect(model: Model) -> None:
        model = replace(model, input=replace(model.input, zero_point=3))
        cases.append((model, random_samples(np.random.default_rng(0), model.input, 25)))

    collect()
    for index, (model, x) in enumerate(cases):
        scores = model_scores(model, x)
        (tmp_path / f"{index}.tflite").write_bytes(to_tflite(model))
        np.savez(
            tmp_path / f"{index}.npz",
            x=x.reshape(-1, *model.input.shape),
            logits=logits_from_scores(scores),
            label=scores.argmax(axis=1),
        )
    python = pytestconfig.getoption("--tflite-python") or sys.executable
    command = [python, str(tflite_run.__file__), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout, end="")  # which interpreter it was
    assert f"{len(cases)} files" in done.stdout


def test_a_bank_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="bank 2 does not exist"):
        to_tflite(random_model((4, 3, 2), n_banks=2), bank=2)


def test_the_file_says_what_it_is() -> None:
    model = random_model((12, 9, 3), seed=2)
    model = replace(model, input=InputSpec("uint8", (3, 4), 0.5, 7))
    blob = to_tflite(model, name="net", source=b"the .mbit file")
    file = tflite.Model.GetRootAs(blob)
    assert blob[4:8] == b"TFL3"
    assert file.Subgraphs(0).Name() == b"net"
    facts = json.loads(file.Buffers(file.Metadata(0).Buffer()).DataAsNumpy().tobytes())
    assert facts["bank"] == 0
    assert facts["meta"] == {"name": "random"}
    assert len(facts["mbit_sha256"]) == 64
    graph = file.Subgraphs(0)
    names = [graph.Tensors(i).Name().decode() for i in range(graph.TensorsLength())]
    assert len(set(names)) == len(names)
    assert {"input", "fc1", "fc1/weights", "logits", "label"} <= set(names)
    given_input = graph.Tensors(graph.Inputs(0))
    assert given_input.ShapeSignatureAsNumpy().tolist() == [-1, 3, 4]
    assert given_input.Quantization().Scale(0) == 0.5
    assert given_input.Quantization().ZeroPoint(0) == 7


def test_constants_start_at_multiples_of_16() -> None:
    blob = to_tflite(random_model((33, 17, 3), seed=1))
    file = tflite.Model.GetRootAs(blob)
    starts = [
        file.Buffers(i).DataAsNumpy().ctypes.data - np.frombuffer(blob, np.uint8).ctypes.data
        for i in range(1, file.BuffersLength())
    ]
    assert len(starts) > 5
    assert [start % 16 for start in starts] == [0] * len(starts)
