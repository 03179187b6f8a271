"""Every compiler and processor gives the bits of the NumPy reference; every kernel set, scalar's.

Alone, this builds tests/c/replay.c, kernels.c and threads.c with the C compiler of this machine,
and kernels.c with the instructions of x86 emulated; `make test-long` adds a build for this
processor and one for WebAssembly. `make c-variants` builds them with gcc, clang, the sanitizers,
for 32 bits and for Arm, and passes `--variants build`: then each of them must be there. threads.c
runs with ThreadSanitizer too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import simde_py
from helpers.kernel_sources import kernel_sources
from helpers.random_models import random_convnet, random_model, random_samples, world
from numpy.typing import NDArray

from metabit.edge_runtime import sources
from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.isa import kernel_sets
from metabit.edge_runtime.options import HEADS, Head
from metabit.edge_runtime.reference.contexts import ContextsTwin
from metabit.edge_runtime.reference.model import ReferenceModel
from metabit.export.container import dumps
from metabit.export.heads.home import with_head
from metabit.export.spec import Model
from metabit.export.window import Padding

HERE = Path(__file__).parent
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
#: Builds for another processor than this one, and those of CMakePresets.json.
FOREIGN = ("m32", "aarch64", "armhf", "wasm", "emulated")
VARIANTS = ("gcc", "clang", "asan", "clang-asan", "m32", "aarch64", "armhf")
#: Sources of each test program besides its own and the core.
PROGRAMS: dict[str, list[str]] = {
    "replay": [],
    "kernels": [],
    "threads": ["-pthread", str(sources() / "port" / "threads.c")],
}


def compilers() -> dict[str, list[str]]:
    """Command lines of the builds that are made here.

    "strict" is as strict as the core is written, and "fast" as fast as an impatient user may ask
    for: with GNU C and this processor's instructions, GCC would fuse multiply and add if strict.h
    let it. What SIMDe emulates is not what warnings are for, and takes sqrtf() from libm.
    """
    cc = os.environ.get("CC", "cc")
    emulated = HERE / "emulated"
    return {
        "strict": [cc, "-std=c99", "-O2", *WARNINGS],
        "fast": [cc, "-std=gnu11", "-O3", "-march=native", *WARNINGS],
        "wasm": [
            sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-wasi", "-msimd128",
            "-std=c99", "-O2", *WARNINGS,
        ],
        "emulated": [
            cc, "-std=gnu99", "-O1", "-w", "-Wno-psabi", "-include", str(emulated / "every_set.h"),
            f"-I{emulated}", "-isystem", simde_py.get_include(),
        ],
    }  # fmt: skip


def has(build: str, program: str) -> bool:
    """Whether a build has a program: not where there are no threads, or it would take too long."""
    return program in {"wasm": ("replay", "kernels"), "emulated": ("kernels",)}.get(build, PROGRAMS)


@pytest.fixture(
    scope="module",
    params=["strict emulated", pytest.param("fast wasm", marks=pytest.mark.long)],
)
def folders(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Where each build's test programs are."""
    folder = request.config.getoption("--variants")
    if folder:
        return [Path(folder) / name for name in VARIANTS]
    return [
        build(name, tmp_path_factory.mktemp("programs") / name) for name in request.param.split()
    ]


def build(name: str, folder: Path) -> Path:
    """Compile the core once with one of `compilers()`, and link every program of that build."""
    compiler, header = compilers()[name], f"-I{sources() / 'include'}"
    core = sorted(map(str, (sources() / "src").rglob("*.c")))
    if not has(name, "replay"):
        core = kernel_sources()
    folder.mkdir()
    if name != "wasm":  # zig keeps objects itself
        subprocess.run([*compiler, header, "-c", *core], cwd=folder, check=True)
        objects = sorted(map(str, folder.glob("*.o")))
        assert len(objects) == len(core)
        core = objects
    for program, more in PROGRAMS.items():
        if has(name, program):
            files = [str(HERE / f"{program}.c"), *core, *more, "-lm"]
            command = [*compiler, header, *files, "-o", str(folder / program)]
            subprocess.run(command, check=True)
    return folder


def with_program(folders: list[Path], program: str) -> list[Path]:
    """The builds that have a program."""
    return [folder for folder in folders if has(folder.name, program)]


@pytest.mark.parametrize(
    "stride", [pytest.param(11, id="few"), pytest.param(5, id="many", marks=pytest.mark.long)]
)
def test_every_kernel_set_gives_the_bits_of_the_scalar_one(
    folders: list[Path], stride: int
) -> None:
    """On every `stride`-th pair of a length and a number of rows, so on each of the lengths."""
    for folder in folders:
        program = folder / "kernels"
        command = [*commands(program)[0], str(stride)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{program}: {done.stderr}"
        tried = done.stdout.split()
        assert tried[-1] == "scalar"
        if folder.name == "wasm":
            assert tried == ["wasm", "scalar"]
        elif folder.name == "armhf":
            assert tried == ["neon", "swar", "scalar"]
        elif folder.name == "emulated":  # also those that this processor has not
            assert tried == list(kernel_sets())
        elif folder.name not in FOREIGN:
            assert tried == [name for name, runs in kernel_sets().items() if runs]


def test_threads_run_each_part_once_and_give_the_bits_of_one(
    folders: list[Path], tmp_path: Path
) -> None:
    dense = random_model((600, 1025, 600, 3), n_banks=1)
    maps = random_convnet((13, 13), [(32, 3, 1, "one", 1), (64, 3, 1, "one", 1)], (3,))
    watched = [folder.parent / "tsan" for folder in folders if folder.name == "gcc"]
    for model in (dense, maps):
        x = random_samples(np.random.default_rng(5), model.input, 3)
        files = write_stream(tmp_path, dumps(model), x, np.array([0, 2, 1], dtype="<i4"))
        for folder in [*with_program(folders, "threads"), *watched]:
            subprocess.run([*commands(folder / "threads")[0], *files], check=True)


def commands(program: Path) -> list[list[str]]:
    """Ways to run a program: on 32-bit Arm with NEON and, second, where NEON is illegal."""
    build, run = program.parent.name, str(program)
    arm = ["qemu-arm", "-L", "/usr/arm-linux-gnueabihf"]
    foreign = {
        "aarch64": [["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", run]],
        "armhf": [[*arm, run], [*arm, "-cpu", "cortex-a15,neon=off", run]],
        "wasm": [[sys.executable, str(HERE / "wasm.py"), run]],
    }
    return foreign.get(build, [[run]])


@pytest.mark.parametrize(
    ("sizes", "bits", "dtype", "batch"),
    [
        ((1, 1, 2), 8, "uint8", 1),
        ((33, 31, 64, 4), 8, "int8", 1),
        ((65, 63, 2), 4, "uint8", 1),
        ((127, 128, 33, 7), 8, "uint8", 1),
        ((784, 32, 10), 4, "uint8", 1),
        ((33, 31, 64, 4), 4, "int8", 64),
        ((127, 128, 33, 7), 8, "uint8", 16),
    ],
    ids=str,
)
def test_predictions_learning_and_state_are_numpys(
    folders: list[Path], tmp_path: Path, sizes: tuple[int, ...], bits: int, dtype: str, batch: int
) -> None:
    model = random_model(sizes, bits=bits, dtype=dtype, n_banks=2)
    replay(folders, tmp_path, model, 150, batch)


CONVNETS: list[tuple[tuple[int, ...], list[tuple[int, int, int, Padding, int]]]] = [
    ((9, 7, 2), [(6, 3, 1, "one", 2), (5, 2, 1, "valid", 1)]),
    ((8, 8), [(32, 3, 1, "one", 2), (33, 3, 2, "one", 1)]),
    ((8, 9, 3), [(7, 4, 3, "one", 1), (32, 2, 1, "one", 3)]),
]


@pytest.mark.parametrize(("shape", "blocks"), CONVNETS, ids=str)
@pytest.mark.parametrize(("bits", "batch"), [(8, 1), (4, 1), (8, 7)])
def test_convolutions_are_numpys(
    folders: list[Path],
    tmp_path: Path,
    shape: tuple[int, ...],
    blocks: list[tuple[int, int, int, Padding, int]],
    bits: int,
    batch: int,
) -> None:
    model = random_convnet(shape, blocks, (9, 4), bits=bits, dtype="int8", n_banks=2)
    replay(folders, tmp_path, model, 30, batch)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("sizes", [(33, 31, 64, 4), (127, 128, 7)], ids=str)
def test_heads_are_the_same_in_every_build(
    folders: list[Path], tmp_path: Path, head: Head, sizes: tuple[int, ...]
) -> None:
    """As in the build that tests of heads compare with NumPy."""
    rng, network = np.random.default_rng(4), random_model(sizes, dtype="int8")
    x = random_samples(rng, network.input, 700)
    y = (x[:, :3].astype(int).sum(axis=1) // 40 % network.n_outputs).astype("<i4")
    data = dumps(with_head(network, x[:300], y[:300], spare_classes=1, ram_bytes=8000))
    engine = Engine(data, learn=head, seed=9)
    parts = [engine.predict(x).astype("<i4"), engine.scores(x).astype("<i4"), np.array([0], "<i4")]
    expected = b"".join(part.tobytes() for part in parts)
    expected += engine.learn(x, y).astype("<i4").tobytes()
    expected += engine.predict(x).astype("<i4").tobytes() + engine.save_state()
    files = write_stream(tmp_path, data, x, y)
    options = ["0", "0", "0", "9", "1", str(HEADS.index(head) + 1), "0"]
    assert_every_build_gives(folders, tmp_path, files, options, expected)


def test_contexts_are_numpys(folders: list[Path], tmp_path: Path) -> None:
    """One world for long, another for which a context opens, and the first again."""
    model = random_model((9, 8, 6, 3), dtype="int8", zero_point=-7)
    parts = [world(model, number, n) for number, n in ((1, 1020), (2, 160), (1, 30))]
    x, y = (np.concatenate(part) for part in zip(*parts, strict=True))
    data = dumps(model)
    twin = ContextsTwin(data, contexts=2, seed=9)
    scores = twin.networks[0].scores(x)
    before = np.concatenate([scores.argmax(axis=1), scores.reshape(-1), [0]])
    words = [before, twin.learn(x, y), twin.predict(x)]
    assert (twin.n_open, twin.current) == (2, 0)
    expected = b"".join(part.astype("<i4").tobytes() for part in words) + twin.save_state()
    files = write_stream(tmp_path, data, x, y.astype("<i4"))
    options = [str(len(model.layers)), "0", "0", "9", "1", "0", "2"]
    assert_every_build_gives(folders, tmp_path, files, options, expected)


def replay(folders: list[Path], tmp_path: Path, model: Model, n: int, batch: int) -> None:
    """Run and teach a model with every build, and compare with NumPy."""
    rng = np.random.default_rng(4)
    data, n_layers = dumps(model), len(model.layers)
    x = random_samples(rng, model.input, n)
    y = rng.integers(0, model.n_outputs, n).astype("<i4")
    reference = ReferenceModel(data, learn_layers=n_layers, bank=1, seed=9, batch=batch)
    scores = reference.scores(x)
    before = np.concatenate([scores.argmax(axis=1), scores.reshape(-1), [0]])
    words = [before, reference.learn(x, y), reference.predict(x)]
    expected = b"".join(part.astype("<i4").tobytes() for part in words) + reference.save_state()
    files = write_stream(tmp_path, data, x, y)
    options = [str(n_layers), "0", "1", "9", str(batch), "0", "0"]
    assert_every_build_gives(folders, tmp_path, files, options, expected)


def assert_every_build_gives(
    folders: list[Path], tmp_path: Path, files: list[str], options: list[str], expected: bytes
) -> None:
    """What replay.c writes, run with these files and options, LEARN_LAYERS to CONTEXTS."""
    for folder in with_program(folders, "replay"):
        out = tmp_path / folder.name
        for command in commands(folder / "replay"):
            subprocess.run([*command, *files, *options, str(out)], check=True)
            assert out.read_bytes() == expected, command


def write_stream(
    folder: Path, model: bytes, x: NDArray[np.generic], y: NDArray[np.int32]
) -> list[str]:
    """Files of a model, samples and labels, as the test programs read them."""
    contents = {"model": model, "x": x.tobytes(), "y": y.tobytes()}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [str(folder / name) for name in contents]
