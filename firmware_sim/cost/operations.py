"""Machine code as operations: what kind each one is, what it reads and what it writes.

A kind is what a cost model tells apart (`cores.SIMILAR` lists them): an operand that is shifted on
its way, a load of one register or of many, a vector of 64 or of 128 bits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metabit.firmware_sim.boards import Isa


@dataclass(frozen=True)
class MachineOperation:
    """One instruction, as a cost model sees it.

    Attributes:
        kind: key of `cores.SIMILAR`.
        reads: registers whose values it needs.
        address: the registers among them that an address is made of.
        shifted: the register among them that is shifted on its way; "" when none is.
        writes: registers that have its result.
        base: the address register that it also moves on; "" when it does not.
        words: registers that a load or store of several moves; 1 for all else.
        short: whether it has 16 bits.
        simple: whether it is one of those that start beside another on a core that pairs few.
    """

    kind: str
    reads: tuple[str, ...]
    address: tuple[str, ...] = ()
    shifted: str = ""
    writes: tuple[str, ...] = ()
    base: str = ""
    words: int = 1
    short: bool = False
    simple: bool = False


def operations(disassembler: Any, isa: Isa, code: bytes, address: int) -> list[MachineOperation]:
    """The operations of a block of code.

    Args:
        disassembler: of capstone, with details.
        isa: its instruction set.
        code, address: the block.
    """
    make = {"thumb": _thumb, "aarch64": _aarch64, "riscv32": _riscv}[isa]
    return [make(instruction) for instruction in disassembler.disasm(code, address)]


_LIST = re.compile(r"\{(.*)\}")
_BRACKETS = re.compile(r"\[([^\]]*)\]")
_SHIFT = re.compile(r"(\w+), (lsl|lsr|asr|ror|uxt\w|sxt\w)( #?(\d+|0x[0-9a-f]+))?$")


def _registers(instruction: Any) -> tuple[list[str], list[str]]:
    """Registers read and written, by one name each."""
    reads, writes = instruction.regs_access()
    name = instruction.reg_name
    return [_one_name(name(r)) for r in reads], [_one_name(name(r)) for r in writes]


def _one_name(register: str) -> str:
    """w3 and x3 are one register, and so are b3 to q3 and v3."""
    found = re.fullmatch(r"([wxbhsdqv])(\d+)", register)
    if found is None:
        return register
    return ("x" if found[1] in "wx" else "v") + found[2]


def _memory(text: str, writes: list[str]) -> tuple[tuple[str, ...], str]:
    """Registers of the address, and which of them is moved on; both empty without brackets."""
    found = _BRACKETS.search(text)
    if found is None:
        return (), ""
    inside = [_one_name(word) for word in re.findall(r"[a-z]+\d*", found[1])]
    address = tuple(w for w in inside if not re.fullmatch(r"lsl|lsr|asr|ror|uxt\w|sxt\w|vl", w))
    after = text[found.end() :]
    moved = after.startswith("!") or (after.startswith(",") and not after.startswith(", {"))
    return address, address[0] if moved and address and address[0] in writes else ""


# ---- Thumb -------------------------------------------------------------------------------------

_CONDITION = "(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?"
_THUMB = (
    (r"it[te]*|nop", "skip"),
    (rf"(b|bx|cbz|cbnz|tbb|tbh){_CONDITION}", "branch"),
    (rf"(bl|blx){_CONDITION}", "call"),
    (r"ldrd", "load_pair"),
    (r"strd", "store_pair"),
    (r"(ldm|pop).*", "load_many"),
    (r"(stm|push).*", "store_many"),
    (r"ldrs?[bh].*", "load_narrow"),
    (r"ldr.*|pld.*", "load"),
    (r"str.*", "store"),
    (r"vldr", "fp_load"),
    (r"vldm.*|vpop", "fp_load_many"),
    (r"vstr", "fp_store"),
    (r"vstm.*|vpush", "fp_store_many"),
    (r"vdiv", "fp_div"),
    (r"vsqrt", "fp_sqrt"),
    (r"v(n?ml[as]|fn?m[as])", "fp_mla"),
    (r"vn?mul", "fp_mul"),
    (r"vcvt.*", "fp_convert"),
    (r"vmov|vmrs|vmsr", "fp_move"),
    (r"v.*", "fp_add"),
    (r"[us]div", "div"),
    (r"u(mull|mlal|maal)|s(mull|mlal.*)", "mul_long"),
    (r"ml[as]|smla.*|smml[as]r?|smls.*", "mla"),
    (r"muls?|smul.*|smmulr?|smua.*|smus.*", "mul"),
    (r"usada?8", "simd_sum"),
    (r"[us]?[qh]?(add|sub)(8|16)|[us]h?(add|sub)(8|16)|sel|[us]xta?[bh](16)?", "simd"),
    (r"[us]bfx|bf[ic]|rev.*|rbit|clz", "field"),
    (r"(lsl|lsr|asr|ror)s?", "shift"),
    (r"dsb|dmb|isb|bkpt|svc|cps.*|mrs|msr|udf|wf[ie]", "other"),
)
_THUMB_KINDS = [(re.compile(pattern), kind) for pattern, kind in _THUMB]
_T1_SIMPLE = re.compile(r"(add|sub|mov)s?|[us]xt[bh]|it[te]*|nop|b.*|cbn?z")


def _thumb(instruction: Any) -> MachineOperation:
    name, text = instruction.mnemonic.partition(".")[0], instruction.op_str
    reads, writes = _registers(instruction)
    kind = _find_thumb(name)
    shifted = ""
    if kind in ("alu", "simd") and (found := _SHIFT.search(text)) is not None:
        kind, shifted = ("shift_alu" if kind == "alu" else kind), found[1]
    address, base = _memory(text, writes)
    words = 1
    if kind.endswith("_many"):
        words = _listed(text)
        address = tuple(reads[:1])
        base = address[0] if address and address[0] in writes else ""
    simple = _T1_SIMPLE.fullmatch(name) is not None and instruction.size == 2
    if name in ("add", "adds", "sub", "subs"):
        simple = simple and "#" in text
    return MachineOperation(
        kind, tuple(reads), address, shifted, tuple(writes), base, words,
        instruction.size == 2, simple,
    )  # fmt: skip


def _find_thumb(name: str) -> str:
    bare = re.sub(f"^(.+?){_CONDITION}$", r"\1", name)
    for candidate in (name, bare):
        for pattern, kind in _THUMB_KINDS:
            if pattern.fullmatch(candidate):
                return kind
    return "alu"


def _listed(text: str) -> int:
    """Words that a list of registers has."""
    found = _LIST.search(text)
    if found is None:
        return 1
    words = 0
    for part in found[1].split(","):
        first, _, last = part.strip().partition("-")
        n = int(last.strip()[1:]) - int(first[1:]) + 1 if last else 1
        words += n * (2 if first.startswith("d") else 1)
    return words


# ---- AArch64 -----------------------------------------------------------------------------------

_WIDE = re.compile(r"v\d+\.(16b|8h|4s|2d)|(^|[ ,\[{])q\d+")
_VECTOR = re.compile(r"v\d+\.|(^|[ ,\[{])[bhsdq]\d+")
_LANES = re.compile(r"v\d+\.")
_VECTOR_KINDS = (
    (r"s[rl]i", "vec_insert"),
    (r"(shl|[us]shl|[us]shr|shrn|[us]shll|[us]xtl|[us]rshr|sqshrn|rshrn)2?", "vec_shift"),
    (r"(u|s)mull2?|(u|s)mlal2?|(u|s)mlsl2?|mul|ml[as]|sqr?dmulh|pmull2?|[us]dot", "vec_mul"),
    (r"tb[lx]", "vec_table"),
    (r"(uzp|zip)[12]", "vec_zip"),
    (r"addv|[us]addlv|[us](max|min)v", "vec_reduce"),
    (r"[us]adalp|[us]aba|[us]sra", "vec_accumulate"),
)
_VECTOR_PATTERNS = [(re.compile(pattern), kind) for pattern, kind in _VECTOR_KINDS]
_A64_BRANCH = re.compile(r"b|b\..+|br|ret|cbn?z|tbn?z")
_LOGIC = ("and", "ands", "bic", "eor", "eon", "orr", "orn")


def _aarch64(instruction: Any) -> MachineOperation:
    name, text = instruction.mnemonic, instruction.op_str
    reads, writes = _registers(instruction)
    wide, vector = _WIDE.search(text) is not None, _VECTOR.search(text) is not None
    address, base = _memory(text, writes) if name.startswith(("ld", "st", "prf")) else ((), "")
    words, shifted = 1, ""
    if name.startswith(("ld", "prf", "st")):
        kind, words = _a64_memory(name, text, wide=wide, vector=vector)
    elif _A64_BRANCH.fullmatch(name) and name not in ("tbl", "tbx"):
        kind = "branch"
    elif name in ("bl", "blr"):
        kind = "call"
    elif vector:
        kind = _a64_vector(name, text, wide=wide)
    else:
        kind, shifted = _a64_integer(name, text)
    return MachineOperation(kind, tuple(reads), address, shifted, tuple(writes), base, words)


def _a64_memory(name: str, text: str, *, wide: bool, vector: bool) -> tuple[str, int]:
    """Kind of a load or a store, and its words: registers of vectors, or pairs of 64 bits."""
    verb = "load" if name.startswith(("ld", "prf")) else "store"
    registers = re.findall(r"(?:^|[ ,{])([wxbhsdqv]\d+)", text.split("[")[0])
    if vector:
        n = max(len(registers), 1)
        if wide:
            return (f"{verb}_q", 1) if n == 1 else (f"{verb}_q_many", n)
        return (f"fp_{verb}", 1) if n == 1 else (f"fp_{verb}_many", n)
    if name.startswith(("ldp", "stp", "ldnp", "stnp")):
        return (f"{verb}_pair", 2) if text[0] == "x" else (verb, 1)
    return verb, 1


def _a64_vector(name: str, text: str, *, wide: bool) -> str:
    """Kind of an operation on vector or float registers."""
    lanes = _LANES.search(text) is not None
    kind = "vec"
    if name in ("fdiv", "fsqrt"):
        return "fp_div" if name == "fdiv" else "fp_sqrt"
    if name[0] == "f" or name in ("scvtf", "ucvtf"):
        if name == "fmov" or (not lanes and name == "fcsel"):
            return "fp_move"
        if lanes and wide:
            return "vec_fp_q"
        if re.fullmatch(r"fn?mul\w?", name):
            return "fp_mul"
        if re.fullmatch(r"fn?m(add|sub)|fml[as]", name):
            return "fp_mla"
        return "fp_convert" if "cvt" in name else "fp_add"
    for pattern, found in _VECTOR_PATTERNS:
        if pattern.fullmatch(name):
            kind = found
            break
    if name in ("umov", "smov", "dup", "ins", "mov") and re.search(r"(^|[ ,])[wx]\d+", text):
        return "fp_move"
    if kind in ("vec_reduce", "vec_accumulate"):
        return kind
    if kind in ("vec_insert", "vec_table", "vec_zip"):
        return f"{kind}_q" if wide else ("vec_shift" if kind == "vec_insert" else "vec")
    return f"{kind}_q" if wide else kind


def _a64_integer(name: str, text: str) -> tuple[str, str]:
    """Kind of an operation on general registers, and its shifted operand."""
    long = text.startswith("x")
    if name in ("umulh", "smulh"):
        return "mul_high", ""
    if re.fullmatch(r"[us]m(ull|addl|subl|negl)", name):
        return "mul_long", ""
    if name in ("mul", "madd", "msub", "mneg"):
        return ("mul64" if long else "mul"), ""
    if name in ("udiv", "sdiv"):
        return ("div64" if long else "div"), ""
    if name in ("bfi", "bfxil", "bfm", "bfc"):
        return "field", ""
    if re.fullmatch(r"(lsl|lsr|asr|ror)v?|[us]bf\w+|[us]xt\w", name):
        return "shift", ""
    if name in ("isb", "dsb", "dmb", "brk", "mrs", "msr", "svc"):
        return "other", ""
    found = _SHIFT.search(text)
    if found is None or text.count(",") < 2:
        return "alu", ""
    if name in _LOGIC:
        return "shift_logic", _one_name(found[1])
    amount = int(found[4], 0) if found[4] else 0
    small = found[2] == "lsl" and amount <= 4
    return ("shift_small" if small else "shift_alu"), _one_name(found[1])


# ---- RISC-V ------------------------------------------------------------------------------------

_RISCV = (
    (r"b(eq|ne|lt|ge|gt|le)u?z?", "branch"),
    (r"j|jr|ret|tail", "jump"),
    (r"jal|jalr|call", "call"),
    (r"l[bh]u?", "load_narrow"),
    (r"lw|lwsp|lr\.w", "load"),
    (r"s[bhw]|swsp|sc\.w|amo.*", "store"),
    (r"mulh.*", "mul_long"),
    (r"mul", "mul"),
    (r"(div|rem)u?", "div"),
    (r"(sll|srl|sra|ror|rol)i?", "shift"),
    (r"csr.*|fence.*|ecall|ebreak|wfi|mret", "other"),
)
_RISCV_KINDS = [(re.compile(pattern), kind) for pattern, kind in _RISCV]


def _riscv(instruction: Any) -> MachineOperation:
    """Operands are taken from the text: the first is written, but by stores and branches."""
    name, text = instruction.mnemonic.removeprefix("c."), instruction.op_str
    kind = next((kind for pattern, kind in _RISCV_KINDS if pattern.fullmatch(name)), "alu")
    named = re.findall(r"\b(?:zero|ra|sp|gp|tp|[sat]\d+)\b", text)
    inside = re.search(r"\((\w+)\)", text)
    address = (inside[1],) if inside else ()
    if kind in ("store", "branch", "jump", "other"):
        return MachineOperation(kind, tuple(named), address, short=instruction.size == 2)
    if kind == "call":
        return MachineOperation(kind, tuple(named[1:]), address, writes=("ra",))
    two_operands = instruction.mnemonic.startswith("c.") and not address and len(named) > 0
    reads = named if two_operands and name not in ("li", "lui", "mv") else named[1:]
    return MachineOperation(
        kind, tuple(reads), address, writes=tuple(named[:1]), short=instruction.size == 2
    )
