"""What llvm-mca says of the instructions that a kernel executes: a second opinion beside our model.

Wants llvm-mca 19 or newer, the first that has all these cores; the path of another one in
METABIT_LLVM_MCA. Jumps are left out, and caches have everything.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
from typing import Any

from metabit.firmware_sim.cost.counting import decoder

#: Cores of which LLVM has a model: what it calls them. The Neoverse N1 is the A76 of servers.
MODELS = {
    "cortex-a53": "cortex-a53", "cortex-a72": "cortex-a72", "cortex-a76": "neoverse-n1",
    "cortex-m3": "cortex-m3", "cortex-m33": "cortex-m33", "cortex-m4f": "cortex-m4",
    "cortex-m55": "cortex-m55", "cortex-m7": "cortex-m7",
}  # fmt: skip
_TRIPLES = {"thumb": "thumbv8.1m.main-none-eabihf", "aarch64": "aarch64-none-elf"}
_JUMP = re.compile(r"(b|bl|bx|blx|cbn?z|tbn?z|br|blr|ret|it[te]*)(\.?[a-z]{2})?(\.[nw])?|pop.*pc.*")


def program() -> str | None:
    """The path of llvm-mca, or None."""
    return os.environ.get("METABIT_LLVM_MCA") or shutil.which("llvm-mca-19")


def cycles(core: str, isa: str, executed: list[str]) -> int | None:
    """Cycles of executed instructions, one after the other; None where LLVM has no model."""
    mca = program()
    if mca is None or core not in MODELS:
        return None
    done = subprocess.run(
        [mca, f"-mtriple={_TRIPLES[isa]}", f"-mcpu={MODELS[core]}", "-iterations=1",
         "-instruction-info=false", "-resource-pressure=false"],
        input="\n".join(executed), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = re.search(r"Total Cycles:\s+(\d+)", done.stdout)
    assert found is not None, done.stdout
    return int(found[1])


class Trace:
    """Writes down what a core executes, without jumps, as assembly.

    Args:
        uc: the emulated core.
        isa: of it.

    Attributes:
        executed: the instructions so far.
    """

    def __init__(self, uc: Any, isa: str) -> None:
        self.executed: list[str] = []
        self._uc, self._decoder = uc, decoder(isa)  # type: ignore[arg-type]
        self._blocks: dict[tuple[int, int], list[str]] = {}
        uc.hook_add(importlib.import_module("unicorn").UC_HOOK_BLOCK, self._block)

    def _block(self, _uc: Any, address: int, n_bytes: int, _user: Any) -> None:
        key = (address, n_bytes)
        if key not in self._blocks:
            code = bytes(self._uc.mem_read(address, n_bytes))
            self._blocks[key] = [
                f"{name} {text}"
                for _, _, name, text in self._decoder.disasm_lite(code, address)
                if not _JUMP.fullmatch(name) and not _JUMP.fullmatch(f"{name} {text}")
            ]
        self.executed += self._blocks[key]
