"""export --to and --state: what other tools take, also of what a device has learnt."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model, random_samples
from helpers.tflite_run import run as tflite_run

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.plan import plan
from metabit.export import container
from metabit.export.fold import logits_from_scores
from metabit.export.golden import model_scores

from .conftest import Cli


@pytest.fixture
def state(model_file: Path, data_file: Path, tmp_path: Path) -> Path:
    """A folder with two states that the model has learnt."""
    with np.load(data_file) as data:
        x, y = data["x"], data["y"]
    engine = Engine(model_file, learn="all", m=0.0, step_levels=60.0, state=tmp_path / "state")
    for half in (slice(0, 25), slice(25, 50)):
        engine.partial_fit(x[half], y[half])
        engine.commit()
    return tmp_path / "state"


def test_to_c_writes_two_files_named_after_the_model(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "firmware" / "net"
    answer = cli("export", model_file, "--to", "c", "-o", folder, "--json").answer
    assert answer["files"] == ["random.c", "random.h"]
    assert sorted(path.name for path in folder.iterdir()) == ["random.c", "random.h"]
    assert answer["arena_bytes"]["learn_all"] == plan(model_file, learn="all").arena_bytes
    header = (folder / "random.h").read_text()
    assert f"#define RANDOM_ARENA_BYTES {plan(model_file, learn='none').arena_bytes}u" in header
    assert f"#define RANDOM_MODEL_BYTES {model_file.stat().st_size}u" in header


def test_to_c_without_hidden_weights_offers_no_arena_to_learn_in(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    cli("export", model_file, "--to", "c", "--no-state", "--golden", 0, "-o", tmp_path)
    header = (tmp_path / "random.h").read_text()
    assert "LEARN_HEAD" not in header
    assert "self_test" not in header


@pytest.mark.parametrize("newest_only", [False, True])
def test_a_learnt_state_is_exported(
    cli: Cli, model_file: Path, data_file: Path, state: Path, tmp_path: Path, newest_only: bool
) -> None:
    """The new file predicts as the engine that learnt, and not as the old file."""
    source = max(state.glob("*.mbs")) if newest_only else state
    target = tmp_path / "learnt.mbit"
    assert cli("export", model_file, "--state", source, "-o", target).code == 0
    with np.load(data_file) as data:
        x = data["x"]
    learnt = Engine(model_file, learn="all", state=state).scores(x)
    assert np.array_equal(Engine(target).scores(x), learnt)
    assert not np.array_equal(Engine(model_file).scores(x), learnt)
    assert cli("verify", target).code == 0


def test_a_damaged_newest_state_gives_way_to_the_one_before(
    cli: Cli, model_file: Path, state: Path, tmp_path: Path
) -> None:
    newest, older = sorted(state.glob("*.mbs"), reverse=True)
    cli("export", model_file, "--state", older, "-o", tmp_path / "older.mbit")
    newest.write_bytes(newest.read_bytes()[:-1])
    cli("export", model_file, "--state", newest, "-o", tmp_path / "no").refused(4, "E-STATE-CRC")
    assert cli("export", model_file, "--state", state, "-o", tmp_path / "kept.mbit").code == 0
    kept, expected = (container.load(tmp_path / f"{name}.mbit") for name in ("kept", "older"))
    assert np.array_equal(kept.layers[0].weights, expected.layers[0].weights)
    older.write_bytes(b"")
    cli("export", model_file, "--state", state, "-o", tmp_path / "no").refused(4, "E-STATE-CRC")


def test_a_state_that_is_not_there_is_refused(cli: Cli, model_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "no.mbit"
    cli("export", model_file, "--state", tmp_path, "-o", target).refused(2, "E-STATE-EMPTY")
    cli("export", tmp_path, "--state", tmp_path, "-o", target).refused(2, "E-USAGE")
    assert not target.exists()


def test_a_folder_that_cannot_be_made_is_refused(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "folder"
    cli("export", model_file, "--to", "c", "-o", target).refused(1, "E-WRITE")


def test_to_tflite_takes_the_bank_asked_for(cli: Cli, tmp_path: Path) -> None:
    model = random_model((12, 9, 3), seed=5, n_banks=2)
    container.save(model, tmp_path / "two.mbit")
    x = random_samples(np.random.default_rng(0), model.input, 50)
    for bank in (0, 1):
        target = tmp_path / f"bank{bank}.tflite"  # the suffix says what it is
        answer = cli("export", tmp_path / "two.mbit", "--bank", bank, "-o", target, "--json").answer
        assert (answer["to"], answer["file_bytes"]) == ("tflite", target.stat().st_size)
        got = tflite_run(target.read_bytes(), x)
        assert np.array_equal(got["logits"], logits_from_scores(model_scores(model, x, bank)))
    cli("export", tmp_path / "two.mbit", "--bank", 2, "-o", target).refused(2, "E-BANK")


def test_a_learnt_state_goes_into_tflite_too(
    cli: Cli, model_file: Path, data_file: Path, state: Path, tmp_path: Path
) -> None:
    target = tmp_path / "learnt.tflite"
    assert cli("export", model_file, "--state", state, "-o", target).code == 0
    with np.load(data_file) as data:
        x = data["x"]
    learnt = Engine(model_file, learn="all", state=state)
    assert np.array_equal(tflite_run(target.read_bytes(), x)["logits"], learnt.decision_function(x))


def test_to_c_brings_the_core_along_when_asked(cli: Cli, model_file: Path, tmp_path: Path) -> None:
    assert cli("export", model_file, "--to", "c", "--core", "-o", tmp_path).code == 0
    assert (tmp_path / "metabit" / "src" / "file" / "sections.c").is_file()
    assert (tmp_path / "metabit" / "library.properties").is_file()


def test_exported_c_is_one_more_form_to_verify(cli: Cli, model_file: Path, tmp_path: Path) -> None:
    cli("export", model_file, "--to", "c", "-o", tmp_path)
    path = tmp_path / "random.c"
    assert cli("verify", model_file, path, "--json").answer["equal"] is True
    text = path.read_text()
    path.write_text(text.replace("137,77,66", "137,77,67"))
    cli("verify", model_file, path).refused(4, "E-MAGIC")
    path.write_text(text.replace("137,77,66", "137,77,1066"))
    cli("verify", model_file, path).refused(4, "E-C-SOURCE")
    path.write_text("int main(void) { return 0; }")
    cli("verify", model_file, path).refused(4, "E-C-SOURCE")


def test_a_mistyped_suffix_is_not_taken_for_a_mbit_file(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    done = cli("export", model_file, "-o", tmp_path / "net.onnxx")
    assert done.code == 2
    assert 'did you mean "onnx"?' in done.stderr
    assert not (tmp_path / "net.onnxx").exists()
    assert cli("export", model_file, "-o", tmp_path / "net.onnxx", "--to", "mbit").code == 0
    assert cli("export", model_file, "-o", tmp_path / "net.bin").code == 0


# ---- heads ---------------------------------------------------------------------------------------


@pytest.fixture
def run_folder(cli: Cli, tmp_path: Path) -> Path:
    """A run on three of the digits."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'name = "three"\n[data]\nname = "digits"\nstream = "single"\nclasses = [0, 1, 2]\n'
        "train_samples = 200\n[network]\nhidden = [16]\n[train]\nepochs = 1\nbatch = 20\n"
    )
    assert cli("train", recipe, "-o", tmp_path / "run").code == 0
    return tmp_path / "run"


def test_a_run_is_exported_with_a_head_that_c_carries_and_other_tools_do_not(
    cli: Cli, run_folder: Path, tmp_path: Path
) -> None:
    mbit = tmp_path / "m.mbit"
    head = cli("export", run_folder, "-o", mbit, "--json").answer["head"]
    assert (head["n_classes"], head["n_spare_classes"]) == (14, 4)
    assert [n > 0 for n in head["n_samples"]] == [True] * 3 + [False] * 11
    assert cli("inspect", mbit, "--json").answer["head"] == head
    assert cli("verify", mbit).code == 0
    answer = cli("export", mbit, "--to", "c", "-o", tmp_path / "c", "--json").answer
    assert answer["head"] == head
    arena = plan(mbit, learn="counting").arena_bytes
    assert answer["arena_bytes"]["learn_counting"] == arena
    header = (tmp_path / "c" / "m.h").read_text()
    assert f"#define M_ARENA_BYTES_LEARN_COUNTING {arena}u /* head = MB_HEAD_COUNTING */" in header
    for name, learn in (("COUNTING_SMALL", "counting-small"), ("TRACKING", "tracking")):
        planned = plan(mbit, learn=learn).arena_bytes
        assert (
            f"#define M_ARENA_BYTES_LEARN_{name} {planned}u /* head = MB_HEAD_{name} */" in header
        )
    assert "#define M_N_CLASSES 14u" in header
    for suffix in ("onnx", "tflite", "safetensors"):
        other = tmp_path / f"m.{suffix}"
        done = cli("export", mbit, "-o", other, "--json")
        assert done.answer["head"] is None
        assert "the network alone" in done.stderr
        assert cli("verify", mbit, other).code == 0


def test_the_head_of_a_run_is_as_the_options_say(
    cli: Cli, run_folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "m.mbit"
    asked = cli(
        "export", run_folder, "-o", target, "--spare-classes", 0, "--head-ram", "8K", "--json"
    ).answer["head"]
    assert asked["n_spare_classes"] == 0
    assert asked["ram_bytes"] <= 8192
    for option in ("--no-head", "--no-state"):
        assert cli("export", run_folder, "-o", target, option, "--json").answer["head"] is None
    cli("export", run_folder, "-o", target, "--head-ram", 100).refused(2, "E-HEAD")
    cli("export", run_folder, "-o", target)
    cli("export", target, "-o", tmp_path / "n.mbit", "--head-ram", "8K").refused(2, "E-USAGE")
    without = tmp_path / "without.mbit"
    assert cli("export", target, "-o", without, "--no-head", "--json").answer["head"] is None
    assert cli("inspect", without, "--json").answer["head"] is None


def test_a_run_without_samples_is_exported_without_a_head_and_says_so(
    cli: Cli, run_folder: Path, tmp_path: Path
) -> None:
    (run_folder / "home.safetensors").unlink()
    done = cli("export", run_folder, "-o", tmp_path / "m.mbit", "--json")
    assert done.answer["head"] is None
    assert "no head: the run keeps no training samples" in done.stderr


@pytest.mark.parametrize(("kind", "outside"), [("onnx", True), ("safetensors", True), ("c", False)])
def test_it_is_said_where_a_front_end_stays_outside(
    cli: Cli, tmp_path: Path, kind: str, outside: bool
) -> None:
    source = Path(__file__).parents[1] / "golden" / "v1.3-front-end.mbit"
    done = cli("export", source, "-o", tmp_path / f"model.{kind}", "--to", kind)
    assert ("the front end stays outside" in done.stdout) == outside


def test_a_source_in_c_replaces_itself_and_nothing_of_others(
    cli: Cli, model_file: Path, tmp_path: Path
) -> None:
    """Files are named by the model, so nobody has said that they may be written over."""
    first, second, out = tmp_path / "a-b.mbit", tmp_path / "A b.mbit", tmp_path / "out"
    for copy in (first, second):
        shutil.copy(model_file, copy)
    assert cli("export", first, "--to", "c", "-o", out).code == 0
    assert cli("export", first, "--to", "c", "-o", out).code == 0
    before = (out / "a_b.h").read_bytes()
    done = cli("export", second, "--to", "c", "-o", out)
    done.refused(2, "E-C-NAME")
    assert "is of a-b.mbit, which has the same name in C as A b.mbit" in done.stderr
    assert (out / "a_b.h").read_bytes() == before
    assert cli("export", second, "--to", "c", "-o", tmp_path / "other").code == 0


@pytest.mark.parametrize("suffix", [".h", ".c"])
def test_a_program_of_ones_own_is_not_written_over(
    cli: Cli, model_file: Path, tmp_path: Path, suffix: str
) -> None:
    model, own = tmp_path / "app.mbit", tmp_path / f"app{suffix}"
    shutil.copy(model_file, model)
    own.write_text("int main(void) { return 0; }\n")
    done = cli("export", model, "--to", "c", "-o", tmp_path)
    done.refused(2, "E-C-NAME")
    assert "metabit did not write it" in done.stderr
    assert own.read_text() == "int main(void) { return 0; }\n"
