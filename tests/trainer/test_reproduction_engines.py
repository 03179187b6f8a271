"""Engines: the same results in whatever process, and no job lost with its worker."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers.tiny_benchmark import Notes, tiny

from metabit.errors import InputError
from metabit.files import lock
from metabit.trainer.networks.recipe_shape import MODEL
from metabit.trainer.reproduction import pool, ray_engine
from metabit.trainer.reproduction.jobs import DONE, Job, read_done
from metabit.trainer.reproduction.work import do_job
from metabit.trainer.runs import run_folder
from metabit.trainer.runs.progress import Silent
from metabit.trainer.tensor_files import read_tensors


def job(folder: Path, label: str = "naive", **train: float) -> Job:
    """A job of about a second that writes a checkpoint after every step."""
    folder.mkdir(parents=True, exist_ok=True)
    made = tiny(folder)
    recipe = made.recipe(made.row("naive"), "small", {}, seed=3)
    recipe["train"] = recipe["train"] | {"checkpoint_steps": 1} | train
    return Job(label, folder / "run", 3, None, recipe)


def fingerprint(done: Job) -> tuple[object, ...]:
    """What has to be the same: every number but the time, and every bit of the network."""
    numbers = read_done(done.folder)["numbers"]
    del numbers["seconds"]
    tensors, _ = read_tensors(done.folder / MODEL)
    return numbers, {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """The job done in this process."""
    done = job(tmp_path_factory.mktemp("serial"))
    do_job(done, Silent())
    return fingerprint(done)


class Killer(Notes):
    """Kills the process that does the job labelled "victim" at its first word, once."""

    killed = False

    def __init__(self) -> None:
        super().__init__()
        self.shares: list[float] = []

    def moved(self, job: Job, share: float) -> None:
        self.shares.append(share)
        if job.label == "victim" and not self.killed:
            self.killed = True
            for child in multiprocessing.active_children():
                assert child.pid is not None
                os.kill(child.pid, signal.SIGKILL)


def test_a_pool_gives_the_bits_of_a_single_process(
    tmp_path: Path, serial: tuple[object, ...]
) -> None:
    jobs = [job(tmp_path / "a", "a"), job(tmp_path / "b", "b")]
    notes = Notes()
    assert pool.do_jobs(jobs, 2, notes) == []
    assert [fingerprint(done) for done in jobs] == [serial, serial]
    assert sorted(notes.said) == ["done a", "done b", "started a", "started b"]
    assert not (jobs[0].folder / run_folder.CHECKPOINT).exists()


@pytest.mark.long
def test_the_job_of_a_killed_worker_goes_on_to_the_same_bits(
    tmp_path: Path, serial: tuple[object, ...]
) -> None:
    victim, watcher = job(tmp_path, "victim"), Killer()
    assert pool.do_jobs([victim], 1, watcher) == []
    again = "again victim: its process ended early (SIGKILL)"
    assert watcher.said == ["started victim", again, "started victim", "done victim"]
    assert watcher.shares[1] > watcher.shares[0]  # from its checkpoint, not from the start
    assert fingerprint(victim) == serial


def test_a_job_that_cannot_be_done_is_given_up_and_others_go_on(tmp_path: Path) -> None:
    bad, good = job(tmp_path / "bad", "bad"), job(tmp_path / "good", "good")
    bad.folder.mkdir()
    (bad.folder / run_folder.RECIPE).write_text("not TOML of a recipe")
    notes = Notes()
    (failure,) = pool.do_jobs([bad, good], 1, notes)
    assert (failure.job, failure.code) == (bad, "E-RECIPE")
    assert "done good" in notes.said
    assert not bad.finished


@pytest.mark.long
def test_a_fault_that_may_pass_is_tried_three_times(tmp_path: Path) -> None:
    bad = job(tmp_path, "bad")
    watcher = Killer()
    watcher.killed = True
    do_job(job(tmp_path / "other"), Silent())
    bad.folder.mkdir()
    other = tmp_path / "other" / "run" / run_folder.RECIPE
    (bad.folder / run_folder.RECIPE).write_bytes(other.read_bytes())
    (bad.folder / run_folder.CHECKPOINT).write_bytes(b"damaged")
    (failure,) = pool.do_jobs([bad], 1, watcher)
    assert failure.code == "E-TENSORS"
    assert [line.split()[0] for line in watcher.said] == ["started", "again"] * 2 + [
        "started", "given",
    ]  # fmt: skip


@pytest.mark.long
def test_training_that_diverges_is_not_repeated(tmp_path: Path) -> None:
    bad = job(tmp_path)
    bad.recipe["method"] = bad.recipe["method"] | {"lr": 1e36}
    notes = Notes()
    (failure,) = pool.do_jobs([bad], 1, notes)
    assert failure.code == "E-DIVERGED"
    assert len(notes.said) == 2


def test_ray_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"metabit\[ray\]") as caught:
        ray_engine.do_jobs([job(tmp_path)], 1, Notes())
    assert caught.value.code == "E-EXTRA"


RAY_SCRIPT = """
import glob, os, signal, sys, threading, time
from pathlib import Path
from metabit.trainer.reproduction import ray_engine
from metabit.trainer.reproduction.jobs import Job
from helpers.tiny_benchmark import Notes

def kill_worker(label):
    "Wait until a process of Ray says that it does the job; it is told by its title."
    while True:
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                if open(path).read().startswith(f"ray::{label}"):
                    os.kill(int(path.split("/")[2]), signal.SIGKILL)
                    return
            except OSError:
                pass
        time.sleep(0.01)

class Killer(Notes):
    killed = False
    def started(self, job):
        super().started(job)
        if job.label.startswith("victim") and not self.killed:
            self.killed = True
            threading.Thread(target=kill_worker, args=(job.label,), daemon=True).start()

notes = Killer()
jobs = [Job.from_json(line) for line in sys.stdin]
failures = ray_engine.do_jobs(jobs, 2, notes)
print(*notes.said, len(failures), sep="\\n")
"""


@pytest.mark.long
def test_ray_gives_the_same_bits_and_repeats_the_job_of_a_killed_worker(
    tmp_path: Path, serial: tuple[object, ...]
) -> None:
    """In a process of its own: Ray leaves threads and warnings behind."""
    pytest.importorskip("ray")
    title = f"victim-{os.getpid()}"
    jobs = [job(tmp_path / "a", "a"), job(tmp_path / "b", title), job(tmp_path / "c", "c")]
    broken = job(tmp_path / "d", "broken")
    broken.recipe["method"] = {"name": "no such method"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(RAY_SCRIPT)],
        input="\n".join(each.to_json() for each in [*jobs, broken]),
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *said, n_failures = done.stdout.splitlines()
    assert n_failures == "1"
    assert any(line.startswith("given up broken: [method] name") for line in said)
    assert any(line.startswith(f"again {title}: its process ended early") for line in said)
    assert [fingerprint(each) for each in jobs] == [serial] * 3
    assert (jobs[0].folder / DONE).exists()


LONG_JOB = """
import sys
from metabit.trainer.reproduction import pool
from metabit.trainer.reproduction.jobs import Job
from helpers.tiny_benchmark import Notes

pool.do_jobs([Job.from_json(sys.stdin.read())], 1, Notes())
"""


def test_a_worker_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """However that ends, and though the job reports nothing: another run may begin the same job."""
    tmp_path.joinpath("job").mkdir()
    endless = Job(
        "endless", tmp_path / "job", 0, None, {}, does="helpers.tiny_benchmark:hold_a_lock"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", LONG_JOB], stdin=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    assert starter.stdin is not None
    starter.stdin.write(endless.to_json())
    starter.stdin.close()
    begun, locked = endless.folder / "begun", endless.folder / "locked"
    assert holds_within(60, begun.exists)
    starter.kill()
    starter.wait()
    with locked.open("w") as file:
        assert holds_within(10, lambda: lock(file)), "the worker still runs"


def holds_within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_a_pool_keeps_its_processes_and_lends_each_one_thread(tmp_path: Path) -> None:
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    does = "helpers.tiny_benchmark:note_process"
    jobs = [Job(name, tmp_path / name, 0, None, {}, does=does) for name in ("a", "b")]
    with pool.Pool() as kept:
        for one in jobs:
            assert kept([one], 1, Notes()) == []
    first, second = (read_done(one.folder)["numbers"] for one in jobs)
    assert first == second
    assert first["threads"] == "1"
    assert first["process"] != os.getpid()
    assert os.environ.get("OPENBLAS_NUM_THREADS") == before
    assert multiprocessing.active_children() == []
