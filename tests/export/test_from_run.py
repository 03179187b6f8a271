"""A run folder is enough to export from: it carries what its network reads."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from helpers.random_models import random_model

from metabit import CorruptError, FormatError, InputError
from metabit.edge_runtime.engine import Engine
from metabit.export.container import dumps
from metabit.export.from_run import from_run, why_no_head
from metabit.export.heads.home import SPARE_DEFAULT, HeadChoice, ram_of
from metabit.export.raw_input import with_raw_input
from metabit.export.shapes import map_samples
from metabit.export.spec import Told
from metabit.trainer import data
from metabit.trainer.data.dataset import DataSet
from metabit.trainer.files import read_arrays, write_arrays
from metabit.trainer.loop import train
from metabit.trainer.recipe import recipe_from_dict
from metabit.trainer.runs.home_samples import HOME, read_home
from metabit.trainer.runs.run_folder import Run, load_run
from metabit.trainer.runs.run_input import INPUT, N_SAMPLES

NETWORKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "dense": ({"name": "digits"}, {"hidden": [16]}),
    "padded": ({"name": "digits", "pad": 2}, {"hidden": [16]}),
    "thermometer": ({"name": "digits", "thermometer": 3}, {"hidden": [16]}),
    "convolutional": ({"name": "digits"}, {"convolutions": [[4, 3, 2]]}),
    "convolutional thermometer": (
        {"name": "digits", "thermometer": 2},
        {"convolutions": [[4, 3, 2]]},
    ),
    "int8": ({"name": "hapt"}, {"hidden": [16]}),
}
"""[data] and [network] of every way in which samples reach a network."""

Trained = Callable[[str], Run]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run of each of `NETWORKS`, read back by its name."""
    folder = tmp_path_factory.mktemp("runs")
    for name, (table, network) in NETWORKS.items():
        recipe = recipe_from_dict(
            {
                "name": name,
                "data": table | {"stream": "single", "train_samples": 200},
                "network": network,
                "train": {"epochs": 1, "batch": 25},
                "learn": {"goal": "track"},
            }
        )
        train(recipe, folder / name)
    return lambda name: load_run(folder / name)


@pytest.fixture
def no_data(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data set can be loaded any more, now that the runs are trained."""

    def refuse(name: str, fetch: bool = False) -> NoReturn:
        raise InputError(f"{name} is not on this machine", code="E-DATA-MISSING")

    monkeypatch.setattr(data, "load", refuse)
    monkeypatch.setattr(import_module("metabit.trainer.data.find"), "load", refuse)
    monkeypatch.setattr(import_module("metabit.trainer.streams.build"), "load", refuse)


def test_how_it_learns_travels_from_the_recipe_into_the_file(trained: Trained) -> None:
    model = from_run(trained("dense"), head=None)
    assert model.told == Told(goal="track")
    assert Engine(dumps(model), learn="auto").plan.head == "tracking"


@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_run_is_exported_where_its_data_set_is_not(name: str, trained: Trained) -> None:
    run = trained(name)
    model = from_run(run, golden=N_SAMPLES)
    assert model.golden is not None
    labels = Engine(dumps(model)).predict(model.golden.inputs)
    kept = read_arrays(run.path / INPUT)[0]["samples"]
    assert np.array_equal(labels, run.model.predict(kept, model.input.zero_point))
    assert model.meta["citation"]
    class_names = model.meta["class_names"]
    assert isinstance(class_names, list)
    assert len(class_names) == model.n_outputs
    if "thermometer" in name:
        assert with_raw_input(model).golden is not None


@pytest.mark.parametrize("name", NETWORKS)
def test_the_run_says_of_its_input_what_the_data_set_says(
    name: str, trained: Trained, tmp_path: Path
) -> None:
    """With the file and without it, an export has the same bytes."""
    run = trained(name)
    with_file = dumps(from_run(run))
    hidden = tmp_path / INPUT
    (run.path / INPUT).rename(hidden)
    try:
        assert dumps(from_run(run)) == with_file
    finally:
        hidden.rename(run.path / INPUT)


def test_more_golden_samples_than_a_run_keeps_come_from_the_data_set(
    trained: Trained, digits: DataSet
) -> None:
    model = from_run(trained("dense"), golden=N_SAMPLES + 5)
    assert model.golden is not None
    expected = digits.test.x[: N_SAMPLES + 5].reshape(N_SAMPLES + 5, -1)
    assert np.array_equal(model.golden.inputs, expected)


@pytest.mark.usefixtures("no_data")
def test_more_golden_samples_without_the_data_set_are_refused(trained: Trained) -> None:
    with pytest.raises(InputError, match=f"keeps {N_SAMPLES} test samples, and 17") as caught:
        from_run(trained("dense"), golden=17)
    assert caught.value.code == "E-DATA-MISSING"


@pytest.mark.usefixtures("no_data")
def test_an_older_run_without_the_data_set_is_refused(trained: Trained, tmp_path: Path) -> None:
    run, hidden = trained("dense"), tmp_path / INPUT
    (run.path / INPUT).rename(hidden)
    try:
        with pytest.raises(InputError, match=f"has no {INPUT}.*data set is needed") as caught:
            from_run(run)
    finally:
        hidden.rename(run.path / INPUT)
    assert caught.value.code == "E-DATA-MISSING"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"schema": "metabit.model"}, FormatError),
        ({"version": 2}, FormatError),
        ({"scale": "much"}, CorruptError),
        ({"class_names": 3}, CorruptError),
        ({"encoding": {"thresholds": [1]}}, CorruptError),
        ({"encoding": 5}, CorruptError),
    ],
)
def test_a_file_that_is_no_input_is_refused(
    trained: Trained, change: dict[str, Any], error: type[Exception]
) -> None:
    path = trained("dense").path / INPUT
    arrays, content = read_arrays(path)
    before = path.read_bytes()
    write_arrays(path, arrays, content | change)
    try:
        with pytest.raises(error, match=INPUT):
            from_run(trained("dense"))
    finally:
        path.write_bytes(before)


@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_run_gets_a_head_that_knows_what_the_network_knows(name: str, trained: Trained) -> None:
    run = trained(name)
    model = from_run(run)
    home = read_home(run.path / HOME)
    x = map_samples(home.x) if "convolutional" in name else home.x
    x = x.reshape(len(x), -1)
    assert model.head is not None
    assert model.head.n_classes == model.n_outputs + SPARE_DEFAULT
    assert model.head.counts[: model.n_outputs].sum() == len(home.y)
    network, head = (Engine(dumps(model), learn=learn) for learn in ("none", "counting"))
    assert np.mean(head.predict(x) == home.y) >= np.mean(network.predict(x) == home.y) - 0.02
    if "thermometer" in name:
        assert with_raw_input(model).head is None  # which reads other samples


def test_the_head_is_as_asked_for_or_is_left_out_with_a_reason(trained: Trained) -> None:
    run = trained("dense")
    asked = from_run(run, head=HeadChoice(spare_classes=1, ram_bytes=8000)).head
    assert asked is not None
    assert asked.n_classes == 11
    assert ram_of(asked) <= 8000
    assert from_run(run, head=None).head is None
    assert from_run(run, learnable=False).head is None
    with pytest.raises(InputError, match="too few") as caught:
        from_run(run, head=HeadChoice(ram_bytes=500))
    assert caught.value.code == "E-HEAD"
    many = HeadChoice(spare_classes=250)
    model = from_run(run, head=many)
    assert model.head is None
    assert "256 classes" in (why_no_head(run, model, many) or "")
    wide = random_model((20, 30, 100))
    assert "--head-ram" in (why_no_head(run, wide, HeadChoice()) or "")
    banks = random_model((20, 8, 3), n_banks=2)
    assert "2 banks, one per task" in (why_no_head(run, banks, HeadChoice()) or "")


def test_a_run_of_an_older_version_is_exported_without_a_head(
    trained: Trained, tmp_path: Path
) -> None:
    run = trained("dense")
    (run.path / HOME).rename(tmp_path / HOME)
    try:
        model = from_run(run)
        assert model.head is None
        assert "keeps no training samples" in (why_no_head(run, model, HeadChoice()) or "")
    finally:
        (tmp_path / HOME).rename(run.path / HOME)
