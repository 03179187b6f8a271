"""However a command ends, it says so in one line and an exit code, never with a traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pytest

from metabit.cli import VERBS, run

METABIT = [sys.executable, "-m", "metabit"]

# `main` with a hook that acts on the first import of one module.
AT_IMPORT = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it

class Hook:
    def find_spec(self, name, *_):
        if name == {module!r}:
            {act}

sys.meta_path.insert(0, Hook())
from metabit.__main__ import main
sys.argv = ["metabit", *{args!r}]
main()
"""

# Standard input, as a user types it who then changes his mind.
ROWS = """
class Rows:
    def __iter__(self):
        yield "0,0,0,0,0,0,0,0,0,0,0,0\\n"
        os.kill(os.getpid(), signal.SIGINT)
        yield "never read"
"""


def full_disk() -> TextIO:
    return open("/dev/full", "w")


def pipe_without_reader() -> TextIO:
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


def only_for_reading() -> TextIO:
    return os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")


ENDS: dict[str, tuple[Callable[[], TextIO], str]] = {
    "full": (full_disk, "error[E-STDOUT]: standard output cannot be written: No space"),
    "no reader": (pipe_without_reader, ""),  # it has left, and wants to hear nothing
    "unwritable": (only_for_reading, "error[E-STDOUT]: standard output cannot be written: Bad"),
}


Errors = Callable[[list[str]], list[str]]


@pytest.fixture(params=ENDS)
def errors_without_stdout(
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Errors:
    """Run a command whose standard output cannot be written; the errors it says before that."""
    make, said = ENDS[request.param]

    def call(args: list[str]) -> list[str]:
        with make() as stream:  # raises at its end if something is left in it, as Python does
            monkeypatch.setattr(sys, "stdout", stream)
            code = run(args)
            monkeypatch.undo()
        stderr = capsys.readouterr().err
        assert code == 1, stderr
        assert "Traceback" not in stderr
        errors = [line for line in stderr.splitlines() if line.startswith("error[")]
        if said:
            assert errors.pop().startswith(said)
        return errors

    return call


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_that_cannot_be_written(errors_without_stdout: Errors, verb: str) -> None:
    assert errors_without_stdout([*verb.split(), "--help"]) == []


@pytest.mark.parametrize("verb", VERBS)
def test_a_refusal_in_json_that_cannot_be_written(errors_without_stdout: Errors, verb: str) -> None:
    """Every verb takes --json, and its refusal is the first answer there is."""
    (refusal,) = errors_without_stdout([verb, "--json", "--no-such-option"])
    assert refusal.startswith("error[E-USAGE]")


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize(
    "command",
    [
        "inspect MODEL", "plan MODEL", "predict MODEL DATA", "learn MODEL DATA", "verify MODEL",
        "verify MODEL MODEL", "bench MODEL --alone --num-runs 3 --max-secs 0.1", "boards", "data",
        "export MODEL -o OUT.mbit", "profile MODEL --board nrf52840 --learn none",
        "doctor",
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_written(
    errors_without_stdout: Errors,
    command: str,
    form: list[str],
    model_file: Path,
    data_file: Path,
    tmp_path: Path,
) -> None:
    places = {"MODEL": str(model_file), "DATA": str(data_file), "OUT.mbit": f"{tmp_path}/out.mbit"}
    args = [places.get(word, word) for word in command.split()]
    assert errors_without_stdout([*args, *form]) == []


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_raised_when_the_process_ends(
    model_file: Path, end: str, unbuffered: str, form: list[str]
) -> None:
    make, said = ENDS[end]
    with make() as stdout:
        done = subprocess.run(
            [*METABIT, "inspect", str(model_file), *form],
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=stdout, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert said in done.stderr


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_closed_streams_are_refused_or_done_without(
    model_file: Path, closed: tuple[int, ...], tmp_path: Path
) -> None:
    """Nothing that a verb writes ends up in a file that took the number of a closed stream."""
    target = tmp_path / "out.mbit"
    shut = " ".join(f"{number}>&-" for number in closed)
    command = f'"{sys.executable}" -m metabit export "{model_file}" -o "{target}" {shut}'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.returncode == (1 if 1 in closed else 0)
    if 1 in closed:
        assert not target.exists()
        assert ("error[E-STDOUT]: standard output is closed" in done.stderr) == (2 not in closed)
    else:
        assert target.read_bytes() == model_file.read_bytes()


def test_a_stream_without_our_characters_gets_question_marks(model_file: Path) -> None:
    done = subprocess.run(
        [*METABIT, "plan", str(model_file), "--ram", "64K"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "budget ???" in done.stdout


def test_ctrl_c_inside_a_verb_ends_with_130(model_file: Path) -> None:
    """`predict -` answers rows of standard input as they come; the signal comes after the first."""
    code = AT_IMPORT.format(
        module="click", act="sys.stdin = Rows()", args=["predict", str(model_file), "-"]
    )
    done = subprocess.run(
        [sys.executable, "-c", ROWS + code], capture_output=True, text=True, check=False
    )
    assert done.stderr.split() == ["interrupted"]
    assert done.returncode == 130
    assert re.fullmatch(r"\d\n", done.stdout)


@pytest.mark.parametrize(
    "module",
    [
        "metabit.cli",
        "click",
        "metabit.cli.verbs.plan",
        "numpy",
        "rich.table",
        "metabit.edge_runtime.plan",
    ],
)
def test_ctrl_c_inside_an_import_ends_with_130(model_file: Path, module: str) -> None:
    act = "os.kill(os.getpid(), signal.SIGINT)"
    code = AT_IMPORT.format(module=module, act=act, args=["plan", str(model_file)])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == "interrupted\n"
    assert (done.returncode, done.stdout) == (130, "")


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("package", ["click", "numpy", "rich"])
def test_a_required_package_that_is_missing_is_named(package: str, form: list[str]) -> None:
    act = "raise ModuleNotFoundError(f'No module named {name!r}', name=name)"
    code = AT_IMPORT.format(module=package, act=act, args=["plan", "model.mbit", *form])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines() == [
        f"error[E-INSTALL]: {package} is not installed, and metabit needs it: pip install {package}"
    ]
    assert done.returncode == 1
    assert ("E-INSTALL" in done.stdout) == (form == ["--json"] and package != "click")
