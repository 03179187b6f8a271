"""Examples in C link the installed library, for this machine and a Cortex-M4; a sketch runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.random_models import random_model

from metabit.cli import run
from metabit.edge_runtime import sources
from metabit.edge_runtime._native import library_path
from metabit.export import container
from metabit.firmware_sim import elf

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "c"
WARNINGS = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with digits.h and digits.c."""
    folder = tmp_path_factory.mktemp("example")
    container.save(random_model((64, 40, 10), seed=3), folder / "digits.mbit")
    made = folder / "digits"
    assert run(["export", str(folder / "digits.mbit"), "--to", "c", "-o", str(made)]) == 0
    return made


def call(*command: object, **variables: str) -> str:
    words = [str(word) for word in command]
    environment = os.environ | variables
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def build(model: Path, work: Path, *options: str) -> Path:
    """Build and install the library, then build the example against it; returns the program."""
    prefix = work / "prefix"
    options = ("-DCMAKE_INSTALL_LIBDIR=lib", *options)
    call("cmake", "-S", ROOT, "-B", work / "library", *options)
    call("cmake", "--build", work / "library")
    call("cmake", "--install", work / "library", "--prefix", prefix)
    found = [f"-DCMAKE_PREFIX_PATH={prefix}", f"-DMODEL={model}"]
    if not any("TOOLCHAIN" in option for option in options):  # it brings flags of its own
        found.append(f"-DCMAKE_C_FLAGS={WARNINGS}")
    call("cmake", "-S", EXAMPLE, "-B", work / "example", *found, *options)
    call("cmake", "--build", work / "example")
    return work / "example" / "example"


@pytest.fixture(
    scope="module",
    params=["gcc Debug", pytest.param("clang Release", marks=pytest.mark.long)],
)
def built(
    request: pytest.FixtureRequest, model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Folder of a host build, with `prefix` where the library is installed."""
    compiler, kind = request.param.split()
    work = tmp_path_factory.mktemp(compiler)
    build(model, work, f"-DCMAKE_C_COMPILER={compiler}", f"-DCMAKE_BUILD_TYPE={kind}")
    return work


def learnt_what_it_was_taught(output: str) -> bool:
    words = re.fullmatch(r"it said (\d); taught (\d), it says (\d) after \d+ steps\n", output)
    return words is not None and words[1] != words[2] == words[3]


def test_the_example_is_forty_lines_and_says_what_it_includes() -> None:
    lines = (EXAMPLE / "main.c").read_text().splitlines()
    assert len(lines) <= 40
    assert not any("malloc" in line for line in lines)


def test_it_links_the_installed_library_and_learns(built: Path) -> None:
    assert learnt_what_it_was_taught(call(built / "example" / "example"))


def test_pkg_config_knows_the_installed_library(model: Path, built: Path, tmp_path: Path) -> None:
    libraries = built / "prefix" / "lib"
    pkg_config = {"PKG_CONFIG_PATH": str(libraries / "pkgconfig")}
    flags = call("pkg-config", "--cflags", "--libs", "metabit", **pkg_config).split()
    sources = [EXAMPLE / "main.c", model / "digits.c", f"-I{model}"]
    call("cc", "-std=c99", *WARNINGS.split(), *sources, *flags, "-o", tmp_path / "program")
    output = call(tmp_path / "program", LD_LIBRARY_PATH=str(libraries))
    assert learnt_what_it_was_taught(output)
    header = (ROOT / "edge_runtime" / "include" / "metabit.h").read_text()
    version = call("pkg-config", "--modversion", "metabit", **pkg_config).strip()
    assert f'"{version}"' in header


def test_crash_safe_goes_on_where_it_stopped(model: Path, built: Path, tmp_path: Path) -> None:
    libraries = built / "prefix" / "lib"
    pkg_config = {"PKG_CONFIG_PATH": str(libraries / "pkgconfig")}
    flags = call("pkg-config", "--cflags", "--libs", "metabit", **pkg_config).split()
    sources = [EXAMPLE / "crash_safe.c", model / "digits.c", f"-I{model}"]
    call("cc", "-std=c99", *WARNINGS.split(), *sources, *flags, "-o", tmp_path / "program")
    said = [
        call(tmp_path / "program", tmp_path / "state", LD_LIBRARY_PATH=str(libraries))
        for _ in range(2)
    ]
    why = (
        "all layers learn: goal remember, and learning all layers, 8-bit state, up to 5 contexts "
        "would need 43.9 KiB; 6.5 KiB\n"
    )
    assert said == [
        why + "loaded state 0; 100 samples learnt in all\n",
        why + "loaded state 1; 200 samples learnt in all\n",
    ]


def test_in_flash_goes_on_where_it_stopped(model: Path, built: Path, tmp_path: Path) -> None:
    libraries = built / "prefix" / "lib"
    pkg_config = {"PKG_CONFIG_PATH": str(libraries / "pkgconfig")}
    flags = call("pkg-config", "--cflags", "--libs", "metabit", **pkg_config).split()
    sources = [EXAMPLE / "in_flash.c", model / "digits.c", f"-I{model}"]
    warnings = [*WARNINGS.split(), "-Wno-missing-field-initializers"]
    call("cc", "-std=c99", *warnings, *sources, *flags, "-o", tmp_path / "program")
    said = [
        call(tmp_path / "program", tmp_path / "flash.bin", LD_LIBRARY_PATH=str(libraries))
        for _ in range(4)
    ]
    # The first commit is a whole state, and the samples of the later ones are learnt again.
    assert said == [f"{n} samples, {max(n - 10, 0)} learnt again\n" for n in (0, 10, 20, 30)]


def test_another_project_takes_the_library_in_and_installs_nothing_of_it(
    model: Path, tmp_path: Path
) -> None:
    """With add_subdirectory() or FetchContent, under the name that find_package() gives it."""
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.21)\nproject(other LANGUAGES C)\n"
        f'add_subdirectory("{ROOT}" metabit)\n'
        f'add_executable(program "{EXAMPLE}/main.c" "{model}/digits.c")\n'
        f'target_include_directories(program PRIVATE "{model}")\n'
        "target_link_libraries(program PRIVATE metabit::metabit)\n"
    )
    call("cmake", "-S", tmp_path, "-B", tmp_path / "build")
    call("cmake", "--build", tmp_path / "build", "-j", 2)
    assert learnt_what_it_was_taught(call(tmp_path / "build" / "program"))
    said = call("cmake", "--install", tmp_path / "build", "--prefix", tmp_path / "prefix")
    assert "Installing" not in said


#: What the sketch takes from the Arduino core; a serial port on standard input and output.
ARDUINO = r"""
#include <stdint.h>
#include <stdio.h>
struct Port {
    void begin(long) {}
    int available() { return !feof(stdin) && peek() != EOF; }
    int peek() { int c = getchar(); while (c == ' ') c = getchar(); ungetc(c, stdin); return c; }
    int read() { return getchar(); }
    long parseInt() { long n = 0; if (scanf("%ld", &n) != 1) n = 0; return n; }
    void println(long n) { printf("%ld\n", n); }
    void println(const char *text) { puts(text); }
} Serial;
#include "digits.ino"
int main() { setup(); while (Serial.available()) loop(); }
"""


def test_the_sketch_predicts_and_learns(model: Path, tmp_path: Path) -> None:
    """It links the library that all tests use; that Arduino compiles the core, others show."""
    sketch = ROOT / "examples" / "arduino" / "digits"
    include = [f"-I{folder}" for folder in (model, sketch, sources() / "include")]
    call("cc", "-std=c99", *include, "-c", model / "digits.c", "-o", tmp_path / "digits.o")
    (tmp_path / "arduino.cpp").write_text(ARDUINO)
    flags = ["-std=c++11", "-Wall", "-Wextra", "-Werror", *include]
    core = library_path()
    linked = [tmp_path / "digits.o", core, f"-Wl,-rpath,{core.parent}"]
    call("g++", *flags, tmp_path / "arduino.cpp", *linked, "-o", tmp_path / "sketch")
    values = " ".join(str(i % 17) for i in range(64))

    def answers(lines: list[str]) -> list[str]:
        done = subprocess.run(
            [tmp_path / "sketch"], input="".join(lines), capture_output=True, text=True, check=True
        )
        return done.stdout.split()

    before = answers([f"{values}\n"])[0]
    truth = (int(before) + 1) % 10
    others = " ".join(str(i // 8 * 2) for i in range(64))
    taught = answers([f"{values} {truth}\n", f"{others} {before}\n"] * 500)
    assert len(taught) == 1000
    assert taught[0] == before
    assert str(truth) in taught[2::2]


@pytest.mark.long
def test_it_is_linked_for_a_cortex_m4(model: Path, tmp_path: Path) -> None:
    tools = EXAMPLE / "cortex-m4.cmake"
    options = (f"-DCMAKE_TOOLCHAIN_FILE={tools}", f"-DPYTHON={sys.executable}")
    program = build(model, tmp_path, *options, "-DCMAKE_BUILD_TYPE=Release")
    parsed = elf.parse(program.read_bytes(), thumb=True)
    assert {"main", "mb_open", "mb_predict", "mb_learn", "digits_model"} <= parsed.symbols.keys()
    assert "printf" not in parsed.symbols
