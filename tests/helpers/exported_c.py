"""An exported model with a hostile name and hostile class names, and a program that runs it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from helpers.random_models import random_model, random_samples
from helpers.random_networks import small_convnet
from metabit.edge_runtime.plan import plan
from metabit.export.c_source import ArenaBytes, c_files
from metabit.export.container import dumps
from metabit.export.golden import with_golden
from metabit.export.spec import Model

PROGRAM = Path(__file__).parents[1] / "export" / "c_program" / "program.c"
NAME = "hostile_name"
CLASSES = ['say "x"', "back\\slash ??/", "ends */ here", "ümlaut", "%s\n"]


def model(kind: str = "dense") -> Model:
    """A dense network that can learn, or a small convolutional one that cannot."""
    if kind == "dense":
        made = random_model((70, 33, 5), seed=3, dtype="int8", zero_point=-5)
    else:
        made = small_convnet(zero_point=7)
        made = with_golden(made, random_samples(np.random.default_rng(0), made.input, 3))
    meta = {"class_names": CLASSES, "note": "*/ int x; ??/ \n \\", "method": "metaplastic"}
    return replace(made, meta=meta)


def write(folder: Path, name: str = NAME, kind: str = "dense") -> Path:
    """The exported files of `model`, and its golden samples as `samples`."""
    made = model(kind)
    blob = dumps(made)
    arenas = ArenaBytes(
        plan(blob, learn="none").arena_bytes,
        plan(blob, learn="auto", contexts=0).arena_bytes,
        "why",
    )
    for file, content in c_files(made, blob, name, arenas, "a*/b.mbit").items():
        (folder / file).write_bytes(content)
    assert made.golden is not None
    values = ",".join(str(byte) for byte in made.golden.inputs.tobytes())
    (folder / "samples.c").write_text(
        "#include <stdint.h>\nextern const uint8_t samples[];\n"
        f"const uint8_t samples[] = {{{values}}};\n"
    )
    return folder


def golden_scores(kind: str = "dense") -> np.ndarray:
    golden = model(kind).golden
    assert golden is not None
    return golden.scores


def assert_printed(output: bytes) -> None:
    """What the program prints on a host: three results, the golden scores, the classes."""
    results, rest = output.decode().split("\n", 1)
    n_scores = golden_scores().size
    lines = rest.split("\n", n_scores)
    assert results == "0 0 0"
    assert [int(line) for line in lines[:n_scores]] == golden_scores().ravel().tolist()
    assert lines[n_scores] == "\n".join(CLASSES) + "\n"
