"""Probes travel in the file at two bits per value, and come back as samples like those before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples

from metabit import CorruptError, Engine, InputError
from metabit.export import layout
from metabit.export.container import dumps, loads, sections
from metabit.export.probes import MOST, MOST_BYTES, probe_inputs, with_probes
from metabit.export.repack import without_state
from metabit.export.spec import Model

MODELS = {
    "uint8": random_model((21, 9, 4), seed=1),
    "int8": random_model((22, 9, 4), seed=2, dtype="int8", zero_point=-7),
}


def probed(model: Model, n: int | None = 40) -> Model:
    rng = np.random.default_rng(3)
    return with_probes(model, random_samples(rng, model.input, 300), rng.integers(0, 4, 300), n)


@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_reads_back(name: str) -> None:
    model = probed(MODELS[name])
    data = dumps(model)
    back = loads(data)
    assert dumps(back) == data
    assert model.probes is not None
    assert back.probes is not None
    ours, theirs = (probe_inputs(m.probes, m.input) for m in (model, back) if m.probes)
    assert np.array_equal(ours, theirs)
    assert np.array_equal(model.probes.labels, back.probes.labels)
    assert ours.dtype == model.input.dtype


@pytest.mark.parametrize("name", MODELS)
def test_a_file_with_probes_predicts_as_without(name: str) -> None:
    model = MODELS[name]
    x = random_samples(np.random.default_rng(4), model.input, 50)
    assert np.array_equal(Engine(dumps(probed(model))).scores(x), Engine(dumps(model)).scores(x))


def test_a_probe_is_near_the_sample_that_it_was_made_of() -> None:
    rng = np.random.default_rng(5)
    x = np.clip(np.rint(rng.normal(100, 20, (200, 21))), 0, 255).astype(np.uint8)
    model = with_probes(MODELS["uint8"], x, np.arange(200) % 4, 200)
    assert model.probes is not None
    found = probe_inputs(model.probes, model.input).astype(float)
    far = [np.abs(x - probe).mean(axis=1).min() for probe in found]
    assert np.mean(far) < 10  # half a deviation


def test_classes_have_about_as_many_probes_and_the_default_fits_its_size() -> None:
    rng = np.random.default_rng(6)
    model = random_model((784, 8, 4), seed=7)
    x, y = random_samples(rng, model.input, 500), np.repeat([0, 1, 2, 3], [300, 100, 80, 20])
    made = with_probes(model, x, y)
    (section,) = [s for s in sections(dumps(made)) if s.type == layout.PROBES]
    assert MOST_BYTES - 200 < section.length_bytes <= MOST_BYTES
    assert made.probes is not None
    counts = np.bincount(made.probes.labels)
    assert counts.max() - counts.min() <= 1


def test_too_few_are_none_and_too_many_are_refused() -> None:
    rng, model = np.random.default_rng(8), MODELS["uint8"]
    x, y = random_samples(rng, model.input, 29), rng.integers(0, 4, 29)
    assert with_probes(model, x, y).probes is None
    assert with_probes(model, x, y, 0).probes is None
    assert with_probes(model, x, y, 5).probes is not None
    with pytest.raises(InputError, match="at most 29") as caught:
        with_probes(model, x, y, 30)
    assert caught.value.code == "E-PROBES"


def test_a_model_for_inference_has_no_probes() -> None:
    assert without_state(probed(MODELS["uint8"])).probes is None


def test_a_section_that_says_what_cannot_be_is_refused() -> None:
    model = probed(MODELS["uint8"])
    assert model.probes is not None
    bad = {
        "label": replace(model.probes, labels=model.probes.labels + 4),
        "padding": replace(
            model.probes, codes=np.pad(model.probes.codes, ((0, 0), (0, 1)), constant_values=3)
        ),
    }
    for probes in bad.values():
        with pytest.raises(CorruptError, match="a label is not one of the classes, or padding"):
            loads(dumps(replace(model, probes=probes)))
    many = replace(
        model.probes,
        codes=np.resize(model.probes.codes, (MOST + 1, model.n_inputs)),
        labels=np.resize(model.probes.labels, MOST + 1),
    )
    with pytest.raises(CorruptError, match=f"{MOST + 1} probes"):
        loads(dumps(replace(model, probes=many)))
