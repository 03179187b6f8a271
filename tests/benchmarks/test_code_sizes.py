"""`make sizes` prints a row per function, and what changed."""

from __future__ import annotations

from benchmarks.machine_code.code_sizes import CORES, ROOT, lines, sizes_of


def test_every_public_call_has_a_size_on_a_core() -> None:
    sizes = sizes_of(ROOT / "edge_runtime", CORES["Cortex-M4F"])
    assert {"mb_open", "mb_predict", "mb_learn", "(constants)"} <= sizes.keys()
    assert all(n_bytes > 0 for n_bytes in sizes.values())


def test_rows_show_what_grew_came_and_went() -> None:
    now = {"M4": {"f": 1200, "new": 10}, "M7": {"f": 90}}
    before = {"M4": {"f": 1100, "old": 4}, "M7": {"f": 90}}
    assert [" ".join(line.split()) for line in lines(now, before)] == [
        "M4 M7",
        "f 1,200 (+100) 90",
        "new 10 (+10) -",
        "old - (-4) -",
        "total 1,210 (+106) 90",
    ]
