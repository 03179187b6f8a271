"""Engines with several threads: the same bits, the same refusals, and nothing left behind."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_convnet, random_model, random_samples

from metabit.edge_runtime import _native
from metabit.edge_runtime.engine import Engine
from metabit.errors import InputError
from metabit.export.container import dumps

MODEL = random_model((700, 1030, 600, 5), seed=2)


def n_running() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


@pytest.mark.parametrize("isa", ["", "scalar"])
@pytest.mark.parametrize("threads", [2, 3, 7])
def test_every_number_of_threads_gives_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, isa: str, threads: int
) -> None:
    monkeypatch.setenv("METABIT_ISA", isa)
    rng = np.random.default_rng(3)
    x, y = random_samples(rng, MODEL.input, 20), rng.integers(0, 5, 20)

    def said(threads: int) -> list[bytes]:
        rests = Engine(dumps(MODEL), threads=threads)
        learns = Engine(dumps(MODEL), threads=threads, learn="all")
        return [rests.scores(x).tobytes(), learns.learn(x, y).tobytes(), learns.save_state()]

    assert said(threads) == said(1)


@pytest.mark.parametrize("threads", [2, 3, 7])
@pytest.mark.parametrize(
    ("channels", "pool", "stride"), [(64, 1, 1), (96, 2, 1), (64, 1, 2), (72, 1, 1), (33, 2, 1)]
)
def test_convolutions_give_the_same_bits_too(
    channels: int, pool: int, stride: int, threads: int
) -> None:
    """Split where patches are read in place and whole words are written, alone elsewhere."""
    blocks = [(32, 3, 1, "one", 1), (channels, 3, stride, "one", pool), (64, 3, 1, "valid", 1)]
    data = dumps(random_convnet((19, 17), blocks, (6, 4)))  # type: ignore[arg-type]
    x = np.random.default_rng(3).integers(0, 256, (6, 19 * 17), dtype=np.uint8)
    alone = Engine(data, threads=1).scores(x)
    assert len(np.unique(alone)) > 4
    assert np.array_equal(Engine(data, threads=threads).scores(x), alone)


def test_the_variable_says_how_many_and_the_argument_goes_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = dumps(MODEL)
    monkeypatch.delenv("METABIT_THREADS", raising=False)
    assert Engine(data).threads == 1
    monkeypatch.setenv("METABIT_THREADS", "2")
    assert Engine(data).threads == 2
    assert Engine(data, threads=3).threads == 3
    for wrong in ("0", "65", "many", "-1"):
        monkeypatch.setenv("METABIT_THREADS", wrong)
        with pytest.raises(InputError, match=f"METABIT_THREADS={wrong}: .* 1 to 64") as refused:
            Engine(data)
        assert refused.value.code == "E-THREADS"
    with pytest.raises(InputError, match="threads=True"):
        Engine(data, threads=True)


def test_threads_start_with_an_engine_and_end_with_it() -> None:
    before = n_running()
    engine = Engine(dumps(MODEL), threads=4)
    assert n_running() == before + 3
    del engine
    gc.collect()
    assert n_running() == before


def test_the_number_of_threads_has_the_limit_of_the_library() -> None:
    library = _native.library()
    most = library.mb_threads_start(64)
    assert most is not None
    library.mb_threads_stop(most)
    assert library.mb_threads_start(65) is None


def test_a_child_process_predicts_without_the_threads_of_its_parent() -> None:
    engine = Engine(dumps(MODEL), threads=2)
    x = random_samples(np.random.default_rng(0), MODEL.input, 3)
    expected = engine.scores(x)
    child = os.fork()
    if child == 0:  # no assert here: the child must not go on with the tests
        os._exit(0 if np.array_equal(engine.scores(x), expected) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert np.array_equal(engine.scores(x), expected)
