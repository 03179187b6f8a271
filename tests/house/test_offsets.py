"""docs/FORMAT.md and the C core name the same byte offsets, and C has them in one file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from metabit.edge_runtime import sources

FORMAT = (Path(__file__).parents[2] / "docs/FORMAT.md").read_text(encoding="utf-8")
OFFSETS = (sources() / "src/file/offsets.h").read_text(encoding="utf-8")

#: The end of a table's heading in FORMAT.md, the prefix of its names in C, and names of C that are
#: no row of the table: where it ends, and parts of a row.
TABLES = {
    "header field |": ("HEADER_", {"HEADER_BYTES"}),
    "entry field |": ("ENTRY_", {"ENTRY_BYTES"}),
    "what the network is": ("NETWORK_", set()),
    "what a device needs to continue learning": ("LEARN_", set()),
    "a head that learns from one sample to the next": ("HEAD_", {"HEAD_VALUES"}),
    "how it is to learn where nobody says otherwise": ("GOAL_", {"GOAL_BYTES"}),
    "what makes samples of raw frames": ("FRONT_", set()),
    "## State image": ("STATE_", set()),
}
#: Reads or writes a number, or checks zeros, at a place that is written as a number.
BARE = re.compile(r"\b(?:u32|f32|put|all_zero)\((?:[^();]|\([^();]*\))*?[,+] *\d+u?[,)]")


def of_format(heading: str) -> list[int]:
    """First column of the table that follows a heading."""
    rows = FORMAT.split(heading)[1].split("\n|---")[1].split("\n\n")[0].splitlines()[1:]
    return [
        int(cells[1]) for cells in (row.split("|") for row in rows) if cells[1].strip().isdigit()
    ]


def of_c(prefix: str, beside: set[str]) -> list[int]:
    """Values of the enumerators with a prefix that no longer prefix explains."""
    names = re.findall(rf"^    ({prefix}(?!RECORD_)\w+) = (\d+),", OFFSETS, re.M)
    return [int(value) for name, value in names if name not in beside]


@pytest.mark.parametrize("heading", TABLES)
def test_c_has_the_offsets_of_the_page_in_their_order(heading: str) -> None:
    offsets = of_format(heading)
    assert len(offsets) >= 4
    assert of_c(*TABLES[heading]) == offsets


def test_no_other_file_of_the_core_has_an_offset_in_it() -> None:
    files = [*(sources() / "src/file").glob("*.c"), sources() / "src/model/state.c"]
    bare = [
        f"{path.name}: {line.strip()}"
        for path in files
        for line in path.read_text(encoding="utf-8").splitlines()
        if BARE.search(line)
    ]
    assert bare == []


def test_a_bare_offset_is_seen() -> None:
    assert BARE.search("    info->n_banks = u32(b, at + 4);")
    assert BARE.search("    put(header, 16, model->identity);")
    assert BARE.search("    v->rms_rate = f32(b, (uint32_t)at + 16);")
    assert not BARE.search("    info->n_banks = u32(b, at + NETWORK_N_BANKS);")
