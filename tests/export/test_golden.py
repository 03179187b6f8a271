"""Files that released versions wrote open today, give the same scores, and learn the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.reference.model import ReferenceModel
from metabit.export import state_image
from metabit.export.container import dumps, load

GOLDEN = sorted((Path(__file__).parent.parent / "golden").glob("*.mbit"))
LEARNING = [path for path in GOLDEN if path.with_suffix(".mbs").exists()]


def test_there_are_golden_files() -> None:
    assert len(GOLDEN) >= 5
    assert len(LEARNING) >= 4


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_an_old_file_gives_the_scores_it_gave_then(path: Path) -> None:
    with np.load(path.with_suffix(".npz")) as then:
        assert np.array_equal(Engine(path).scores(then["x"]), then["scores"])
        assert np.array_equal(ReferenceModel(path.read_bytes()).scores(then["x"]), then["scores"])
    assert dumps(load(path)) == path.read_bytes()


@pytest.mark.parametrize("path", LEARNING, ids=lambda p: p.stem)
def test_an_old_state_loads_and_learning_still_gives_it(path: Path) -> None:
    image = path.with_suffix(".mbs").read_bytes()
    with np.load(path.with_suffix(".npz")) as then:
        loaded = Engine(path, learn="all")
        loaded.load_state(image)
        assert np.array_equal(loaded.scores(then["x"]), then["learnt_scores"])
        learnt = Engine(path, learn="all").partial_fit(then["x"], then["y"])
    assert learnt.save_state() == image
    model = load(path)
    parsed = state_image.loads(image, model, state_image.model_id(path.read_bytes()))
    assert state_image.dumps(parsed) == image
