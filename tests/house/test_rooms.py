"""Imports go one way inside the packages too: rooms stand in layers, and there is no circle."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from metabit.cli import MODULES, VERBS

ROOT = Path(__file__).parents[2]

#: Where each package's folder is; the links in src/metabit are left out.
FOLDERS = {
    "metabit": "src/metabit",
    "metabit.trainer": "trainer",
    "metabit.export": "export",
    "metabit.edge_runtime": "edge_runtime",
    "metabit.firmware_sim": "firmware_sim",
    "benchmarks": "benchmarks",
}

#: Rooms of each package, from the lowest layer up: folders, and files that lie beside them. A file
#: may import from its own room, and from the rooms of its layer and of those before it.
ROOMS = {
    "metabit": (
        "errors",
        "files interrupt extras picture unpacking plain_file",
        "trainer",
        "export",
        "edge_runtime",
        "firmware_sim",
        "bench compare fitting readers report sklearn",
        "cli",
        "__main__",
    ),
    "metabit.cli": (
        "answers paths plain_table self_tests standard_streams tables",
        "common options",
        "class_names device_lines device_time heads progress",
        "state_view",
        "kept_states",
        "guarding reading stream_record teaching",
        "row_record",
        "fit_tables learn_rows learn_tables",
        "bench_plot board_tables export_targets measuring phase_tables",
        "verbs",
    ),
    "metabit.trainer": (
        "blocks circumstances devices files metrics metaplasticity",
        "tensor_files",
        "frontend",
        "data",
        "recipe",
        "streams",
        "optim networks generative",
        "runs",
        "methods prepare",
        "repeated",
        "loop",
        "arrays experiments importance",
        "reproduction",
    ),
    "metabit.export": (
        "head_spec plain_array window",
        "spec",
        "bits convolve fold layout levels shapes",
        "file_sizes golden limits",
        "sections",
        "states",
        "c_source container heads probes windows",
        "blob learnable raw_input tensors untrained",
        "repack state_diff",
        "onnx onnx_import tflite",
        "from_exported from_torch",
        "from_run",
    ),
    "metabit.export.heads": ("features novelty", "home"),
    "metabit.export.states": (
        "learnt reader",
        "state_image",
        "context_image facts files head_image",
    ),
    "metabit.export.sections": ("cursor", "front goal head network tracker"),
    "metabit.edge_runtime": (
        "_native c_library forking inputs isa layers_that_learn refusals sizes threads",
        "mapped options reference status windows",
        "learners open_model",
        "plan",
        "states",
        "engine",
        "guard task_banks",
    ),
    "metabit.edge_runtime.states": ("state_bytes", "state_folder", "kept_contexts state_history"),
    "metabit.firmware_sim": (
        "elf link toml_table",
        "boards",
        "keeping",
        "linker",
        "build",
        "cost memory_use",
        "machines",
        "session",
        "sensing",
        "simulate",
        "profile",
        "deploy trace",
    ),
    "metabit.firmware_sim.cost": (
        "phases",
        "cores",
        "counting latency operations",
        "pipeline",
        "watcher",
    ),
    "metabit.firmware_sim.machines": ("gdb_remote", "debug_probe emulator", "device"),
    "metabit.firmware_sim.deploy": (
        "core_line flash_image image_files linux_program measured",
        "cores_at_hand firmware_folder remote",
    ),
    "benchmarks": (
        "boards marks models results",
        "gates machine_code",
        "drifting",
        "tables",
        "page",
        "choosing heads learning other_tools reliability",
        "speed",
    ),
}


@cache
def modules() -> dict[str, Path]:
    """Every module of metabit and of benchmarks by its full name."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            inner = path.relative_to(ROOT / folder)
            if not any((ROOT / folder / part).is_symlink() for part in inner.parents):
                parts = [package, *inner.with_suffix("").parts]
                found[".".join(parts).removesuffix(".__init__")] = path
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """What this one imports of all modules, anywhere in it: for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module}: imports are written in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        # `from a.b import c` names a module c, or something inside of the module a.b.
        found |= {name if name in modules() else name.rpartition(".")[0] for name in names}
    return frozenset(found & modules().keys() - {module})


def rooms_of(package: str) -> dict[str, set[str]]:
    """Rooms of a package, with the rooms of the same package that each imports from; the package's
    own `__init__.py` is the room ""."""
    inside = {m for m in modules() if m == package or m.startswith(f"{package}.")}
    room = {m: m.removeprefix(package).removeprefix(".").partition(".")[0] for m in inside}
    graph: dict[str, set[str]] = {name: set() for name in room.values()}
    for module in inside:
        graph[room[module]] |= {room[i] for i in imports(module) & inside} - {room[module]}
    return graph


def layers_of(package: str) -> dict[str, int]:
    return {room: n for n, layer in enumerate(ROOMS[package]) for room in layer.split()}


@pytest.mark.parametrize("package", ROOMS)
def test_every_room_has_a_layer(package: str) -> None:
    assert rooms_of(package).keys() - {""} == layers_of(package).keys()


@pytest.mark.parametrize("package", ROOMS)
def test_nothing_is_imported_from_a_higher_layer(package: str) -> None:
    layers = layers_of(package)
    upward = {
        f"{room} -> {imported}"
        for room, targets in rooms_of(package).items()
        for imported in targets - {""}
        if room and layers[imported] > layers[room]
    }
    assert upward == set()


@pytest.mark.parametrize("package", ROOMS)
def test_no_rooms_import_each_other_in_a_circle(package: str) -> None:
    graph = rooms_of(package)
    graph.pop("")  # imports what it offers, and is imported by everything below it
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"rooms import each other: {' -> '.join(reversed(error.args[1]))}")


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: imports(module) for module in modules()}
    assert sum(map(len, graph.values())) > 700  # the search itself works
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imports in a circle: {' -> '.join(reversed(error.args[1]))}")


def test_no_verb_imports_another() -> None:
    verbs = {f"metabit.cli.verbs.{MODULES.get(verb, verb)}" for verb in VERBS}
    assert verbs <= modules().keys()
    assert {v: sorted(imports(v) & verbs) for v in verbs if imports(v) & verbs} == {}
