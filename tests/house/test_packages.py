"""What `pip install` gives a user."""

from __future__ import annotations

import importlib.util
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
