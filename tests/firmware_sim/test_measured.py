"""What a board has measured: read strictly, and never set beside the estimate of something else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from metabit.errors import FormatError, MismatchError
from metabit.firmware_sim import boards
from metabit.firmware_sim.deploy.measured import beside, doubts, parse_measured
from metabit.firmware_sim.profile import Profile, profile

BOARD = "raspberry-pi-3b-plus"


def work(us: float) -> dict[str, Any]:
    """One kind of work, as the program prints it, of a board at 1.4 GHz."""
    return {
        "min_us": us * 0.9,
        "median_us": us,
        "cycles": us * 1400,
        "clock_mhz": {"median": 1400.0},
        "windows": 100,
    }


@pytest.fixture(scope="module")
def estimated(blob: bytes) -> Profile:
    return profile(blob, BOARD, learn="all")


@pytest.fixture
def printed(blob: bytes) -> Callable[..., bytes]:
    """What the program prints of the model, but for what is given."""

    def make(**changed: Any) -> bytes:
        answer = {
            "schema": "metabit/measured/1",
            "model_sha256": hashlib.sha256(blob).hexdigest(),
            "built_for": "aarch64",
            "choice": "learning all layers, 8-bit state",
            "samples_per_step": 1,
            "same_as_host": True,
            "machine": {"cpu_part": "0xd03", "governor": "performance", "throttled": "0"},
            "open": work(50.0),
            "predict": work(4.0),
            "learn": work(40.0),
        }
        return json.dumps(answer | changed).encode()

    return make


def test_the_ratio_is_measured_over_estimated_and_the_bar_is_looked_at(
    blob: bytes, estimated: Profile, printed: Callable[..., bytes]
) -> None:
    estimate = estimated.predict.estimate
    assert estimate is not None
    low, typical, high = estimate.microseconds
    for us, within in ((low * 0.9, False), (typical, True), (high * 1.1, False)):
        measured = parse_measured(printed(predict=work(us)), "here")
        rows = {row.kind: row for row in beside(measured, blob, estimated)}
        assert list(rows) == ["open", "predict", "learn"]
        assert rows["predict"].ratio == pytest.approx(us / typical)
        assert rows["predict"].cycles_ratio == pytest.approx(us * 1400 / estimate.cycles[1])
        assert rows["predict"].within == within


def test_what_was_not_measured_has_no_row(
    blob: bytes, estimated: Profile, printed: Callable[..., bytes]
) -> None:
    measured = parse_measured(printed(open=None, learn=None), "here")
    assert [row.kind for row in beside(measured, blob, estimated)] == ["predict"]


def test_without_a_doubt_none_is_said(printed: Callable[..., bytes]) -> None:
    assert doubts(parse_measured(printed(), "here"), boards.load(BOARD)) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"built_for": "armv7l"}, "built for armv7l"),
        ({"predict": work(4.0) | {"clock_mhz": {"median": 600.0}}}, "600 MHz"),
        ({"machine": {"cpu_part": "0xd08"}}, "measured on a cortex-a72"),
        ({"machine": {"governor": "ondemand"}}, "ondemand"),
        ({"machine": {"throttled": "50005"}}, "slowed down"),
    ],
)
def test_what_makes_the_two_differ_is_said(
    printed: Callable[..., bytes], changed: dict[str, Any], said: str
) -> None:
    (doubt,) = doubts(parse_measured(printed(**changed), "here"), boards.load(BOARD))
    assert said in doubt


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model_sha256": "0" * 64}, "another model"),
        ({"choice": "inference only"}, "inference only"),
    ],
)
def test_figures_of_something_else_are_refused(
    blob: bytes, estimated: Profile, printed: Callable[..., bytes], changed: dict[str, str],
    said: str,
) -> None:  # fmt: skip
    with pytest.raises(MismatchError, match=said) as caught:
        beside(parse_measured(printed(**changed), "here"), blob, estimated)
    assert caught.value.code == "E-MEASURED-OTHER"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b"1", b"[" * 100_000])
def test_what_no_program_printed_is_rejected(content: bytes) -> None:
    with pytest.raises(FormatError) as caught:
        parse_measured(content, "here")
    assert caught.value.code == "E-MEASURED"


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": "metabit/measured/2"},
        {"same_as_host": False},
        {"predict": None},
        {"machine": 3},
        *({"learn": work(us)} for us in (0.0, -1.0, float("nan"), float("inf"))),
    ],
)
def test_figures_that_cannot_be_are_rejected(
    printed: Callable[..., bytes], changed: dict[str, Any]
) -> None:
    with pytest.raises(FormatError, match="run it again on the board"):
        parse_measured(printed(**changed), "here")
