"""Instructions become the kinds of operations that cost models tell apart."""

from __future__ import annotations

import pytest

from metabit.firmware_sim.boards import Isa
from metabit.firmware_sim.cost.cores import SIMILAR
from metabit.firmware_sim.cost.counting import decoder
from metabit.firmware_sim.cost.operations import MachineOperation, operations


def decoded(isa: Isa, code: str) -> MachineOperation:
    disassembler = decoder(isa)
    disassembler.detail = True
    (made,) = operations(disassembler, isa, bytes.fromhex(code), 0x1000)
    return made


KINDS: list[tuple[Isa, str, str]] = [
    ("thumb", "0844", "alu"),  # add r0, r1
    ("thumb", "4843", "mul"),  # muls
    ("thumb", "a0fb0123", "mul_long"),  # umull
    ("thumb", "00fb0130", "mla"),  # mla
    ("thumb", "b0fbf1f0", "div"),  # udiv
    ("thumb", "0868", "load"),  # ldr
    ("thumb", "0878", "load_narrow"),  # ldrb
    ("thumb", "d1e90023", "load_pair"),  # ldrd
    ("thumb", "2de9f041", "store_many"),  # push
    ("thumb", "81ea7220", "shift_alu"),  # eor r0, r1, r2, ror #9
    ("thumb", "80fa40f0", "simd"),  # uadd8
    ("thumb", "70fb00f0", "simd_sum"),  # usad8
    ("thumb", "fee7", "branch"),
    ("thumb", "fed0", "branch"),
    ("thumb", "08bf", "skip"),  # it eq
    ("thumb", "30ee200a", "fp_add"),
    ("thumb", "80ee200a", "fp_div"),
    ("thumb", "91ed000a", "fp_load"),
    ("aarch64", "2000018b", "alu"),
    ("aarch64", "207c019b", "mul64"),
    ("aarch64", "207cc19b", "mul_high"),  # umulh
    ("aarch64", "2014c2ca", "shift_logic"),  # eor x0, x1, x2, ror #5
    ("aarch64", "2014428b", "shift_alu"),  # add x0, x1, x2, lsr #5
    ("aarch64", "200c028b", "shift_small"),  # add x0, x1, x2, lsl #3
    ("aarch64", "200040b9", "load"),
    ("aarch64", "200440a9", "load_pair"),  # ldp x0, x1
    ("aarch64", "2000c03d", "load_q"),
    ("aarch64", "2058204e", "vec_q"),  # cnt v0.16b
    ("aarch64", "2054094f", "vec_shift_q"),  # shl v0.16b
    ("aarch64", "2028211e", "fp_add"),
    ("aarch64", "2018211e", "fp_div"),
    ("aarch64", "c0035fd6", "branch"),
    ("riscv32", "33052500", "alu"),
    ("riscv32", "33052502", "mul"),
    ("riscv32", "03250500", "load"),
    ("riscv32", "8280", "jump"),  # ret
]


@pytest.mark.parametrize(("isa", "code", "kind"), KINDS)
def test_an_instruction_is_an_operation_of_its_kind(isa: Isa, code: str, kind: str) -> None:
    assert decoded(isa, code).kind == kind


def test_every_kind_leads_to_the_plainest_one() -> None:
    for kind in SIMILAR:
        way = [kind]
        while way[-1] != "alu":
            way.append(SIMILAR[way[-1]])
            assert len(set(way)) == len(way), f"in a ring: {way}"


def test_registers_of_an_address_are_told_from_data() -> None:
    made = decoded("thumb", "0868")  # ldr r0, [r1]
    assert (made.address, made.writes, made.base) == (("r1",), ("r0",), "")
    made = decoded("thumb", "51f8040b")  # ldr r0, [r1], #4
    assert (made.address, made.base) == (("r1",), "r1")
    made = decoded("aarch64", "2084c13c")  # ldr q0, [x1], #24
    assert (made.address, made.base) == (("x1",), "x1")
    made = decoded("riscv32", "03250500")  # lw a0, 0(a0)
    assert (made.address, made.writes) == (("a0",), ("a0",))


def test_words_of_a_list_are_counted() -> None:
    assert decoded("thumb", "2de9f041").words == 6
    assert decoded("aarch64", "200440a9").words == 2
