"""Every compiler and processor gives the bits of the NumPy reference; every kernel set, scalar's.

Alone, this builds tests/c/replay.c, kernels.c and threads.c with the C compiler of this machine.
`make c-variants` builds them with gcc, clang, the sanitizers, for 32 bits and for 64-bit Arm, and
passes `--variants build`: then each of them must be there. threads.c runs with ThreadSanitizer too.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers import random_convnet, random_model, random_samples
from numpy.typing import NDArray

from metabit.edge_runtime import sources
from metabit.edge_runtime.isa import kernel_sets
from metabit.edge_runtime.reference import ReferenceModel
from metabit.export.container import dumps
from metabit.export.spec import Model, Padding

#: Variants for another processor than this one.
FOREIGN = ("m32", "aarch64")
VARIANTS = ("gcc", "clang", "asan", "m32", "aarch64")
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
#: As strict as the core is written, and as fast as an impatient user may ask for: with GNU C and
#: this processor's instructions, GCC would fuse multiply and add if strict.h let it.
FLAGS = {"strict": ["-std=c99", "-O2"], "fast": ["-std=gnu11", "-O3", "-march=native"]}
#: Test programs, and what each needs besides the core.
PROGRAMS: dict[str, list[str]] = {"replay": [], "kernels": [], "threads": ["threads.c"]}

INCLUDE = [f"-I{sources() / 'include'}"]


@pytest.fixture(scope="module")
def folders(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Where each build's test programs are."""
    folder = request.config.getoption("--variants")
    if folder:
        return [Path(folder) / name for name in VARIANTS]
    core = sorted(str(path) for path in (sources() / "src").rglob("*.c"))
    folders = []
    for name, flags in FLAGS.items():
        folders.append(tmp_path_factory.mktemp("programs") / name)
        folders[-1].mkdir()
        for program, port in PROGRAMS.items():
            files = [str(Path(__file__).parent / f"{program}.c"), *core]
            files += [str(sources() / "port" / name) for name in port]
            out = ["-pthread", "-o", str(folders[-1] / program)]
            command = [os.environ.get("CC", "cc"), *flags, *WARNINGS, *files, *INCLUDE, *out]
            subprocess.run(command, check=True)
    return folders


def test_every_kernel_set_gives_the_bits_of_the_scalar_one(folders: list[Path]) -> None:
    for folder in folders:
        program = folder / "kernels"
        done = subprocess.run(command(program), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{program}: {done.stderr}"
        tried = done.stdout.split()
        assert tried[-1] == "scalar"
        if folder.name not in FOREIGN:
            assert tried == [name for name, runs in kernel_sets().items() if runs]


def test_threads_run_each_part_once_and_give_the_bits_of_one(
    folders: list[Path], tmp_path: Path
) -> None:
    model = random_model((600, 1025, 600, 3), n_banks=1)
    rng = np.random.default_rng(5)
    x, y = random_samples(rng, model.input, 3), np.array([0, 2, 1], dtype="<i4")
    files = write_stream(tmp_path, dumps(model), x, y)
    watched = [folder.parent / "tsan" for folder in folders if folder.name == "gcc"]
    for folder in [*folders, *watched]:
        subprocess.run([*command(folder / "threads"), *files], check=True)


def command(program: Path) -> list[str]:
    if program.parent.name == "aarch64":
        return ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", str(program)]
    return [str(program)]


@pytest.mark.parametrize(
    ("sizes", "bits", "dtype"),
    [
        ((1, 1, 2), 8, "uint8"),
        ((33, 31, 64, 4), 8, "int8"),
        ((65, 63, 2), 4, "uint8"),
        ((127, 128, 33, 7), 8, "uint8"),
        ((784, 32, 10), 4, "uint8"),
    ],
    ids=str,
)
def test_predictions_learning_and_state_are_numpys(
    folders: list[Path], tmp_path: Path, sizes: tuple[int, ...], bits: int, dtype: str
) -> None:
    model = random_model(sizes, bits=bits, dtype=dtype, n_banks=2)
    replay(folders, tmp_path, model, n=150)


CONVNETS: list[tuple[tuple[int, ...], list[tuple[int, int, int, Padding, int]]]] = [
    ((9, 7, 2), [(6, 3, 1, "one", 2), (5, 2, 1, "valid", 1)]),
    ((8, 8), [(32, 3, 1, "one", 2), (33, 3, 2, "one", 1)]),
    ((8, 9, 3), [(7, 4, 3, "one", 1), (32, 2, 1, "one", 3)]),
]


@pytest.mark.parametrize(("shape", "blocks"), CONVNETS, ids=str)
@pytest.mark.parametrize("bits", [8, 4])
def test_convolutions_are_numpys(
    folders: list[Path],
    tmp_path: Path,
    shape: tuple[int, ...],
    blocks: list[tuple[int, int, int, Padding, int]],
    bits: int,
) -> None:
    model = random_convnet(shape, blocks, (9, 4), bits=bits, dtype="int8", n_banks=2)
    replay(folders, tmp_path, model, n=30)


def replay(folders: list[Path], tmp_path: Path, model: Model, n: int) -> None:
    """Run and teach a model with every build, and compare with NumPy."""
    rng = np.random.default_rng(4)
    data, n_layers = dumps(model), len(model.layers)
    x = random_samples(rng, model.input, n)
    y = rng.integers(0, model.n_outputs, n).astype("<i4")
    reference = ReferenceModel(data, learn_layers=n_layers, bank=1, seed=9)
    scores = reference.scores(x)
    expected = np.concatenate([scores.argmax(axis=1), scores.reshape(-1), [0]]).astype("<i4")
    parts = [expected.tobytes(), reference.learn(x, y).astype("<i4").tobytes()]
    parts.append(reference.save_state())
    files = write_stream(tmp_path, data, x, y)
    for folder in folders:
        out = tmp_path / folder.name
        options = [str(n_layers), "0", "1", "9", str(out)]
        subprocess.run([*command(folder / "replay"), *files, *options], check=True)
        assert out.read_bytes() == b"".join(parts), folder


def write_stream(
    folder: Path, model: bytes, x: NDArray[np.generic], y: NDArray[np.int32]
) -> list[str]:
    """Files of a model, samples and labels, as the test programs read them."""
    contents = {"model": model, "x": x.tobytes(), "y": y.tobytes()}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in contents]
