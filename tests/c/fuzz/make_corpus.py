"""Write the first inputs of the fuzzers, in corpus/: `python tests/c/fuzz/make_corpus.py`."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
TESTS = HERE.parents[1]
sys.path.insert(0, str(TESTS))

from helpers.random_models import random_model, random_samples, small_convnet  # noqa: E402

from metabit import Engine  # noqa: E402
from metabit.export.blob import Blob  # noqa: E402
from metabit.export.container import dumps  # noqa: E402
from metabit.export.heads.home import with_head  # noqa: E402
from metabit.export.repack import state_of, with_state  # noqa: E402
from metabit.export.spec import Model  # noqa: E402
from metabit.trainer.frontend import Operations, fit  # noqa: E402
from metabit.trainer.frontend.features import windows_of  # noqa: E402

#: A number from which exercise.c draws two contexts, of all layers with the bits of the file.
TWO_CONTEXTS = 570


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


def with_tracking_head(model: Model, units: int) -> Model:
    """A model with a tracking head that has learnt 150 random samples."""
    data = dumps(model)
    rng = np.random.default_rng(7)
    engine = Engine(data, learn="tracking", units=units)
    engine.partial_fit(random_samples(rng, model.input, 150), rng.integers(0, model.n_outputs, 150))
    return with_state(model, state_of(engine.save_state(), Blob(data), "image"))


def models() -> Iterator[tuple[str, Model]]:
    """Small models that have every section, layer and width of state between them."""
    yield "dense-4-bit", random_model((20, 31, 3), bits=4, zero_point=7)
    yield "dense-8-bit", random_model((33, 20, 5), bits=8, n_banks=2, dtype="int8")
    yield "fixed", random_model((65, 12, 4), learnable=False)
    yield "conv-4-bit", small_convnet(bits=4, dtype="int8")
    yield "conv-8-bit", small_convnet(bits=8, n_banks=2, zero_point=9)
    yield "head", with_counting_head(random_model((12, 16, 3), seed=3))
    yield "head-conv", with_counting_head(small_convnet(bits=8, zero_point=9))
    yield "tracker", with_tracking_head(random_model((14, 9, 3), seed=4), 5)
    yield "tracker-wide", with_tracking_head(random_model((120, 24, 3), seed=5), 0)
    yield "both-heads", with_tracking_head(with_counting_head(random_model((9, 8, 3), seed=6)), 3)
    yield "motion", with_front_end(Operations(2, 16, 8, ("mean", "change"), (0, 3, 9), "also"))
    yield "sound", with_front_end(Operations(1, 16, 8, (), (1, 3, 9), "only", stack=2))


def two_contexts() -> tuple[Model, bytes]:
    """A model, and what it has learnt in two contexts: of one world, then of another."""
    model, rng = random_model((10, 8, 3), seed=7), np.random.default_rng(9)
    engine = Engine(dumps(model), learn="all", contexts=2)
    for middles in rng.integers(40, 216, (2, 3, 10)):
        y = rng.integers(0, 3, 1200)
        x = np.clip(middles[y] + rng.normal(0, 12, (len(y), 10)), 0, 255).astype(np.uint8)
        engine.partial_fit(x, y)
    assert engine.status().n_contexts == 2
    return model, engine.save_state()


def requests(model: Model) -> bytes:
    """What a host asks of a device: every kind of request, and each choice of link.c once."""
    rng = np.random.default_rng(8)
    x = random_samples(rng, model.input, 2).tobytes()
    learn = bytes(12) + struct.pack("<3I", 2, 0, 1) + x
    asked = [
        (1, 0, b""), (2, 0, b""), (3, 0, struct.pack("<I", 2) + x), (4, 0, b"session1"),
        (5, 128, learn), (5, 2, learn), (6, 0, b""), (7, 0, b""), (8, 0, struct.pack("<2I", 8, 64)),
        (5, 128, learn), (6, 64, b""), (1, 8, b""), (9, 16, b""), (6, 64, b""), (1, 8 + 4, b""),
        (3, 1, b""), (9, 0, bytes(4)), (10, 0, bytes(20)), (0, 32, b"\x03\x01\x02\x00\xff"),
    ]  # fmt: skip
    return b"".join(struct.pack("<BBH", kind, how, len(load)) + load for kind, how, load in asked)


def main() -> None:
    """Write a model file for each; for states the file with the options 0 and no state yet, and
    for the link the same with requests."""
    for name, model in models():
        data = dumps(model)
        with_options = len(data).to_bytes(4, "little") + bytes(4) + data
        for kind, contents in (
            ("model", data),
            ("state", with_options),
            ("link", with_options + requests(model)),
        ):
            write(kind, name, contents)
    model, image = two_contexts()
    data = dumps(model)
    head = len(data).to_bytes(4, "little") + TWO_CONTEXTS.to_bytes(4, "little")
    write("state", "contexts", head + data + image)


def write(kind: str, name: str, contents: bytes) -> None:
    """Write an input of one of the fuzzers."""
    folder = HERE / "corpus" / kind
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(contents)


if __name__ == "__main__":
    main()
