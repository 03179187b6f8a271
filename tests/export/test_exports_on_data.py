"""Exported networks over whole test sets of real data: every runtime gives equal scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from metabit.compare.artefact import Artefact
from metabit.compare.compare import compare
from metabit.compare.onnx_file import OnnxArtefact
from metabit.compare.packed import PackedArtefact
from metabit.compare.tflite_file import TfliteArtefact
from metabit.edge_runtime.engine import Engine
from metabit.export import container
from metabit.export.fold import scores_from_logits
from metabit.export.from_torch import from_model, input_spec, map_input
from metabit.export.golden import model_scores
from metabit.export.onnx.write import STYLES, to_onnx
from metabit.export.repack import with_state
from metabit.export.shapes import map_samples
from metabit.export.spec import InputSpec, Model
from metabit.export.states import state_image
from metabit.export.tflite.read import loads as tflite_loads
from metabit.export.tflite.write import to_tflite
from metabit.export.untrained import untrained
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.data.thermometer import quantiles
from metabit.trainer.networks.convnet import BinaryConvNet
from metabit.trainer.networks.shapes import ConvBlock, ConvNetConfig

Array = NDArray[Any]
FORMS = (*STYLES, "tflite")


def learnt(spec: InputSpec, x: Array, y: Array, n_classes: int) -> Model:
    """A network that has learnt 400 samples on the device engine."""
    model = untrained(spec, (64, 48, n_classes), x[:200])
    blob = container.dumps(model)
    engine = Engine(blob, learn="all")
    engine.learn(x[:400], y[:400])
    name = state_image.model_id(blob)
    return with_state(model, state_image.loads(engine.save_state(), model, name))


def exported(model: Model, form: str) -> Artefact:
    """The model in one of the `FORMS`, opened."""
    if form == "tflite":
        return TfliteArtefact(form, tflite_loads(to_tflite(model), form))
    return OnnxArtefact(form, to_onnx(model, form))


def assert_equal(model: Model, form: str, x: Array) -> None:
    found = compare(PackedArtefact("model", model), exported(model, form), x, bank=0)
    assert (found.n_samples, found.n_scores) == (len(x), len(x) * model.n_outputs)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["digits", "hapt"])
def test_labels_and_scores_are_equal_over_a_whole_test_set(
    name: str, form: str, request: pytest.FixtureRequest
) -> None:
    sets: DataSet = request.getfixturevalue(name)
    spec = input_spec(sets)
    x, y = sets.train.x.reshape(len(sets.train), -1), sets.train.y
    model = learnt(spec, x, y, len(sets.class_names))
    assert_equal(model, form, sets.test.x.reshape(len(sets.test), -1))


@pytest.mark.parametrize("form", FORMS)
def test_a_thermometer_input_is_equal_over_the_digits(digits: DataSet, form: str) -> None:
    code = quantiles(digits.train.x, 4)
    x, test = (code.encode(part.x.reshape(len(part), -1)) for part in (digits.train, digits.test))
    flat = x.reshape(len(x), -1)
    model = learnt(InputSpec("int8", (flat.shape[1],)), flat, digits.train.y, 10)
    assert_equal(model, form, test.reshape(len(test), -1))


@pytest.mark.parametrize("form", FORMS)
def test_a_convolutional_network_is_equal_over_the_digits(digits: DataSet, form: str) -> None:
    """Against PyTorch, too, whose normalisation has seen the training samples."""
    torch.manual_seed(0)
    config = ConvNetConfig(
        (1, 8, 8), (ConvBlock(12), ConvBlock(16, pool=2, padding="valid")), (20,), 10
    )
    net = BinaryConvNet(config)
    net.train()
    maps = net.samples(digits.train.x[:300])
    for _ in range(60):
        net(torch.from_numpy(maps).float())
    net.eval()
    model = from_model(net, map_input(input_spec(digits)), m=1.0)
    x = map_samples(digits.test.x).reshape(len(digits.test), -1)
    logits = net(torch.from_numpy(net.samples(digits.test.x)).float()).detach().numpy()
    outputs = exported(model, form).outputs(x, 0)
    assert outputs.scores is not None
    assert np.array_equal(outputs.scores, model_scores(model, x))
    assert np.array_equal(outputs.scores, scores_from_logits(logits))
    assert len(np.unique(outputs.labels)) > 2
