"""Help, usage errors, --json, and what happens when a command is stopped."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from metabit.cli import VERBS, group, run

from .conftest import Cli


def test_help_lists_exactly_the_verbs_that_are_implemented(cli: Cli) -> None:
    listed = re.findall(r"^  ([a-z]+)  +[A-Z]", cli("--help").stdout, re.MULTILINE)
    folder = Path(sys.modules["metabit.cli"].__file__ or "").parent
    implemented = {
        name
        for path in folder.rglob("*.py")
        for name in re.findall(r'^@verb\("([a-z]+)"', path.read_text(), re.MULTILINE)
    }
    assert len(listed) == len(set(listed))
    assert set(listed) == implemented == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_and_takes_json(cli: Cli, verb: str) -> None:
    done = cli(verb, "--help")
    assert done.code == 0
    assert f"Usage: metabit {verb}" in done.stdout
    assert "--json" in done.stdout
    command = group.get_command(click.Context(group), verb)
    assert command is not None
    assert command.name == verb


def test_without_a_verb_the_help_is_shown(cli: Cli) -> None:
    done = cli()
    assert done.code == 2
    assert "Begin here:" in done.stderr


def test_version(cli: Cli) -> None:
    import metabit

    assert cli("--version").stdout == f"metabit {metabit.__version__}\n"


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["prdict"], 'did you mean "predict"?'),
        (["plan"], "Missing argument 'FILE'"),
        (["plan", "f.mbit", "--rum", "1"], "--ram"),
        (["plan", "f.mbit", "--bits", "5"], "'5' is not one of"),
        (["export", "RUN"], "Missing option"),
        (["learn", "f.mbit", "x.npz", "--m", "-1"], "-1"),
        (["predict", "f.mbit", "x.npz", "--limit", "0"], "0"),
    ],
)
def test_a_usage_error_is_one_line_with_a_hint_and_exit_code_2(
    cli: Cli, args: list[str], hint: str
) -> None:
    done = cli(*args)
    done.refused(2, "E-USAGE")
    assert hint in done.stderr
    assert "--help` explains" in done.stderr
    assert done.stdout == ""


def test_errors_are_told_by_click_8_1_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(click.exceptions, "NoArgsIsHelpError")  # which came with 8.2
    cli("plan").refused(2, "E-USAGE")
    cli("plan", "nowhere.mbit").refused(2, "E-READ")


def test_a_usage_error_with_json_is_json_too(cli: Cli) -> None:
    done = cli("plan", "--json")
    assert done.answer["schema"] == "metabit/plan/1"
    assert done.answer["ok"] is False
    assert done.answer["error"]["code"] == "E-USAGE"


def test_an_error_with_json_is_said_on_stdout_and_stderr(cli: Cli, tmp_path: Path) -> None:
    done = cli("inspect", tmp_path / "no.mbit", "--json")
    done.refused(2, "E-READ")
    assert done.answer["schema"] == "metabit/inspect/1"
    assert done.answer["ok"] is False
    assert set(done.answer["error"]) == {"code", "message"}
    assert done.answer["error"]["message"] in done.stderr.replace("\n", " ")


def test_text_goes_to_stderr_with_json_and_to_stdout_without(cli: Cli, model_file: Path) -> None:
    plain, json = cli("plan", model_file), cli("plan", model_file, "--json")
    assert "hidden weights" in plain.stdout
    assert plain.stderr == ""
    assert "hidden weights" in json.stderr
    assert json.answer["ok"] is True


def test_square_brackets_in_a_path_are_no_markup(cli: Cli, tmp_path: Path) -> None:
    done = cli("inspect", tmp_path / "[bold]x[/nonsense].mbit")
    done.refused(2, "E-READ")
    assert "[bold]x[/nonsense].mbit" in done.stderr


def test_a_mistake_in_metabit_is_said_without_a_traceback(
    cli: Cli, model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_path: object) -> bytes:
        raise ZeroDivisionError("made for this test")

    monkeypatch.setattr("metabit.export.blob.read_bytes", broken)
    done = cli("inspect", model_file)
    done.refused(1, "E-INTERNAL")
    assert "ZeroDivisionError: made for this test" in done.stderr


def test_the_front_door_is_fast_and_loads_no_verb() -> None:
    code = (
        "from metabit.cli import run; run(['--help']); import sys;"
        "print(sorted(m for m in sys.modules if m.startswith(('metabit.', 'torch', 'numpy'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    light = ["cli", "cli.answers", "cli.standard_streams", "errors", "interrupt"]
    assert done.stdout.splitlines()[-1] == str([f"metabit.{name}" for name in light])


def test_run_leaves_warnings_as_they_were() -> None:
    import warnings

    before = warnings.showwarning
    run(["--version"])
    assert warnings.showwarning is before
