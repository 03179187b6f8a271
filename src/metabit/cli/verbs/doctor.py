"""`metabit doctor`: is the installation sound?"""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metabit.cli.common import Answer, Output, verb
from metabit.cli.tables import table, table_below
from metabit.errors import MetabitError
from metabit.export.fold import fold_threshold
from metabit.export.spec import DenseLayer, InputSpec, LearnState, Model, Norm
from metabit.extras import TASKS, missing, pip_command

Verdict = tuple[Literal["ok", "absent", "broken"], str]

STYLES = {"ok": "green", "absent": "yellow", "broken": "bold red"}


@verb("doctor")
def command(out: Output) -> Answer:
    """Check the installation: versions, C library, folders, data sets, and one run of the engine.

    Then list what metabit can do here, and for everything else the packages that are missing and
    the command that installs them. Exit code 1 means that something required is broken.
    """
    checks: dict[str, Callable[[], Verdict]] = {
        "metabit": _metabit,
        "Python": _python,
        "numpy": _numpy,
        "processor": _processor,
        "C library": _library,
        "kernel sets": _kernel_sets,
        "engine self-test": _self_test,
        "state folder": _state_folder,
        "cache folder": _cache,
        "recipes, examples": _recipes,
        **{f"data: {name}": (lambda n=name: _data_set(n)) for name in _set_names()},  # type: ignore[misc]
    }
    rows = table("", "check", "", "")
    rows.show_header = False
    found = {}
    for name, check in checks.items():
        try:
            verdict, details = check()
        except MetabitError as error:
            verdict, details = "broken", f"error[{error.code}]: {error}"
        found[name] = {"verdict": verdict, "details": details}
        rows.add_row(name, verdict, details, style=STYLES[verdict] if verdict == "broken" else "")
    out.show(rows)
    tasks = _tasks(out)
    broken = [name for name, facts in found.items() if facts["verdict"] == "broken"]
    out.partial = {"checks": found, "tasks": tasks}
    if broken:
        raise MetabitError(f"broken: {', '.join(broken)}; see above", code="E-DOCTOR")
    out.line("everything that is required works", "green")
    return out.partial


def _tasks(out: Output) -> dict[str, Answer]:
    """What needs optional packages: their versions, or what is missing and how to install it."""
    rows = table_below("what needs optional packages", "", "", "")
    rows.show_header = False
    found: dict[str, Answer] = {}
    for task, packages in TASKS.items():
        lacking = missing(task)
        verdict = "absent" if lacking else "ok"
        found[task] = {"verdict": verdict, "missing": lacking}
        if lacking:
            found[task]["install"] = command = pip_command(lacking)
            details = f"{', '.join(lacking)} missing: {command}"
        else:
            details = ", ".join(f"{name} {_version(name)}" for name in packages)
        rows.add_row(task, verdict, details, style=STYLES[verdict] if lacking else "")
    out.show(rows)
    return found


def _version(module: str) -> str:
    """The version of what a module belongs to, whose name may be another: PIL is of Pillow."""
    try:
        return importlib.metadata.version(_owners().get(module, [module])[0])
    except importlib.metadata.PackageNotFoundError:  # it is there, but not from pip
        return "of unknown version"


@functools.cache
def _owners() -> Mapping[str, list[str]]:
    """Module -> the packages that brought it; finding out takes half a second."""
    return importlib.metadata.packages_distributions()


def _metabit() -> Verdict:
    from metabit import __file__, __version__

    return "ok", f"{__version__} in {Path(__file__).parent}"


def _python() -> Verdict:
    return "ok", f"{platform.python_version()}, {sys.executable}"


def _numpy() -> Verdict:
    return "ok", np.__version__


def _processor() -> Verdict:
    return "ok", f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"


def _library() -> Verdict:
    from metabit.edge_runtime import _native

    library = _native.library()
    version = library.mb_version().decode()
    return "ok", f"{version}, ABI {library.mb_abi_version()}, {_native.library_path()}"


def _kernel_sets() -> Verdict:
    """Which of the library's inner loops run on this processor."""
    from metabit.edge_runtime import isa

    used = isa.name(isa.chosen())
    others = [name for name, runs in isa.kernel_sets().items() if runs and name != used]
    return "ok", f"{used} is used" + (f"; {', '.join(others)} would run too" if others else "")


def _self_test() -> Verdict:
    """A small network: C and NumPy predict and learn the same, bit for bit."""
    from metabit.edge_runtime.engine import Engine
    from metabit.edge_runtime.reference.model import ReferenceModel
    from metabit.export import container

    blob = container.dumps(_small_model())
    engine, reference = Engine(blob, learn="all"), ReferenceModel(blob, learn_layers=2)
    samples, labels = _small_samples()
    engine.learn(samples, labels)
    reference.learn(samples, labels)
    if engine.save_state() != reference.save_state():
        return "broken", "the C engine and the NumPy reference differ; install metabit again"
    return "ok", "32 samples learnt and predicted, C and NumPy equal bit for bit"


def _state_folder() -> Verdict:
    """What is learnt is kept in a folder, and a new engine takes it up there."""
    from metabit.edge_runtime.engine import Engine
    from metabit.export import container

    blob = container.dumps(_small_model())
    with tempfile.TemporaryDirectory(prefix="metabit-") as name:
        with Engine(blob, learn="all", state=name) as engine:
            engine.learn(*_small_samples())
            engine.commit()
            learnt = engine.save_state()
        with Engine(blob, learn="all", state=name) as again:
            if again.save_state() != learnt:
                return "broken", f"{name}: not what was kept there; choose another disk"
        return "ok", f"32 samples learnt, kept and taken up again in {name}, then removed"


def _small_samples() -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Random samples for `_small_model`, shape (32, 37), and labels, shape (32,)."""
    samples = np.random.default_rng(0).integers(0, 256, (32, 37), dtype=np.uint8)
    return samples, (np.arange(32) % 4).astype(np.int32)


def _small_model() -> Model:
    """A random network of two layers, 37 inputs and 4 classes, that can learn."""
    rng = np.random.default_rng(1)
    eps, layers, all_levels = 1e-5, [], []
    for name, n_in, n_out, acc_max in (("fc1", 37, 16, 37 * 255), ("fc2", 16, 4, 16)):
        levels = rng.integers(-128, 128, (n_out, n_in)).astype(np.int8)
        ones, zeros = np.ones(n_out, np.float32), np.zeros(n_out, np.float32)
        norm = Norm(mean=zeros, var=ones * np.float32(acc_max), gamma=ones, beta=zeros)
        thresholds = (fold_threshold(norm, eps, acc_max),) if name == "fc1" else ()
        signs = np.where(levels >= 0, 1, -1).astype(np.int8)
        layers.append(DenseLayer(name, signs, thresholds, (norm,)))
        all_levels.append(levels)
    learn = LearnState(8, tuple(all_levels), m=(3.0, 3.0), w_max=(1.0, 1.0), step_levels=0.5)
    return Model(InputSpec("uint8", (37,)), tuple(layers), eps, learn)


def _cache() -> Verdict:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "metabit"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return "ok", f"{folder}, writable"
    except OSError as error:
        return "absent", f"{folder}: {error.strerror}; fetched sets and firmware need it"


def _recipes() -> Verdict:
    """Recipes and examples come with the package."""
    from metabit.trainer.circumstances import ROOT

    lacking = [name for name in ("recipes", "examples") if not (ROOT / name).is_dir()]
    if lacking:
        return "broken", f"{ROOT}: {', '.join(lacking)} missing; install metabit again"
    return "ok", f"{ROOT / 'recipes'}, {ROOT / 'examples'}"


def _set_names() -> tuple[str, ...]:
    from metabit.trainer import data

    return data.names()


def _data_set(name: str) -> Verdict:
    from metabit.trainer import data

    where = data.find(name)
    if where is None:
        return "absent", f"metabit data fetch {name}"
    loaded = data.load(name)
    return "ok", f"{len(loaded.train):,} + {len(loaded.test):,} samples in {where}"
