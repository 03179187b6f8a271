"""What is optional: one table in `metabit.extras`, as pyproject.toml has it."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import re
import tomllib
from pathlib import Path

import pytest

from metabit.errors import InputError
from metabit.extras import EXTRAS, TASKS, need, pip_command

ROOT = Path(__file__).parents[2]
OPTIONAL: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]

#: Where a package is imported under another name than its own.
IMPORT_NAMES = {"pillow": "PIL", "pyserial": "serial", "scikit-learn": "sklearn"}


def packages(extra: str) -> set[str]:
    """Import names of the packages that an extra brings, those of extras within it too."""
    found = set()
    for requirement in OPTIONAL[extra]:
        name = re.split(r"[<>=]", requirement)[0]
        if name.startswith("metabit["):
            inner = name.removeprefix("metabit[").removesuffix("]").split(",")
            found |= set().union(*map(packages, inner))
        else:
            found.add(IMPORT_NAMES.get(name, name.replace("-", "_")))
    return found


@pytest.mark.parametrize("extra", EXTRAS)
def test_extras_are_those_of_the_package(extra: str) -> None:
    assert set(EXTRAS[extra]) == packages(extra)


def test_all_brings_what_every_task_needs_except_a_cluster() -> None:
    lacking = {task for task, needs in TASKS.items() if not packages("all").issuperset(needs)}
    assert lacking == {"reproduce --engine ray"}


def test_the_command_names_as_few_extras_as_bring_the_packages() -> None:
    assert pip_command(["safetensors"]) == 'pip install "metabit[export]"'
    assert pip_command(["torch", "safetensors"]) == 'pip install "metabit[train]"'
    assert pip_command(["onnx", "onnxruntime"]) == 'pip install "metabit[bench]"'
    assert pip_command(["torch", "capstone"]) == 'pip install "metabit[sim,train]"'


@pytest.mark.parametrize("task", TASKS)
def test_every_task_names_all_that_it_lacks(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(InputError, match="not installed: pip install") as caught:
        need(task)
    assert caught.value.code == "E-EXTRA"
    assert all(package in str(caught.value) for package in TASKS[task])


def test_every_task_that_is_asked_for_is_in_the_table() -> None:
    asked = set()
    for package in ("src/metabit", "trainer", "export", "edge_runtime", "firmware_sim"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "need":
                    (task,) = node.args
                    asked.add(ast.literal_eval(task))
    # What `bench` and `fit` set beside a network is left out where it is missing, not refused.
    assert asked == {task for task in TASKS if " beside " not in task}


def test_this_environment_has_what_every_task_needs() -> None:
    """Otherwise tests would be skipped or pass for the wrong reason."""
    everything = set(itertools.chain.from_iterable(TASKS.values()))
    assert [name for name in everything if importlib.util.find_spec(name) is None] == []
