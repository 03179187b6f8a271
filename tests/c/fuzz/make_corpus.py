"""Write the first inputs of the fuzzers, in corpus/: `python tests/c/fuzz/make_corpus.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
TESTS = HERE.parents[1]
sys.path.insert(0, str(TESTS))

from helpers import random_model, random_samples, small_convnet  # noqa: E402

from metabit.export.container import dumps  # noqa: E402
from metabit.export.home import with_head  # noqa: E402
from metabit.export.spec import Model  # noqa: E402
from metabit.trainer.frontend import Operations, fit  # noqa: E402
from metabit.trainer.frontend.features import windows_of  # noqa: E402


def with_counting_head(model: Model) -> Model:
    """A model with a head that has counted 40 random samples."""
    rng = np.random.default_rng(5)
    x = random_samples(rng, model.input, 40)
    return with_head(model, x, rng.integers(0, model.n_outputs, 40))


def with_front_end(does: Operations) -> Model:
    """A model of the features of random frames."""
    frames = np.random.default_rng(6).integers(-3000, 3000, (300, does.n_channels))
    front_end = fit(windows_of(frames.astype(np.int16), does), does)
    return replace(random_model((does.n_inputs, 3), seed=2, dtype="int8"), front_end=front_end)


def models() -> Iterator[tuple[str, Model]]:
    """Small models that have every section, layer and width of state between them."""
    yield "dense-4-bit", random_model((20, 31, 3), bits=4, zero_point=7)
    yield "dense-8-bit", random_model((33, 20, 5), bits=8, n_banks=2, dtype="int8")
    yield "fixed", random_model((65, 12, 4), learnable=False)
    yield "conv-4-bit", small_convnet(bits=4, dtype="int8")
    yield "conv-8-bit", small_convnet(bits=8, n_banks=2, zero_point=9)
    yield "head", with_counting_head(random_model((12, 16, 3), seed=3))
    yield "head-conv", with_counting_head(small_convnet(bits=8, zero_point=9))
    yield "motion", with_front_end(Operations(2, 16, 8, ("mean", "change"), (0, 3, 9), "also"))
    yield "sound", with_front_end(Operations(1, 16, 8, (), (1, 3, 9), "only", stack=2))


def main() -> None:
    """Write a model file for each, and for states the file with the options 0 and no state yet."""
    for name, model in models():
        data = dumps(model)
        for kind, contents in (
            ("model", data),
            ("state", len(data).to_bytes(4, "little") + bytes(4) + data),
        ):
            folder = HERE / "corpus" / kind
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(contents)


if __name__ == "__main__":
    main()
