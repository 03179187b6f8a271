"""The states of a folder: an undo is a commit, names stay, and nobody writes beside an engine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.random_models import random_model

from metabit.edge_runtime.engine import Engine
from metabit.edge_runtime.states import state_history
from metabit.errors import CorruptError, InputError, MetabitError, MismatchError, StorageError
from metabit.export.blob import Blob
from metabit.export.container import dumps
from metabit.export.repack import newest_facts, read_state
from metabit.export.states.facts import facts_of
from metabit.plain_file import MOST_BYTES

DATA = dumps(random_model((30, 20, 4)))
X = np.random.default_rng(0).integers(0, 256, (400, 30)).astype(np.uint8)
Y = np.random.default_rng(1).integers(0, 4, 400)


def taught(folder: Path, n: int, keep: int = 9) -> None:
    """Learn n more samples, with a commit after each."""
    with Engine(DATA, learn="all", state=folder, keep=keep) as engine:
        start = engine.status().n_steps
        for i in range(start, start + n):
            engine.partial_fit(X[i : i + 1], Y[i : i + 1])
            engine.commit()


def loaded(folder: Path) -> int:
    """Samples that the state has seen which an engine loads."""
    return Engine(DATA, learn="all", state=folder, read_only=True).status().n_steps


def numbers(folder: Path) -> list[int | None]:
    return [state.number for state in state_history.history(folder)]


def test_states_are_listed_with_what_the_engine_said_of_them(tmp_path: Path) -> None:
    with Engine(DATA, learn="all", state=tmp_path) as engine:
        engine.partial_fit(X[:100], Y[:100])
        engine.commit()
        status = engine.status()
    (state,) = state_history.history(tmp_path)
    assert state.facts is not None
    assert (state.facts.n_steps, state.facts.n_learnt) == (100, status.n_learnt)
    assert state.facts.accuracy == pytest.approx(status.accuracy, abs=2**-15)
    assert state.facts.n_drifts == status.n_drifts
    assert state.date == state.path.stat().st_mtime


@pytest.mark.parametrize("learn", ["all", "head"])
def test_an_undo_goes_back_step_by_step_and_can_be_undone(tmp_path: Path, learn: str) -> None:
    taught(tmp_path, 3)
    was, target, number = state_history.undo(tmp_path)
    assert (was.number, target.number, number) == (3, 2, 4)
    assert loaded(tmp_path) == 2
    assert state_history.undo(tmp_path)[1].number == 1
    assert loaded(tmp_path) == 1
    with pytest.raises(InputError) as refused:
        state_history.undo(tmp_path)
    assert refused.value.code == "E-STATE-UNDO"
    state_history.undo(tmp_path, "3")
    assert loaded(tmp_path) == 3
    assert numbers(tmp_path) == [6, 5, 4, 3, 2, 1]


def test_learning_continues_from_what_was_gone_back_to(tmp_path: Path) -> None:
    taught(tmp_path / "a", 2)
    taught(tmp_path / "b", 3)
    state_history.undo(tmp_path / "b")
    taught(tmp_path / "a", 1)
    taught(tmp_path / "b", 1)
    images = [state_history.history(tmp_path / name)[0].image for name in "ab"]
    assert images[0] == images[1]


def test_a_named_state_outlives_rotation_and_pruning_with_its_date(tmp_path: Path) -> None:
    taught(tmp_path, 2)
    os.utime(tmp_path / "state-0000000001.mbs", (1e9, 1e9))
    first = state_history.keep_as(tmp_path, "factory", "1").image
    taught(tmp_path, 4, keep=2)
    assert numbers(tmp_path) == [6, 5, None]
    gone = state_history.prune(tmp_path, 1)
    assert [state.number for state in gone] == [5]
    kept = state_history.history(tmp_path)[-1]
    assert (kept.names, kept.date, kept.image) == (("factory",), 1e9, first)
    state_history.undo(tmp_path, "factory")
    assert loaded(tmp_path) == 1
    assert state_history.history(tmp_path)[0].names == ("factory",)
    state_history.forget(tmp_path, "factory")
    assert state_history.history(tmp_path)[0].names == ()


@pytest.mark.parametrize("name", ["", "7", "a/b", "..", "-a", "a" * 41, "a b", "é"])
def test_a_name_that_no_file_should_have_is_refused(tmp_path: Path, name: str) -> None:
    taught(tmp_path, 1)
    with pytest.raises(InputError) as refused:
        state_history.keep_as(tmp_path, name)
    assert refused.value.code == "E-STATE-NAME"
    state_history.keep_as(tmp_path, "good")
    with pytest.raises(InputError, match="already"):
        state_history.keep_as(tmp_path, "good")


def test_damaged_states_are_listed_skipped_and_pruned(tmp_path: Path) -> None:
    taught(tmp_path, 4)
    for number in (4, 2):
        (tmp_path / f"state-000000000{number}.mbs").write_bytes(b"half")
    states = state_history.history(tmp_path)
    assert [bool(state.damage) for state in states] == [True, False, True, False]
    assert state_history.newest_of(states, tmp_path).number == 3
    with pytest.raises(MetabitError):
        state_history.undo(tmp_path, "2")
    assert state_history.undo(tmp_path)[1].number == 1
    assert loaded(tmp_path) == 1
    state_history.prune(tmp_path, 2)
    assert numbers(tmp_path) == [5, 3]
    for path in tmp_path.glob("state-0*.mbs"):
        path.write_bytes(b"")
    with pytest.raises(CorruptError):
        state_history.prune(tmp_path, 1)
    assert numbers(tmp_path) == [5, 3]


def _folder(at: Path) -> None:
    at.mkdir()


def _pipe(at: Path) -> None:
    os.mkfifo(at)


def _large(at: Path) -> None:
    with at.open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # takes no room on the disk


@pytest.mark.parametrize("make", [_folder, _pipe, _large])
def test_what_is_only_named_like_a_state_is_passed_over(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    """By everything that looks into a state folder, as by the C core."""
    taught(tmp_path, 2)
    strange = tmp_path / "state-0000000009.mbs"
    make(strange)
    shown = state_history.history(tmp_path)[0]
    assert shown.damage
    assert shown.image == b""
    with pytest.warns(RuntimeWarning, match="1 damaged"):
        assert loaded(tmp_path) == 2
    facts = newest_facts(tmp_path)
    assert facts is not None
    assert facts.n_steps == 2
    assert read_state(tmp_path, Blob(DATA, "it")) is not None
    with pytest.raises(MismatchError, match="bits"):
        Engine(DATA, learn="all", bits=4, state=tmp_path, read_only=True)
    state_history.prune(tmp_path, 1)
    assert strange.is_dir() == (make is _folder), "a folder is not ours to remove"


def test_states_that_would_fill_the_memory_together_are_refused(tmp_path: Path) -> None:
    taught(tmp_path, 1)
    for number in (7, 8):
        with (tmp_path / f"state-000000000{number}.mbs").open("wb") as file:
            file.truncate(MOST_BYTES // 2)
    with pytest.raises(StorageError, match="together"):
        state_history.history(tmp_path)


def test_a_file_in_place_of_a_folder_is_told_apart_from_one_without_states(tmp_path: Path) -> None:
    taught(tmp_path, 1)
    file = tmp_path / "state-0000000001.mbs"
    with pytest.raises(StorageError, match="a file; name the folder that it lies in"):
        state_history.history(file)
    with pytest.raises(StorageError, match="no such folder"):
        state_history.history(tmp_path / "typo")


def test_a_link_is_no_state(tmp_path: Path) -> None:
    taught(tmp_path / "s", 1)
    (tmp_path / "s" / "state-0000000002.mbs").symlink_to(tmp_path / "s" / "state-0000000001.mbs")
    assert "a link" in state_history.history(tmp_path / "s")[0].damage


def test_nobody_writes_while_an_engine_of_another_process_keeps_states(tmp_path: Path) -> None:
    taught(tmp_path, 2)
    with Engine(DATA, learn="all", state=tmp_path):
        before = numbers(tmp_path)
        child = os.fork()
        if child == 0:
            codes = []
            for call in (
                lambda: state_history.undo(tmp_path),
                lambda: state_history.keep_as(tmp_path, "good"),
                lambda: state_history.forget(tmp_path, "good"),
                lambda: state_history.prune(tmp_path, 1),
            ):
                try:
                    call()
                except StorageError as error:
                    codes.append(error.code)
            os._exit(0 if codes == ["E-BUSY"] * 4 else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert numbers(tmp_path) == before


def test_an_undo_that_cannot_be_written_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught(tmp_path, 2)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space"):
            state_history.undo(tmp_path)
    assert numbers(tmp_path) == [2, 1]
    assert loaded(tmp_path) == 2
    assert not list(tmp_path.glob(".metabit-*"))


@pytest.mark.parametrize(("make", "code"), [(False, "E-STATE-NONE"), (True, "E-STATE-EMPTY")])
def test_a_folder_without_states_is_said_and_not_made(
    tmp_path: Path, make: bool, code: str
) -> None:
    folder = tmp_path / "s"
    if make:
        folder.mkdir()
    for call in (state_history.history, state_history.undo):
        with pytest.raises(MetabitError) as refused:
            call(folder)
        assert refused.value.code == code
    assert [path.name for path in tmp_path.rglob("*")] == (["s"] if make else [])


def test_images_of_the_first_version_tell_their_samples() -> None:
    golden = Path(__file__).parents[1] / "golden"
    found = [facts_of(path.read_bytes()) for path in sorted(golden.glob("*.mbs"))]
    assert {facts.version for facts in found} >= {1}
    assert all(facts.accuracy is None for facts in found if facts.version == 1)
