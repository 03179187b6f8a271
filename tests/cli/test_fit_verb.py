"""`metabit fit` refuses what it cannot do before it reads a sample."""

from __future__ import annotations

from pathlib import Path

import pytest

from metabit.cli.progress import FitBar
from metabit.errors import InputError
from metabit.fitting.units import parse_micro

from .conftest import Cli


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["digits", "--ram", "sixty"], "E-SIZE"),
        (["digits", "--ram", "0"], "E-SIZE"),
        (["digits", "--latency", "5ms"], "E-USAGE"),
        (["digits", "--board", "nrf5284"], "E-BOARD"),
        (["digits", "--board", "nrf52840", "--latency", "5 MiB"], "E-SIZE"),
        (["digits", "--label", "class"], "E-USAGE"),
        (["digit"], "E-DATA-READ"),
        (["recipes/digits-tiny.toml"], "E-FIT-DATA"),
    ],
)
def test_a_wrong_question_is_refused_at_once(
    cli: Cli, args: list[str], code: str, tmp_path: Path
) -> None:
    done = cli("fit", *args, "-o", tmp_path / "out")
    done.refused(2, code)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("5ms", "s", 5000.0), ("800 us", "s", 800.0), ("0.1s", "s", 1e5), ("1.5mJ", "J", 1500.0)],
)
def test_time_and_energy_are_read_as_people_write_them(text: str, unit: str, value: float) -> None:
    assert parse_micro(text, unit, "5ms") == pytest.approx(value)


@pytest.mark.parametrize("text", ["5", "ms", "0ms", "-1ms", "5mJ", "5 minutes"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_micro(text, "s", "5ms")
    assert caught.value.code == "E-SIZE"


def test_one_bar_shows_one_race_after_another(capsys: pytest.CaptureFixture[str]) -> None:
    with FitBar() as bar:
        for _ in range(2):
            bar.of([(3, 10)]).planned(3, 0)
            bar.run_started(1, [20], 0)
    said = capsys.readouterr().err
    assert said.count("stage 1 of 1: 3 trainings of 10 steps") == 2
    assert said.count("training the best of them on all samples") == 2
