"""Which module may import what (ARCHITECTURE.md, rules)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("src/metabit", "trainer", "export", "edge_runtime", "firmware_sim")
TRAINING_ONLY = {"torch", "safetensors", "matplotlib"}


def python_files() -> Iterator[Path]:
    """Every file of the four packages and of src/metabit, links not followed."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if not any(part.is_symlink() for part in path.parents):
                yield path.relative_to(ROOT)


def imported_roots(source: str) -> set[str]:
    """First components of the absolute imports anywhere in `source`, functions included."""
    roots = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            roots.add(node.module.partition(".")[0])
    return roots


def relative_packages(path: Path) -> set[str]:
    """Which of the four packages `path` imports, by full name."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom):
            module = (node.module or "").removeprefix("metabit.")
            parts = module.split(".") if module else [alias.name for alias in node.names]
            if node.level != 1:
                found.add(parts[0])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("metabit.")}
    return found & {"trainer", "export", "edge_runtime", "firmware_sim"}


def test_the_walk_sees_every_package() -> None:
    seen = {str(path) for path in python_files()}
    assert {f"{package}/__init__.py" for package in PACKAGES} <= seen


def test_only_the_trainer_and_two_files_of_export_import_torch() -> None:
    allowed = {
        "export/from_torch.py": {"torch"},
        "export/from_exported.py": {"torch"},
        "export/tensors.py": {"safetensors"},
    }
    offenders = [
        str(path)
        for path in python_files()
        if path.parts[0] != "trainer"
        and (imported_roots((ROOT / path).read_text()) & {"torch", "safetensors"})
        - allowed.get(str(path), set())
    ]
    # `doctor` asks whether torch is there by looking for it, without importing.
    assert offenders == []


def test_no_file_imports_pickle() -> None:
    files = [ROOT / path for path in python_files()]
    files += [
        p for folder in ("tests", "benchmarks", "examples") for p in ROOT.glob(f"{folder}/**/*.py")
    ]
    banned = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}
    offenders = [str(p) for p in files if imported_roots(p.read_text()) & banned]
    assert offenders == []


@pytest.mark.parametrize(
    ("package", "may_use"),
    [
        ("trainer", {"trainer"}),
        ("export", {"export", "trainer"}),
        ("edge_runtime", {"edge_runtime", "export"}),
        ("firmware_sim", {"firmware_sim", "edge_runtime", "export"}),
    ],
)
def test_arrows_run_one_way(package: str, may_use: set[str]) -> None:
    wrong = {
        str(path): sorted(relative_packages(path) - may_use)
        for path in python_files()
        if path.parts[0] == package and relative_packages(path) - may_use
    }
    assert wrong == {}


@pytest.mark.parametrize("statement", ["import metabit", "from metabit.__main__ import main"])
def test_import_loads_neither_torch_nor_onnx(statement: str) -> None:
    code = f"{statement}\nimport sys; print(sorted({{m.partition('.')[0] for m in sys.modules}}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert "'metabit'" in loaded
    for heavy in ("torch", "onnx", "onnxruntime", "tflite", "flatbuffers", "matplotlib", "unicorn"):
        assert f"'{heavy}'" not in loaded


def test_the_engine_needs_no_torch() -> None:
    """`Engine` with torch, safetensors and matplotlib hidden, as on a small board."""
    code = f"""
import sys
for name in {sorted(TRAINING_ONLY)!r}:
    sys.modules[name] = None
from metabit import Engine
print(Engine.__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "Engine", done.stderr
