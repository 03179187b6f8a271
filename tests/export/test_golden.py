"""Files that released versions wrote open today, give the same scores, and learn the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.reference.model import ReferenceModel
from metabit.export import layout
from metabit.export.container import dumps, load
from metabit.export.states import state_image
from metabit.export.windows import samples_of_recording

GOLDEN = sorted((Path(__file__).parent.parent / "golden").glob("*.mbit"))
LEARNING = [path for path in GOLDEN if path.with_suffix(".mbs").exists()]
FRONTS = [path for path in GOLDEN if path.stem == "v1.3-front-end"]
HEADS = [path for path in GOLDEN if path.stem.endswith("-head")]
TODAYS = [path for path in LEARNING if path.stem.startswith("state-2")]


def test_there_are_golden_files() -> None:
    assert len(GOLDEN) >= 5
    assert len(LEARNING) >= 8
    assert len(TODAYS) >= 4
    assert len(FRONTS) == 1
    assert len(HEADS) == 2


@pytest.mark.parametrize("minor", range(layout.MINOR_GOAL + 1))
def test_each_version_of_the_format_has_a_file(minor: int) -> None:
    """So that a release cannot forget the one that it adds: `python tests/golden/make.py`."""
    assert [path for path in GOLDEN if path.read_bytes()[10:12] == minor.to_bytes(2, "little")]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_an_old_file_gives_the_scores_it_gave_then(path: Path) -> None:
    with np.load(path.with_suffix(".npz")) as then:
        assert np.array_equal(Engine(path).scores(then["x"]), then["scores"])
        if load(path).tracker is None:  # which answers, and the reference is the network alone
            reference = ReferenceModel(path.read_bytes())
            assert np.array_equal(reference.scores(then["x"]), then["scores"])
    assert dumps(load(path)) == path.read_bytes()


@pytest.mark.parametrize("path", FRONTS, ids=lambda p: p.stem)
def test_old_frames_become_the_samples_of_then(path: Path) -> None:
    front_end = load(path).front_end
    assert front_end is not None
    with np.load(path.with_suffix(".npz")) as then:
        assert np.array_equal(Engine(path).push(then["frames"]), then["x"])
        assert np.array_equal(samples_of_recording(then["frames"], front_end), then["x"])


@pytest.mark.parametrize("path", HEADS, ids=lambda p: p.stem)
def test_an_old_head_says_what_it_said_and_learns_what_it_learnt(path: Path) -> None:
    engine = Engine(path, learn="counting")
    with np.load(path.with_suffix(".npz")) as then:
        assert np.array_equal(engine.scores(then["x"]), then["head_scores"])
        engine.partial_fit(then["x"], then["y"])
        assert np.array_equal(engine.scores(then["x"]), then["learnt_scores"])


@pytest.mark.parametrize("path", LEARNING, ids=lambda p: p.stem)
def test_an_old_state_loads_and_says_what_it_said_then(path: Path) -> None:
    image, base = path.with_suffix(".mbs").read_bytes(), path.read_bytes()
    loaded = Engine(path, learn="all")
    loaded.load_state(image)
    with np.load(path.with_suffix(".npz")) as then:
        assert np.array_equal(loaded.scores(then["x"]), then["learnt_scores"])
    parsed = state_image.loads(image, load(path), state_image.model_id(base))
    assert loaded.status().n_steps == parsed.n_steps == 60
    assert state_image.dumps(parsed) == loaded.save_state()


@pytest.mark.parametrize("path", TODAYS, ids=lambda p: p.stem)
def test_learning_still_gives_the_state_of_then(path: Path) -> None:
    image = path.with_suffix(".mbs").read_bytes()
    with np.load(path.with_suffix(".npz")) as then:
        learnt = Engine(path, learn="all").partial_fit(then["x"], then["y"])
        reference = ReferenceModel(path.read_bytes(), learn_layers=9)
        reference.learn(then["x"], then["y"])
    assert learnt.save_state() == reference.save_state() == image
    assert 0 < learnt.status().n_learnt < 60


@pytest.mark.parametrize("path", LEARNING, ids=lambda p: p.stem)
def test_a_state_of_the_first_version_starts_anew_what_it_lacks(path: Path) -> None:
    engine = Engine(path, learn="all")
    engine.load_state(path.with_suffix(".mbs").read_bytes())
    fresh = Engine(path, learn="all").status()
    status = engine.status()
    of_version_1 = path not in TODAYS
    assert (status.n_learnt == fresh.n_learnt == 0) == of_version_1
    assert (status.class_accuracy == fresh.class_accuracy) == of_version_1
    with np.load(path.with_suffix(".npz")) as then:
        engine.partial_fit(then["x"], then["y"])
    again = Engine(path, learn="all")
    again.load_state(engine.save_state())
    assert again.save_state() == engine.save_state()
