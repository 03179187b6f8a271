"""Instruction counts by class: blocks are decoded once, and weighted by how often they ran."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metabit.firmware_sim.cost import phases
from metabit.firmware_sim.cost.phases import Phase

if TYPE_CHECKING:
    import capstone

    from metabit.firmware_sim.boards import Isa

#: Classes of instructions, in the order of reports.
CLASSES: dict[str, str] = {
    "alu": "integer arithmetic and logic",
    "mul": "integer multiply",
    "div": "integer divide",
    "load": "load",
    "store": "store",
    "branch": "branch, call, return",
    "fp_add": "float add, compare, convert",
    "fp_mul": "float multiply",
    "fp_div": "float divide",
    "fp_sqrt": "float square root",
    "fp_move": "float move",
    "simd": "vector",
    "other": "other",
}


@dataclass(frozen=True)
class Counts:
    """Instructions that ran, with those whose condition let them pass: they take a cycle too.

    Attributes:
        by_class: number by class, see `CLASSES`; those that did not occur are left out.
        by_function: number by the function that holds them.
        taken: jumps out of the straight line: taken branches, calls, and returns of any kind.
        misses: lines that a cache did not have, by its name; empty where nobody looked.
        cycles: of the core, while its caches have everything; None without a cost model.
        phases: what each layer took; of one command in their order, each as often as it came.
    """

    by_class: Mapping[str, float] = field(default_factory=dict)
    by_function: Mapping[str, float] = field(default_factory=dict)
    taken: float = 0
    misses: Mapping[str, float] = field(default_factory=dict)
    cycles: float | None = None
    phases: tuple[Phase, ...] = ()

    @property
    def total(self) -> float:
        """Instructions in all."""
        return sum(self.by_class.values())

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "total": self.total,
            "by_class": dict(self.by_class),
            "by_function": dict(self.by_function),
            "taken_branches": self.taken,
            "cache_misses": dict(self.misses),
            "phases": [vars(phase) for phase in self.phases],
        }


def mean(counts: list[Counts]) -> Counts:
    """Average of several runs."""
    n, cycles = len(counts), [c.cycles for c in counts]

    def average(tables: list[Mapping[str, float]]) -> dict[str, float]:
        keys = {key for table in tables for key in table}
        sums = {key: sum(table.get(key, 0) for table in tables) / len(tables) for key in keys}
        return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))  # largest first

    return Counts(
        average([c.by_class for c in counts]),
        average([c.by_function for c in counts]),
        sum(c.taken for c in counts) / n,
        average([c.misses for c in counts if c.misses]),
        None if None in cycles else sum(filter(None, cycles)) / n,
        phases.mean([c.phases for c in counts]),
    )


def together(counts: list[Counts]) -> Counts:
    """Sum of several runs; misses of those in which somebody looked."""
    n, average = len(counts), mean(counts)
    n_watched = sum(bool(c.misses) for c in counts)

    def times(table: Mapping[str, float], factor: int) -> dict[str, float]:
        return {key: value * factor for key, value in table.items()}

    return Counts(
        times(average.by_class, n),
        times(average.by_function, n),
        average.taken * n,
        times(average.misses, n_watched),
        None if average.cycles is None else average.cycles * n,
    )


def decoder(isa: Isa) -> capstone.Cs:
    """A disassembler for the board's instruction set."""
    import capstone

    if isa == "thumb":
        return capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    if isa == "riscv32":
        mode = capstone.CS_MODE_RISCV32 | capstone.CS_MODE_RISCVC
        return capstone.Cs(capstone.CS_ARCH_RISCV, mode)
    return capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_ARM)


@dataclass(frozen=True)
class Block:
    """What one straight line of code is made of."""

    by_class: Mapping[str, int]


def decode(disassembler: capstone.Cs, isa: Isa, code: bytes, address: int) -> Block:
    """Classify the instructions of a block."""
    classify = _CLASSIFY[isa]
    by_class: dict[str, int] = {}
    decoded = 0
    for _, size, mnemonic, operands in disassembler.disasm_lite(code, address):
        kind = classify(mnemonic, operands)
        by_class[kind] = by_class.get(kind, 0) + 1
        decoded += size
    assert decoded == len(code), f"cannot decode the code at {address:#x}"
    return Block(by_class)


# ---- Thumb -----------------------------------------------------------------------------------

_CONDITION = "(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?"
_THUMB_BRANCH = re.compile(f"(b|bl|bx|blx|cbz|cbnz|tbb|tbh){_CONDITION}")
_THUMB_SIMD = re.compile(r"u?[sq]?h?(add|sub)(8|16)|usada?8|sel")
_THUMB_FLOAT = (
    (re.compile(r"vldr|vldm|vpop"), "load"),
    (re.compile(r"vstr|vstm|vpush"), "store"),
    (re.compile(r"vdiv"), "fp_div"),
    (re.compile(r"vsqrt"), "fp_sqrt"),
    (re.compile(r"v(n?mul|n?ml[as]|fn?m[as])"), "fp_mul"),
    (re.compile(r"vmov|vmrs|vmsr"), "fp_move"),
)
_THUMB_OTHER = re.compile(r"it[te]*|nop|dsb|dmb|isb|bkpt|svc|cps.*|mrs|msr|udf|wf[ie]")


def _classify_thumb(mnemonic: str, _operands: str) -> str:
    name = mnemonic.partition(".")[0]
    if _THUMB_BRANCH.fullmatch(name):
        return "branch"
    if name.startswith("v"):
        return next((kind for pattern, kind in _THUMB_FLOAT if pattern.match(name)), "fp_add")
    if name.startswith(("ldr", "ldm", "pop")):
        # A load into the program counter is a return; its refill is counted as a taken branch.
        return "load"
    if name.startswith(("str", "stm", "push")):
        return "store"
    if name.startswith(("sdiv", "udiv")):
        return "div"
    if _THUMB_SIMD.match(name):
        return "simd"
    if name.startswith(("mul", "mla", "mls", "umul", "umla", "umaal", "smul", "smla", "smm")):
        return "mul"
    if _THUMB_OTHER.fullmatch(name):
        return "other"
    return "alu"


# ---- AArch64 ---------------------------------------------------------------------------------

_A64_BRANCH = re.compile(r"b|b\..+|bl|blr|br|ret|cbn?z|tbn?z")
_A64_SCALAR_FLOAT = re.compile(r"(^|[ ,])[sdh]\d+")
_A64_VECTOR = re.compile(r"v\d+\.|(^|[ ,])q\d+")
_A64_FLOAT = (
    (re.compile(r"fdiv"), "fp_div"),
    (re.compile(r"fsqrt"), "fp_sqrt"),
    (re.compile(r"fn?mul|fn?madd|fn?msub"), "fp_mul"),
    (re.compile(r"f?mov|fcsel"), "fp_move"),
)


def _classify_aarch64(mnemonic: str, operands: str) -> str:
    if _A64_BRANCH.fullmatch(mnemonic):
        return "branch"
    if mnemonic.startswith(("ld", "prfm")):
        return "load"
    if mnemonic.startswith(("st", "dc")):
        return "store"
    if _A64_VECTOR.search(operands):
        return "simd"
    if mnemonic[0] == "f" or mnemonic in ("scvtf", "ucvtf") or _A64_SCALAR_FLOAT.search(operands):
        return next((kind for pattern, kind in _A64_FLOAT if pattern.match(mnemonic)), "fp_add")
    if mnemonic in ("sdiv", "udiv"):
        return "div"
    if mnemonic.startswith(("mul", "madd", "msub", "mneg", "umul", "smul", "umadd", "smadd",
                            "umsub", "smsub", "umneg", "smneg")):  # fmt: skip
        return "mul"
    if mnemonic in ("nop", "isb", "dsb", "dmb", "brk", "hint", "mrs", "msr", "svc", "yield"):
        return "other"
    return "alu"


# ---- RISC-V ----------------------------------------------------------------------------------

_RISCV_BRANCH = re.compile(
    r"b(eq|ne|lt|ge|lez|gez|ltz|gtz|le|gt)?(u|z)?|j|jr|jal|jalr|ret|call|tail"
)
_RISCV_LOAD = re.compile(r"l(b|h|w)u?|lwsp|lr\.w")
_RISCV_STORE = re.compile(r"s(b|h|w)|swsp|sc\.w|amo.*")
_RISCV_OTHER = re.compile(r"csr.*|fence.*|ecall|ebreak|nop|unimp|wfi|mret")


def _classify_riscv(mnemonic: str, _operands: str) -> str:
    name = mnemonic.removeprefix("c.")
    for pattern, kind in (
        (_RISCV_BRANCH, "branch"),
        (_RISCV_LOAD, "load"),
        (_RISCV_STORE, "store"),
        (_RISCV_OTHER, "other"),
    ):
        if pattern.fullmatch(name):
            return kind
    if name.startswith("mul"):
        return "mul"
    return "div" if name.startswith(("div", "rem")) else "alu"


_CLASSIFY = {
    "thumb": _classify_thumb,
    "aarch64": _classify_aarch64,
    "riscv32": _classify_riscv,
}
