"""What `pip install` gives a user."""

from __future__ import annotations

import ast
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def load_check_dist() -> ModuleType:
    """`.ci/check_dist.py` as a module: CI and this test ask the same questions."""
    spec = importlib.util.spec_from_file_location("check_dist", ROOT / ".ci" / "check_dist.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.long
def test_wheel_and_sdist_hold_all_four_packages_and_the_library(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    # A build folder of its own, so that the editable install's is left alone. The wheel is made
    # from the source archive: a file that the archive lacks is then missed here.
    build = [sys.executable, "-m", "build", f"-Cbuild-dir={tmp_path}/build", f"--outdir={dist}"]
    done = subprocess.run([*build, str(ROOT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert load_check_dist().problems_in(dist) == []


def test_an_empty_dist_folder_is_a_problem(tmp_path: Path) -> None:
    assert load_check_dist().problems_in(tmp_path) != []


def test_without_a_compiler_the_build_says_what_to_install(tmp_path: Path) -> None:
    cmake = shutil.which("cmake")
    assert cmake is not None
    generator = ("-G", "Unix Makefiles", "-DCMAKE_MAKE_PROGRAM=/bin/true")
    done = subprocess.run(
        [cmake, *generator, "-S", str(ROOT), "-B", str(tmp_path / "build")],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(tmp_path)},  # in which there is nothing
    )
    assert done.returncode != 0
    assert "there is no C compiler here" in done.stderr
    assert "sudo apt install gcc" in done.stderr


def test_no_module_wants_a_certain_system_when_it_is_imported() -> None:
    of_one_system = {"fcntl", "grp", "msvcrt", "pwd", "resource", "termios", "tty", "winreg"}
    for package in ("src/metabit", "trainer", "export", "edge_runtime", "firmware_sim"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.parse(file.read_text()).body:
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                assert not of_one_system.intersection(names), file


@pytest.mark.parametrize("source", ["posix_folder.c", "windows_calls.c", "threads.c", "spin.c"])
def test_what_a_host_has_besides_the_core_compiles_for_windows(source: str, tmp_path: Path) -> None:
    zig = (sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu")
    flags = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-DMB_EXPORT")
    runtime = ROOT / "edge_runtime"
    done = subprocess.run(
        [*zig, *flags, f"-I{runtime}/include", "-c", f"{runtime}/port/{source}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_no_float32_root_is_left_to_numpy() -> None:
    # NumPy's is not correctly rounded on 32-bit Arm, where the reference must equal C too.
    files = [ROOT / "export/fold.py", *(ROOT / "edge_runtime/reference").glob("*.py")]
    found = [line for file in files for line in file.read_text().splitlines() if "np.sqrt(" in line]
    assert len(found) == 1
    assert "np.float64" in found[0]
