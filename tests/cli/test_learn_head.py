"""learn with nothing set: the head learns, new classes get names, and nothing known is lost."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metabit import Engine
from metabit.cli.class_names import NAMES
from metabit.edge_runtime.plan import plan
from metabit.export import container
from metabit.export.heads.home import with_head
from metabit.export.probes import with_probes
from metabit.export.spec import InputSpec, Told
from metabit.export.untrained import untrained
from metabit.trainer.data.dataset import DataSet

from .conftest import Cli

N_KNOWN = 4


@pytest.fixture(scope="module")
def known(digits: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose head knows four digits, called as they are written, and has two spare classes.

    Its hidden layer is random: the head knows nothing but what is counted.
    """
    x, y = digits.train.x.reshape(len(digits.train), -1), digits.train.y
    ours = y < N_KNOWN
    model = untrained(InputSpec("uint8", (8, 8)), (64, N_KNOWN), x[ours][:100], seed=3)
    model = with_head(model, x[ours], y[ours], spare_classes=2)
    path = tmp_path_factory.mktemp("known") / "known.mbit"
    names = {"class_names": ["zero", "one", "two", "three"]}
    container.save(replace(model, meta=dict(model.meta) | names), path)
    return path


def samples(digits: DataSet, path: Path, classes: list[int], n: int = 300) -> Path:
    """Digits of these classes; a new one has the label of a spare class."""
    which = np.flatnonzero(np.isin(digits.train.y, classes))[:n]
    np.savez(path, x=digits.train.x[which].reshape(len(which), -1), y=digits.train.y[which])
    return path


def test_the_head_learns_when_nothing_is_set(
    cli: Cli, known: Path, digits: DataSet, tmp_path: Path
) -> None:
    data, state = samples(digits, tmp_path / "d.npz", [0, 1, 2, 3]), tmp_path / "state"
    answer = cli("learn", known, data, "--state", state, "--json").answer
    assert (answer["learn_layers"], answer["choice"]) == (0, "learning the counting head")
    engine = Engine(known, learn="counting")
    with np.load(data) as both:
        x, y = both["x"], both["y"]
    assert answer["accuracy_before"] == np.mean(engine.predict(x) == y)
    assert answer["prequential_accuracy"] == np.mean(engine.learn(x, y) == y)
    assert answer["accuracy_after"] == np.mean(engine.predict(x) == y)
    kept = cli("predict", known, data, "--state", state, "--json").answer
    assert kept["labels"] == engine.predict(x).tolist()


def test_new_classes_are_learnt_by_number_and_get_names(
    cli: Cli, known: Path, digits: DataSet, tmp_path: Path
) -> None:
    data, state = samples(digits, tmp_path / "d.npz", [2, 4, 5]), tmp_path / "state"
    done = cli("learn", known, data, "--state", state, "--names", "four, five")
    assert done.code == 0, done.stderr
    assert "new classes: four, five" in done.stdout
    answer = cli("predict", known, data, "--state", state, "--json").answer
    assert answer["class_names"] == ["zero", "one", "two", "three", "four", "five"]
    shares = {row["name"]: row["accuracy"] for row in answer["classes"]}
    assert min(shares.values()) > 0.8
    old = samples(digits, tmp_path / "old.npz", [0, 1, 2, 3])
    assert cli("predict", known, old, "--state", state, "--json").answer["accuracy"] > 0.85


def test_labels_may_be_names_and_a_new_name_is_a_new_class(
    cli: Cli, known: Path, digits: DataSet, tmp_path: Path
) -> None:
    state, words = tmp_path / "state", np.array(["zero", "one", "two", "three", "vier", "fünf"])
    with np.load(samples(digits, tmp_path / "d.npz", [3, 4, 5])) as both:
        np.savez(tmp_path / "named.npz", x=both["x"], y=words[both["y"]])
    data = tmp_path / "named.npz"
    done = cli("learn", known, data, "--state", state, "--limit", 100, "--json")
    assert done.code == 0, done.stderr
    first = done.answer
    assert first["new_classes"] == [4, 5]
    done = cli("learn", known, data, "--state", state, "--json")
    assert done.code == 0, done.stderr
    again = done.answer
    assert again["class_names"][4:] == first["class_names"][4:]
    assert {row["name"] for row in again["classes"]} == {"three", "vier", "fünf"}
    assert cli("predict", known, data, "--state", state, "--json").answer["accuracy"] > 0.8
    cli("predict", known, data).refused(2, "E-LABEL")  # the file does not know them


def test_a_class_that_a_stream_brings_is_told(
    cli: Cli, known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is only misspelt becomes a class too, and somebody must see it."""
    rows = [json.dumps({"values": [k] * 64, "label": name}) for k, name in enumerate(("one", "on"))]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(rows) + "\n"))
    done = cli("learn", known, "-", "--state", tmp_path / "state")
    assert done.code == 0, done.stderr
    assert "new classes: on\n" in done.stderr


@pytest.mark.parametrize("named", [False, True])
def test_more_new_classes_than_are_spare_change_nothing(
    cli: Cli, known: Path, digits: DataSet, tmp_path: Path, named: bool
) -> None:
    data, state = samples(digits, tmp_path / "d.npz", [4, 5]), tmp_path / "state"
    cli("learn", known, data, "--state", state)
    kept = {path.name: path.read_bytes() for path in state.iterdir()}
    with np.load(samples(digits, data, [4, 5, 6])) as both:
        x, y = both["x"], both["y"]
    np.savez(data, x=x, y=np.array([f"n{k}" for k in y]) if named else y)
    done = cli("learn", known, data, "--state", state)
    done.refused(2, "E-SPARE")
    assert "2 spare" in done.stderr
    assert {path.name: path.read_bytes() for path in state.iterdir()} == kept


@pytest.mark.parametrize("names", ["four,four", "three", "", "x" * 81])
def test_a_name_that_cannot_be_is_refused(
    cli: Cli, known: Path, digits: DataSet, tmp_path: Path, names: str
) -> None:
    data = samples(digits, tmp_path / "d.npz", [0])
    cli("learn", known, data, "--names", names).refused(2, "E-NAMES")
    cli("learn", known, data, "--names", "a,b,c").refused(2, "E-SPARE")


@pytest.mark.parametrize(
    "text", ["", "[]", '{"schema": "x"}', '{"schema": "metabit.names", "version": 1, "names": 3}']
)
def test_a_damaged_file_of_names_is_refused(
    cli: Cli, known: Path, digits: DataSet, tmp_path: Path, text: str
) -> None:
    data, state = samples(digits, tmp_path / "d.npz", [0]), tmp_path / "state"
    cli("learn", known, data, "--state", state)
    (state / NAMES).write_text(text)
    cli("predict", known, data, "--state", state).refused(4, "E-NAMES-FILE")
    (state / NAMES).write_text(
        json.dumps({"schema": "metabit.names", "version": 1, "names": {"3": "x"}})
    )
    cli("predict", known, data, "--state", state).refused(4, "E-NAMES-FILE")


def test_what_learnt_before_learns_again_and_predicts(
    cli: Cli, known: Path, digits: DataSet, tmp_path: Path
) -> None:
    data, state = samples(digits, tmp_path / "d.npz", [0, 1]), tmp_path / "state"
    options = ["--learn", "all", "--bits", "4"]
    cli("learn", known, data, "--state", state, *options)
    answer = cli("learn", known, data, "--state", state, "--json").answer
    assert (answer["learn_layers"], answer["state_bits"]) == (2, 4)
    assert cli("predict", known, data, "--state", state).code == 0


def test_with_replay_the_last_layers_learn_and_the_folder_keeps_the_samples(
    cli: Cli, known: Path, digits: DataSet, tmp_path: Path
) -> None:
    data, state = samples(digits, tmp_path / "d.npz", [0, 1]), tmp_path / "state"
    answer = cli("learn", known, data, "--state", state, "--replay", 30, "--json").answer
    assert (answer["learn_layers"], answer["replay"]) == (1, 30)
    assert "goal remember with 30 samples replayed" in answer["reason"]
    again = cli("learn", known, data, "--state", state, "--json").answer
    assert (again["learn_layers"], again["replay"]) == (1, 30)
    assert cli("predict", known, data, "--state", state).code == 0
    assert cli("plan", known, "--learn", "head", "--replay", 30, "--json").answer["parts"][
        "replay_bytes"
    ]
    cli("learn", known, data, "--replay", 30, "--learn", "all").refused(2, "E-REPLAY")


def test_options_of_layers_are_refused_where_the_head_learns(
    cli: Cli, known: Path, digits: DataSet, tmp_path: Path
) -> None:
    data = samples(digits, tmp_path / "d.npz", [0])
    for option, value in (("--m", 1), ("--step", 1), ("--batch", 4), ("--bits", 4)):
        cli("learn", known, data, option, value).refused(2, "E-USAGE")
        assert cli("learn", known, data, option, value, "--learn", "all").code == 0
    ram = plan(known, learn="none").arena_bytes
    done = cli("learn", known, data, "--ram", ram)
    done.refused(3, "E-BUDGET")
    assert "nothing that learns fits" in done.stderr


# ---- the guard -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(known: Path, digits: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same file with probes."""
    ours = digits.test.y < N_KNOWN
    x = digits.test.x[ours].reshape(ours.sum(), -1)
    path = tmp_path_factory.mktemp("guarded") / "guarded.mbit"
    container.save(with_probes(container.load(known), x, digits.test.y[ours]), path)
    return path


def wrong(digits: DataSet, path: Path) -> Path:
    """1,200 known digits, each with the label of the next one."""
    which = np.flatnonzero(digits.train.y < N_KNOWN)
    which = np.resize(which, 1200)
    y = (digits.train.y[which] + 1) % N_KNOWN
    np.savez(path, x=digits.train.x[which].reshape(1200, -1), y=y)
    return path


def test_probes_in_the_file_guard_what_is_known(
    cli: Cli, guarded: Path, digits: DataSet, tmp_path: Path
) -> None:
    data, state = wrong(digits, tmp_path / "wrong.npz"), tmp_path / "state"
    done = cli("learn", guarded, data, "--state", state)
    assert "taken back because probes went wrong" in done.stdout
    known_well = samples(digits, tmp_path / "d.npz", [0, 1, 2, 3])
    after = cli("predict", guarded, known_well, "--state", state, "--json").answer["accuracy"]
    found = cli("learn", guarded, data, "--json").answer["guard"]
    assert found["n_reverted"] == sum(check["reverted"] for check in found["checks"]) >= 2
    assert found["n_probes"] > 100
    free = cli("learn", guarded, data, "--no-guard", "--state", tmp_path / "free", "--json").answer
    assert free["guard"] is None
    harmed = cli("predict", guarded, known_well, "--state", tmp_path / "free", "--json").answer
    assert after > 0.9
    assert harmed["accuracy"] < 0.7


def test_samples_may_be_given_as_probes(
    cli: Cli, known: Path, digits: DataSet, tmp_path: Path
) -> None:
    probes = samples(digits, tmp_path / "probes.npz", [0, 1, 2, 3], 90)
    data = wrong(digits, tmp_path / "wrong.npz")
    found = cli("learn", known, data, "--probes", probes, "--json").answer["guard"]
    assert found["n_probes"] == 90
    assert found["n_reverted"] >= 1
    clean = samples(digits, tmp_path / "d.npz", [0, 1, 2, 3])
    done = cli("learn", known, clean, "--probes", probes)
    assert "1 check, none reverted" in done.stdout
    cli("learn", known, data, "--guard").refused(2, "E-PROBES")


# ---- a learnt head in a file -------------------------------------------------------------------


def test_a_learnt_head_is_exported_with_its_names_and_answers(
    cli: Cli, known: Path, digits: DataSet, tmp_path: Path
) -> None:
    data, state = samples(digits, tmp_path / "d.npz", [2, 4, 5]), tmp_path / "state"
    cli("learn", known, data, "--state", state, "--names", "four,five")
    before = cli("predict", known, data, "--state", state, "--json").answer
    packed = tmp_path / "packed.mbit"
    assert cli("export", known, "--state", state, "-o", packed, "--json").answer["head"]["answers"]
    after = cli("predict", packed, data, "--json").answer
    assert after["labels"] == before["labels"]
    assert after["class_names"] == before["class_names"]
    done = cli("verify", packed, state, "--model", known)
    assert done.code == 0, done.stderr
    on = cli("learn", packed, data, "--json").answer
    assert on["accuracy_before"] == after["accuracy"]
    assert cli("export", packed, "--to", "c", "-o", tmp_path / "c").code == 0
    assert "packed_classes[6]" in (tmp_path / "c" / "packed.h").read_text()
    cli("export", packed, "-o", tmp_path / "m.onnx").refused(2, "E-HEAD")
    assert cli("export", packed, "-o", tmp_path / "m.onnx", "--no-head").code == 0


def test_what_a_tracking_head_learnt_is_exported_too(
    cli: Cli, known: Path, digits: DataSet, tmp_path: Path
) -> None:
    data, state = samples(digits, tmp_path / "d.npz", [2, 4, 5]), tmp_path / "state"
    cli("learn", known, data, "--goal", "track", "--state", state, "--no-guard")
    before = cli("predict", known, data, "--state", state, "--json").answer
    packed = tmp_path / "packed.mbit"
    answer = cli("export", known, "--state", state, "-o", packed, "--json").answer
    assert (answer["tracking_head"]["answers"], answer["head"]["answers"]) == (True, False)
    assert cli("predict", packed, data, "--json").answer["labels"] == before["labels"]
    assert Engine(packed, learn="auto").plan.head == "tracking"
    assert "tracking, " in cli("inspect", packed).stdout
    assert cli("export", packed, "--to", "c", "-o", tmp_path / "c").code == 0
    cli("export", packed, "-o", tmp_path / "m.onnx").refused(2, "E-HEAD")


def test_a_file_learns_as_its_recipe_said_unless_options_differ(
    cli: Cli, known: Path, digits: DataSet, tmp_path: Path
) -> None:
    data, told = samples(digits, tmp_path / "d.npz", [2, 3]), tmp_path / "told.mbit"
    model = container.load(known)
    container.save(replace(model, told=Told(goal="track", replay=20)), told)
    assert cli("plan", told, "--json").answer["replay"] == 20
    assert cli("inspect", told, "--json").answer["learns_as_told"]["goal"] == "track"
    assert "goal track" in cli("inspect", told).stdout
    options = ("--no-guard", "--limit", 30, "--json")
    answer = cli("learn", told, data, *options).answer
    assert (answer["head"], answer["replay"]) == ("tracking", 20)
    answer = cli("learn", told, data, *options, "--replay", 0).answer
    assert (answer["head"], answer["replay"]) == ("tracking", 0)
    answer = cli("learn", told, data, *options, "--learn", "counting").answer
    assert (answer["head"], answer["replay"]) == ("counting", 0)
