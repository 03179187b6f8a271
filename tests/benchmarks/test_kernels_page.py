"""docs/KERNELS.md says what the sources say."""

from __future__ import annotations

import re

from benchmarks.machine_code import kernel_sets
from metabit.edge_runtime import isa, sources


def test_the_page_is_made_from_the_sources_of_today() -> None:
    document = kernel_sets.DOCUMENT.read_text(encoding="utf-8")
    assert kernel_sets.render(document) == document, (
        "run `python -m benchmarks.machine_code.kernel_sets`"
    )


def test_every_file_of_a_kernel_set_is_in_a_build() -> None:
    files = {path.stem for path in (sources() / "src/kernels/sets").glob("*.c")} | {"scalar"}
    assert {name for build in kernel_sets.BUILDS for name in kernel_sets.sets_of(build)} == files


def test_the_sets_of_a_build_are_those_of_the_library_of_this_machine() -> None:
    assert list(isa.kernel_sets()) in [kernel_sets.sets_of(build) for build in kernel_sets.BUILDS]


def test_every_operator_of_the_contract_is_in_the_table() -> None:
    contract = (sources() / "src/kernels/kernels.h").read_text(encoding="utf-8")
    struct = contract.split("typedef struct mb_kernels {")[1].split("} mb_kernels;")[0]
    functions = set(re.findall(r"\(\*(\w+)\)\(", struct)) - {"runs"}
    assert functions == set(kernel_sets.OPERATORS)
