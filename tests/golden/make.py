"""Write the golden files of this version; run once per format version, from the repository root."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from helpers.random_models import random_model, random_samples, small_convnet  # noqa: E402

from metabit.edge_runtime.engine import Engine  # noqa: E402
from metabit.export.blob import Blob  # noqa: E402
from metabit.export.container import dumps  # noqa: E402
from metabit.export.heads.home import with_head  # noqa: E402
from metabit.export.repack import state_of, with_state  # noqa: E402
from metabit.export.spec import InputSpec, Model, Told  # noqa: E402
from metabit.export.untrained import untrained  # noqa: E402
from metabit.trainer.frontend import Operations, fit, to_counts  # noqa: E402
from metabit.trainer.frontend.features import windows_of  # noqa: E402

CASES: dict[str, dict[str, Any]] = {
    "v1-dense-8bit": {"sizes": (33, 20, 5), "bits": 8, "n_banks": 2, "dtype": "int8"},
    "v1-dense-4bit": {"sizes": (20, 31, 32, 3), "bits": 4, "zero_point": 7},
    "v1-inference": {"sizes": (65, 12, 4), "learnable": False},
    "v1.1-conv-8bit": {"bits": 8, "n_banks": 2, "zero_point": 9},
    "v1.1-conv-4bit": {"bits": 4, "dtype": "int8"},
    "state-2-dense-8bit": {"sizes": (33, 20, 5), "bits": 8, "n_banks": 2, "dtype": "int8"},
    "state-2-dense-4bit": {"sizes": (20, 31, 32, 3), "bits": 4, "zero_point": 7},
    "state-2-conv-8bit": {"bits": 8, "n_banks": 2, "zero_point": 9},
    "state-2-conv-4bit": {"bits": 4, "dtype": "int8"},
    "v1.2-head": {"bonus": False},
    "v1.5-head": {"bonus": True},
    "v1.3-front-end": {"does": Operations(3, 16, 8, edges=(1, 2, 4, 8), stack=2)},
    "v1.4-untrained": {"of": "random bits"},
    "v1.6-tracker": {"of": "a tracking head that has learnt"},
    "v1.7-goal": {"of": "what is to learn"},
}


def main() -> None:
    """A model, samples with labels, their scores, and a state with the scores after learning."""
    for name, options in CASES.items():
        path = HERE / f"{name}.mbit"
        if path.exists():
            print(f"{path} stays")
            continue
        if "does" in options:
            with_front_end(path, options["does"])
            continue
        if "of" in options:
            write(path, LATER[name]())
            continue
        if "bonus" in options:
            with_a_head(path, options["bonus"])
            continue
        make: Callable[..., Model] = random_model if "sizes" in options else small_convnet
        state_2 = name.startswith("state-2")
        model = make(**options, seed=43 if state_2 else 42)
        rng = np.random.default_rng(42)
        x = random_samples(rng, model.input, 60)
        y = rng.integers(0, model.n_outputs, 60)
        if state_2:
            y[25:55] = 1  # a stretch of one label, of which samples are passed over
        path.write_bytes(dumps(model))
        arrays = {"x": x, "y": y, "scores": Engine(path).scores(x)}
        if model.learn is not None:
            engine = Engine(path, learn="all").partial_fit(x, y)
            arrays["learnt_scores"] = engine.scores(x)
            path.with_suffix(".mbs").write_bytes(engine.save_state())
        np.savez_compressed(path.with_suffix(".npz"), **arrays)  # type: ignore[arg-type]


def write(path: Path, model: Model) -> None:
    """A model, samples, and what it says of them."""
    path.write_bytes(dumps(model))
    x = random_samples(np.random.default_rng(42), model.input, 60)
    np.savez_compressed(path.with_suffix(".npz"), x=x, scores=Engine(path).scores(x))


def random_bits() -> Model:
    """A network that nobody has trained, which the file says."""
    x = np.random.default_rng(42).integers(0, 256, (100, 20)).astype(np.uint8)
    return untrained(InputSpec("uint8", (20,)), (17, 4), x)


def with_a_tracker() -> Model:
    """A model that answers with what its tracking head has learnt."""
    model, rng = random_model((20, 17, 4), seed=42), np.random.default_rng(7)
    data = dumps(model)
    x, y = random_samples(rng, model.input, 150), rng.integers(0, 4, 150)
    learnt = Engine(data, learn="tracking").partial_fit(x, y).save_state()
    packed = with_state(model, state_of(learnt, Blob(data), "image"))
    return replace(packed, told=None)  # which came with 1.7


def with_a_goal() -> Model:
    """A model that says how it is to learn."""
    told = Told(what="all", goal="track", batch=4)
    return replace(random_model((20, 17, 4), seed=42), told=told)


LATER: dict[str, Callable[[], Model]] = {
    "v1.4-untrained": random_bits, "v1.6-tracker": with_a_tracker, "v1.7-goal": with_a_goal,
}  # fmt: skip


def with_front_end(path: Path, does: Operations) -> None:
    """A model with a front end, frames in its units, and the samples and scores they become."""
    rng = np.random.default_rng(42)
    unit = np.array([0.001, 0.01, 0.5], dtype=np.float32)
    frames = rng.normal(0, 800, (120, does.n_channels)) * unit
    counts, _ = to_counts(frames, unit)
    model = random_model((does.n_inputs, 20, 4), seed=42, dtype="int8")
    path.write_bytes(dumps(replace(model, front_end=fit(windows_of(counts, does), does, unit))))
    engine = Engine(path)
    x = engine.push(frames)
    scores = engine.scores(x)
    np.savez_compressed(path.with_suffix(".npz"), frames=frames, x=x, scores=scores)


def with_a_head(path: Path, bonus: bool) -> None:
    """A model with a head that knows all of its classes, and what the head says before and after
    it has learnt a new one."""
    model, rng = random_model((20, 17, 4), seed=42), np.random.default_rng(42)
    known = with_head(model, random_samples(rng, model.input, 200), np.arange(200) % 4).head
    assert known is not None
    path.write_bytes(dumps(replace(model, head=known if bonus else replace(known, bonus=None))))
    x, y = random_samples(rng, model.input, 60), np.arange(60) % 5
    engine = Engine(path, learn="counting")
    said = {"scores": Engine(path).scores(x), "head_scores": engine.scores(x)}
    learnt = engine.partial_fit(x, y).scores(x)
    np.savez_compressed(path.with_suffix(".npz"), x=x, y=y, learnt_scores=learnt, **said)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
