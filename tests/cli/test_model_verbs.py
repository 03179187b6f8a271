"""inspect, plan, verify, export FILE, doctor, data: verbs that read a model or the installation."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.random_models import random_model

from metabit.edge_runtime import isa
from metabit.export import container
from metabit.export.spec import Golden
from metabit.extras import TASKS

from .conftest import Cli


def damaged(path: Path, target: Path, at: int) -> Path:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    target.write_bytes(data)
    return target


def test_inspect_tells_layers_sections_and_sizes(cli: Cli, model_file: Path) -> None:
    done = cli("inspect", model_file, "--json")
    answer = done.answer
    assert done.code == 0
    assert answer["schema"] == "metabit/inspect/1"
    assert [(layer["n_in"], layer["n_out"]) for layer in answer["layers"]] == [(12, 33), (33, 4)]
    assert [layer["weight_bytes"] for layer in answer["layers"]] == [33 * 4, 4 * 8]
    assert answer["sizes"]["file_bytes"] == model_file.stat().st_size
    ends = [s["offset_bytes"] + s["length_bytes"] for s in answer["sections"]]
    assert ends[-1] == model_file.stat().st_size
    assert "fc2" in done.stderr


@pytest.mark.parametrize("verb", ["inspect", "plan", "verify", "predict", "learn"])
def test_a_damaged_model_is_rejected_with_4(
    cli: Cli, verb: str, model_file: Path, data_file: Path, tmp_path: Path
) -> None:
    bad = damaged(model_file, tmp_path / "bad.mbit", at=400)
    args = [bad, data_file] if verb in ("predict", "learn") else [bad]
    done = cli(verb, *args)
    assert done.code == 4
    assert "Traceback" not in done.stderr
    assert "bad.mbit" in done.stderr


@pytest.mark.parametrize("content", [b"", b"hello", b"\x7fELF" + bytes(200)])
def test_a_foreign_file_is_rejected_with_4(cli: Cli, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign.mbit"
    path.write_bytes(content)
    cli("verify", path).refused(4, "E-MAGIC")


def test_a_truncated_model_is_rejected_with_4(cli: Cli, model_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.mbit"
    path.write_bytes(model_file.read_bytes()[:-1])
    cli("plan", path).refused(4, "E-LENGTH")


def test_plan_adds_up_to_the_byte(cli: Cli, model_file: Path) -> None:
    answer = cli("plan", model_file, "--json").answer
    assert sum(answer["parts"].values()) == answer["arena_bytes"]
    assert answer["blob_bytes"] == model_file.stat().st_size


def test_plan_counts_a_batch(cli: Cli, model_file: Path) -> None:
    done = cli("plan", model_file, "--batch", "16", "--json")
    assert done.answer["batch"] == 16
    assert "batches of 16" in done.stderr
    assert sum(done.answer["parts"].values()) == done.answer["arena_bytes"]
    alone = cli("plan", model_file, "--learn", "all", "--json").answer["arena_bytes"]
    assert done.answer["arena_bytes"] > alone


def test_a_budget_too_small_ends_with_3_and_names_what_fits(cli: Cli, model_file: Path) -> None:
    done = cli("plan", model_file, "--ram", "1KiB", "--json")
    done.refused(3, "E-BUDGET")
    assert "Nearest that fits" in done.answer["error"]["message"]
    assert done.answer["fits"] is False
    assert done.answer["parts"]  # the table is told all the same
    assert "budget" in done.stderr


def test_auto_takes_what_fits(cli: Cli, model_file: Path) -> None:
    def learns(*args: object) -> tuple[int, int]:
        answer = cli("plan", model_file, "--learn", "auto", *args, "--json").answer
        assert answer["fits"] is True
        return answer["learn_layers"], answer["contexts"]

    alone = cli("plan", model_file, "--learn", "all", "--json").answer["arena_bytes"]
    assert learns() == (2, 5)
    assert learns("--ram", alone) == (2, 0)
    assert learns("--ram", alone - 1) == (1, 0)


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["--ram", "lots"], "E-SIZE"),
        (["--learn", "most"], "E-LEARN"),
        (["--learn", "3"], "E-LEARN"),
        (["--bank", "1"], "E-BANK"),
        (["--batch", "65"], "E-USAGE"),
    ],
)
def test_plan_refuses_what_it_cannot_understand(
    cli: Cli, model_file: Path, args: list[str], error: str
) -> None:
    cli("plan", model_file, *args).refused(2, error)


def test_verify_says_that_all_scores_are_equal(cli: Cli, model_file: Path) -> None:
    done = cli("verify", model_file)
    assert done.code == 0
    assert "C engine" in done.stdout
    assert "NumPy reference" in done.stdout


def test_a_wrong_score_is_a_mismatch(cli: Cli, tmp_path: Path) -> None:
    model = random_model((12, 33, 4), seed=3)
    assert model.golden is not None
    scores = model.golden.scores.copy()
    scores[1, 2] += 1
    path = tmp_path / "wrong.mbit"
    container.save(replace(model, golden=Golden(model.golden.inputs, scores)), path)
    done = cli("verify", path)
    done.refused(5, "E-GOLDEN")
    assert "sample 1, class 2" in done.stderr


def test_verify_without_golden_samples_is_refused(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "bare.mbit"
    container.save(replace(random_model((8, 3)), golden=None), path)
    cli("verify", path).refused(2, "E-NO-GOLDEN")


def test_export_repacks_a_file(cli: Cli, model_file: Path, data_file: Path, tmp_path: Path) -> None:
    small, bare = tmp_path / "small.mbit", tmp_path / "bare.mbit"
    assert cli("export", model_file, "-o", small, "--bits", "4", "--golden", "1").code == 0
    assert cli("export", small, "-o", bare, "--no-state").code == 0
    packed = container.load(small)
    assert packed.learn is not None
    assert packed.learn.bits == 4
    assert packed.golden is not None
    assert len(packed.golden.inputs) == 1
    assert container.load(bare).learn is None
    for path in (small, bare):
        assert cli("verify", path).code == 0
        for old, new in zip(
            container.load(model_file).layers, container.load(path).layers, strict=True
        ):
            assert np.array_equal(old.weights, new.weights)
    cli("learn", bare, data_file).refused(2, "E-NO-STATE")


@pytest.mark.parametrize("style", ["packed", "int2", "float", "qonnx"])
def test_export_writes_onnx_and_tells_its_size(
    cli: Cli, model_file: Path, tmp_path: Path, style: str
) -> None:
    path = tmp_path / "model.onnx"  # the suffix says the format
    answer = cli("export", model_file, "-o", path, "--style", style, "--json").answer
    assert (answer["to"], answer["style"]) == ("onnx", style)
    assert answer["file_bytes"] == path.stat().st_size
    told = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert told["metabit.mbit_sha256"] == hashlib.sha256(model_file.read_bytes()).hexdigest()
    again = tmp_path / "again"
    cli("export", model_file, "-o", again, "--to", "onnx", "--style", style)
    assert again.read_bytes() == path.read_bytes()


def test_export_into_a_missing_folder_is_refused(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    cli("export", model_file, "-o", tmp_path / "no" / "f.mbit").refused(1, "E-WRITE")


def test_export_does_not_invent_golden_samples(cli: Cli, model_file: Path, tmp_path: Path) -> None:
    done = cli("export", model_file, "-o", tmp_path / "f.mbit", "--golden", "9")
    done.refused(2, "E-NO-GOLDEN")
    assert not (tmp_path / "f.mbit").exists()


def test_an_unfinished_or_foreign_folder_is_no_run(cli: Cli, tmp_path: Path) -> None:
    cli("export", tmp_path, "-o", tmp_path / "f.mbit").refused(2, "E-RUN-NONE")


def test_boards_lists_the_two_boards(cli: Cli) -> None:
    answer = cli("boards", "--json").answer
    ram = {board["name"]: board["ram_bytes"] for board in answer["boards"]}
    assert ram["nrf52840"] == 256 * 1024
    assert "raspberry-pi-3b-plus" in ram


def test_data_finds_the_bundled_sets_and_says_how_to_get_the_others(
    cli: Cli,
) -> None:
    done = cli("data", "--json")
    sets = {found["name"]: found for found in done.answer["sets"]}
    assert sets["digits"]["n_test"] == 500
    assert sets["hapt"]["licence"] == "CC BY 4.0"
    assert sets["mnist"]["found"] is None
    assert "metabit data fetch mnist" in done.stderr


def test_fetching_a_bundled_set_says_where_it_is(cli: Cli) -> None:
    done = cli("data", "fetch", "digits", "--json")
    assert done.code == 0
    assert Path(done.answer["found"]).is_file()


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["fetch", "minst"], "E-DATA-NAME"),
        (["fetch"], "E-USAGE"),
        (["list", "mnist"], "E-USAGE"),
        (["get", "mnist"], "E-USAGE"),
    ],
)
def test_data_refuses_what_it_does_not_know(cli: Cli, args: list[str], error: str) -> None:
    cli("data", *args).refused(2, error)


def test_doctor_finds_this_installation_sound(cli: Cli) -> None:
    done = cli("doctor", "--json")
    assert done.code == 0, done.stderr
    checks = done.answer["checks"]
    assert checks["C library"]["verdict"] == "ok"
    assert checks["engine self-test"]["verdict"] == "ok"
    assert checks["kernel sets"]["details"].startswith(f"{isa.name(0)} is used")
    assert checks["state folder"]["verdict"] == "ok"
    assert not Path(checks["state folder"]["details"].split()[-4].rstrip(",")).exists()
    assert checks["recipes, examples"]["verdict"] == "ok"
    assert set(done.answer["tasks"]) == set(TASKS)


@pytest.mark.parametrize(
    ("package", "command"),
    [
        ("torch", 'pip install "metabit[train]"'),
        ("ai_edge_litert", 'pip install "metabit[bench]"'),
        ("ray", 'pip install "metabit[ray]"'),
    ],
)
def test_doctor_says_for_each_task_what_is_missing(
    cli: Cli, package: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == package else find(name)
    )
    done = cli("doctor", "--json")
    assert done.code == 0  # what is optional may be missing
    for task, facts in done.answer["tasks"].items():
        lacks = package in TASKS[task]
        assert facts["missing"] == ([package] if lacks else [])
        assert facts.get("install") == (command if lacks else None)


def test_doctor_fails_when_the_library_cannot_be_loaded(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from metabit.edge_runtime import _native

    monkeypatch.setenv("METABIT_LIBRARY", str(tmp_path / "no.so"))
    _native.library.cache_clear()
    done = cli("doctor", "--json")
    _native.library.cache_clear()
    done.refused(1, "E-DOCTOR")
    assert done.answer["checks"]["C library"]["verdict"] == "broken"
    assert "E-LIBRARY" in done.answer["checks"]["C library"]["details"]
