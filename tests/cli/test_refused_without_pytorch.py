"""PyTorch takes seconds to import: what can be refused without it is refused before.

All commands run in one process in which PyTorch seems to be installed and cannot be imported.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from metabit.trainer.loop import train
from metabit.trainer.recipe import load_recipe
from metabit.trainer.runs.run_folder import METRICS, RECIPE
from metabit.trainer.runs.run_input import INPUT

ROOT = Path(__file__).parents[2]

WITHOUT_PYTORCH = """
import contextlib, importlib.abc, importlib.machinery, io, json, sys

class Refuser(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name == "torch" else None
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        raise RuntimeError("PyTorch was imported")

sys.meta_path.insert(0, Refuser())
from metabit.cli import run

done = {}
for name, arguments in json.load(sys.stdin).items():
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        done[name] = [run(arguments), err.getvalue()]
json.dump(done, sys.stdout)
"""

GOOD = load_recipe(ROOT / "recipes" / "digits-tiny.toml").to_dict()

CHANGES: dict[str, tuple[dict[str, dict[str, Any]], str]] = {
    "a mistyped key": ({"network": {"hiden": [64]}}, "E-RECIPE"),
    "a mistyped table": ({"netwrok": {"hidden": [64]}}, "E-RECIPE"),
    "a value out of range": ({"train": {"batch": 1}}, "E-RECIPE"),
    "a wrong type": ({"train": {"epochs": "many"}}, "E-RECIPE"),
    "an unknown method": ({"method": {"name": "ewcc"}}, "E-RECIPE"),
    "an option of another method": ({"method": {"strength": 2.0}}, "E-RECIPE"),
    "a choice that a method lacks": ({"method": {"name": "mas", "rule": "golbal"}}, "E-RECIPE"),
    "a value that a method refuses": ({"method": {"name": "replay", "memory": 0}}, "E-RECIPE"),
    "a method for real networks": (
        {"method": {"name": "anpyc", "prune": 10, "own_weights": True}},
        "E-RECIPE",
    ),
    "a method for binary networks": (
        {"method": {"name": "bop"}, "network": {"kind": "real", "banks": "shared"}},
        "E-RECIPE",
    ),
    "a method without banks": (
        {"method": {"name": "replay"}, "network": {"banks": "task"}},
        "E-RECIPE",
    ),
    "a method that draws images": (
        {
            "data": {"name": "hapt", "train_samples": 50},
            "method": {"name": "dgm", "layers": "conv"},
            "network": {"banks": "shared"},
        },
        "E-METHOD",
    ),
    "an unknown data set": ({"data": {"name": "digitz"}}, "E-RECIPE"),
    "an unknown stream": ({"data": {"stream": "permutted"}}, "E-RECIPE"),
    "a data set that is not here": ({"data": {"name": "mnist"}}, "E-DATA-MISSING"),
    "more samples than there are": ({"data": {"train_samples": 10**6}}, "E-DATA-LIMIT"),
    "classes that are not there": ({"data": {"classes": [99]}}, "E-DATA-EMPTY"),
    "pooling that leaves nothing": ({"network": {"convolutions": [[4, 3, 16]]}}, "E-NETWORK"),
    "a class in two tasks": (
        {
            "data": {
                "stream": "classes",
                "n_tasks": None,
                "scenario": "task",
                "groups": [[0, 1], [1, 2]],
            },
        },
        "E-STREAM",
    ),
    "a trunk that is not there": ({"network": {"hidden": [], "trunk": "nowhere"}}, "E-NETWORK"),
}
"""What is changed in a good recipe, and the code of the refusal."""

BENCHMARK = """
name = "own"
title = "x"
[base.data]
name = "digits"
stream = "single"
[base.train]
epochs = 1
[[row]]
label = "plain"
method = { name = "naive" }
"""

CASES: dict[str, tuple[list[str], int, str]] = {
    **{name: (["train", f"{name}.toml", "-o", "new"], 2, code)
       for name, (_, code) in CHANGES.items()},
    "no such recipe": (["train", "nothing.toml", "-o", "new"], 2, "E-RECIPE-READ"),
    "a recipe that is not TOML": (["train", "broken.toml", "-o", "new"], 2, "E-RECIPE"),
    "a folder with a run": (["train", "good.toml", "-o", "run"], 2, "E-RUN-EXISTS"),
    "a folder with other files": (["train", "good.toml", "-o", "foreign"], 2, "E-RUN-FOREIGN"),
    "a file in place of the folder": (["train", "good.toml", "-o", "good.toml"], 1, "E-RUN"),
    "nothing to resume": (["train", "good.toml", "-o", "new", "--resume"], 2, "E-RUN-NONE"),
    "another recipe to resume": (
        ["train", "other.toml", "-o", "run", "--resume"], 2, "E-RUN-RECIPE"),
    "comparing no run": (["compare", "run", "nowhere"], 2, "E-RUN-NONE"),
    "comparing an unfinished run": (["compare", "unfinished"], 2, "E-RUN-UNFINISHED"),
    "comparing other data": (["compare", "run", "hapt-run"], 2, "E-COMPARE"),
    "comparing damaged metrics": (["compare", "damaged"], 4, "E-METRICS-JSON"),
    "reproducing nothing known": (["reproduce", "digitz"], 2, "E-BENCHMARK"),
    "no such benchmark file": (["reproduce", "own2.toml"], 2, "E-RECIPE-READ"),
    "a mistyped key in a benchmark": (["reproduce", "typo.toml"], 2, "E-RECIPE"),
    "an unknown row": (["reproduce", "own.toml", "--rows", "plane"], 2, "E-RECIPE"),
    "a row without a choice": (["reproduce", "open.toml"], 2, "E-CHOSEN"),
    "a row with nothing to search": (["reproduce", "own.toml", "--search"], 2, "E-CHOSEN"),
    "a benchmark without its data": (["reproduce", "far.toml"], 2, "E-DATA-MISSING"),
    "exporting no run": (["export", "foreign", "-o", "x.mbit"], 2, "E-RUN-NONE"),
    "exporting an unfinished run": (
        ["export", "unfinished", "-o", "x.mbit"], 2, "E-RUN-UNFINISHED"),
    "exporting a real network": (["export", "real", "-o", "x.mbit"], 2, "E-NETWORK"),
    "exporting onto a folder": (["export", "run", "-o", "run", "--to", "mbit"], 2, "E-TARGET"),
    "exporting to nowhere": (["export", "run", "-o", "no/x.mbit"], 1, "E-WRITE"),
    "exporting to a mistyped form": (["export", "run", "-o", "x.onx"], 2, "E-USAGE"),
    "exporting without the data it needs": (
        ["export", "old", "-o", "x.mbit"], 2, "E-DATA-MISSING"),
    "exporting a damaged run": (["export", "bitten", "-o", "x.mbit"], 4, "E-TENSORS"),
    "a demo over other files": (["demo", "-o", "taken"], 2, "E-RUN-FOREIGN"),
    "timing no file": (["bench", "nothing.mbit"], 2, "E-READ"),
}  # fmt: skip
"""Arguments, exit code, and the code of the error."""

ACCEPTED = {
    "comparing runs": ["compare", "run", "-o", "pictures"],
    "listing benchmarks": ["reproduce"],
    "listing data sets": ["data"],
}
"""Commands that need no PyTorch at all."""


def changed(changes: Mapping[str, Mapping[str, Any]]) -> str:
    """A good recipe with these keys put over it, as TOML."""
    tables = {key: GOOD.get(key, {}) | changes.get(key, {}) for key in (*GOOD, *changes)
              if key not in ("name", "description")}  # fmt: skip
    if "name" in changes.get("method", {}):
        tables["method"] = dict(changes["method"])
    lines = ['name = "x"']
    for key, table in tables.items():
        given = {k: v for k, v in table.items() if v is not None}
        lines += [f"[{key}]", *(f"{k} = {json.dumps(v)}" for k, v in given.items())]
    return "\n".join(lines)


def make_files(folder: Path) -> None:
    """Everything that the commands name."""
    for name, (changes, _) in CHANGES.items():
        (folder / f"{name}.toml").write_text(changed(changes))
    (folder / "broken.toml").write_text("[")
    recipe = load_recipe(ROOT / "recipes" / "digits-tiny.toml")
    recipe = replace(recipe, train=replace(recipe.train, epochs=1))
    (folder / "good.toml").write_text(recipe.to_toml())
    (folder / "other.toml").write_text(recipe.with_m(3.0).to_toml())
    train(recipe, folder / "run")
    for name in ("unfinished", "damaged", "hapt-run", "real", "old", "bitten"):
        shutil.copytree(folder / "run", folder / name)
    (folder / "unfinished" / METRICS).unlink()
    (folder / "damaged" / METRICS).write_text("{")
    edit(folder / "hapt-run" / RECIPE, '"digits"', '"hapt"')
    edit(folder / "real" / RECIPE, 'kind = "binary"', 'kind = "real"', "affine = true", "",
         "init_width = 0.1", "", 'banks = "task"', 'banks = "shared"')  # fmt: skip
    edit(folder / "old" / RECIPE, '"digits"', '"mnist"')
    (folder / "old" / INPUT).unlink()
    content = bytearray((folder / "bitten" / INPUT).read_bytes())
    content[-1] ^= 1
    (folder / "bitten" / INPUT).write_bytes(content)
    for name in ("foreign", "taken/run"):
        (folder / name).mkdir(parents=True)
        (folder / name / "letter.txt").write_text("")
    (folder / "own.toml").write_text(BENCHMARK)
    (folder / "typo.toml").write_text(BENCHMARK.replace('"own"', '"typo"').replace("epo", "eop"))
    (folder / "far.toml").write_text(
        BENCHMARK.replace('"own"', '"far"').replace('"digits"', '"mnist"')
    )
    (folder / "open.toml").write_text(
        BENCHMARK.replace('"own"', '"open"').replace('"naive"', '"ewc"')
        + "search = { strength = [1.0, 2.0] }\n"
    )


def edit(path: Path, *pairs: str) -> None:
    """Replace each text by the one after it; it must be there."""
    text = path.read_text()
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert old in text, f"{path}: no {old}"
        text = text.replace(old, new)
    path.write_text(text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("refused")
    make_files(made)
    return made


@pytest.fixture(scope="module")
def done(folder: Path) -> dict[str, tuple[int, str]]:
    """Exit code and stderr of every command."""
    commands = {name: arguments for name, (arguments, _, _) in CASES.items()} | ACCEPTED
    home = folder / "home"
    home.mkdir()
    environment = {
        k: v for k, v in os.environ.items() if k not in ("METABIT_DATA", "XDG_CACHE_HOME")
    }
    finished = subprocess.run(
        [sys.executable, "-c", WITHOUT_PYTORCH],
        input=json.dumps(commands),
        cwd=folder,
        env=environment | {"HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return {name: (code, stderr) for name, (code, stderr) in json.loads(finished.stdout).items()}


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_needs_no_pytorch(name: str, done: dict[str, tuple[int, str]]) -> None:
    _, exit_code, code = CASES[name]
    found, stderr = done[name]
    assert f"error[{code}]: " in stderr
    assert found == exit_code


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_needs_no_pytorch_runs_without(name: str, done: dict[str, tuple[int, str]]) -> None:
    assert done[name] == (0, "")


def test_a_refused_command_makes_no_folder(folder: Path, done: dict[str, tuple[int, str]]) -> None:
    assert done
    assert not (folder / "new").exists()


def test_the_search_itself_works(done: dict[str, tuple[int, str]], folder: Path) -> None:
    """Where PyTorch is needed, the process that cannot import it says so."""
    assert done
    finished = subprocess.run(
        [sys.executable, "-c", WITHOUT_PYTORCH],
        input=json.dumps({"train": ["train", "good.toml", "-o", "fine"]}),
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    code, stderr = json.loads(finished.stdout)["train"]
    assert (code, "PyTorch was imported" in stderr) == (1, True)
