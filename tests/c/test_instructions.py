"""The main kernels take as many instructions as is recorded: no more, and no fewer."""

from __future__ import annotations

from helpers.needed import give_up

from benchmarks.machine_code import callgrind, instructions


def test_the_counts_are_those_recorded() -> None:
    recorded = instructions.pinned()
    if callgrind.compiler() != recorded["compiler"]:
        give_up(
            f"counts are those of {recorded['compiler']}, not {callgrind.compiler()}; record them "
            "anew with `python -m benchmarks.machine_code.instructions --record`"
        )
    different = instructions.differences(instructions.measure(), recorded["counts"])
    assert different == [], (
        "instruction counts have changed; if they should have, record them with "
        "`python -m benchmarks.machine_code.instructions --record` and say so in the commit"
    )


def test_a_change_is_seen_both_ways_and_a_case_that_came_or_went() -> None:
    before = {"same": 1000, "slower": 1000, "faster": 1000, "gone": 5}
    now = {"same": 1019, "slower": 1021, "faster": 979, "new": 5}
    assert instructions.differences(now, before) == [
        "faster: 1,000 -> 979 (-2.1%)",
        "gone: gone",
        "new: new",
        "slower: 1,000 -> 1,021 (+2.1%)",
    ]
