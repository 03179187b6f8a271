"""Instructions fall into the classes that the cost tables know."""

from __future__ import annotations

import pytest

from metabit.firmware_sim.boards import Isa
from metabit.firmware_sim.cost.counting import CLASSES, Counts, decode, decoder, mean

THUMB = [
    ("0844", "alu"),  # add r0, r1
    ("4843", "mul"),  # muls r0, r1, r0
    ("a0fb0123", "mul"),  # umull r2, r3, r0, r1
    ("b0fbf1f0", "div"),  # udiv r0, r0, r1
    ("0868", "load"),  # ldr r0, [r1]
    ("d1e90023", "load"),  # ldrd r2, r3, [r1]
    ("0860", "store"),  # str r0, [r1]
    ("2de9f041", "store"),  # push {r4-r8, lr}
    ("bde8f081", "load"),  # pop {r4-r8, pc}
    ("fee7", "branch"),  # b .
    ("fed0", "branch"),  # beq .
    ("7047", "branch"),  # bx lr
    ("08b9", "branch"),  # cbnz r0
    ("21ea0300", "alu"),  # bic r0, r1, r3
    ("30ee200a", "fp_add"),  # vadd.f32 s0, s0, s1
    ("f4eec00a", "fp_add"),  # vcmpe
    ("20ee200a", "fp_mul"),  # vmul.f32
    ("80ee200a", "fp_div"),  # vdiv.f32
    ("b1eec00a", "fp_sqrt"),  # vsqrt.f32
    ("00ee100a", "fp_move"),  # vmov s0, r0
    ("91ed000a", "load"),  # vldr s0, [r1]
    ("2ded048b", "store"),  # vpush {d8, d9}
    ("08bf", "other"),  # it eq
]
AARCH64 = [
    ("2000018b", "alu"),  # add x0, x1, x1
    ("207c019b", "mul"),  # mul x0, x1, x1
    ("2008c19a", "div"),  # udiv
    ("200040b9", "load"),  # ldr w0, [x1]
    ("200400a9", "store"),  # stp x0, x1, [x1]
    ("c0035fd6", "branch"),  # ret
    ("20000054", "branch"),  # b.eq
    ("2028211e", "fp_add"),  # fadd s0, s1, s1
    ("2000221e", "fp_add"),  # scvtf s0, w1
    ("2008211e", "fp_mul"),  # fmul s0, s1, s1
    ("2018211e", "fp_div"),  # fdiv s0, s1, s1
    ("20c0211e", "fp_sqrt"),  # fsqrt s0, s1
    ("2000271e", "fp_move"),  # fmov s0, w1
    ("2058204e", "simd"),  # cnt v0.16b, v1.16b
    ("2000c03d", "load"),  # ldr q0, [x1]
    ("1f2003d5", "other"),  # nop
]


@pytest.mark.parametrize(
    ("isa", "code", "kind"),
    [("thumb", *row) for row in THUMB] + [("aarch64", *row) for row in AARCH64],
)
def test_an_instruction_falls_into_its_class(isa: Isa, code: str, kind: str) -> None:
    block = decode(decoder(isa), isa, bytes.fromhex(code), 0x1000)
    assert dict(block.by_class) == {kind: 1}
    assert kind in CLASSES


def test_the_mean_counts_a_class_that_only_some_runs_have() -> None:
    first = Counts({"alu": 4}, {"f": 4}, taken=2, misses={"L1": 4}, cycles=30)
    second = Counts({"alu": 2, "mul": 2}, {"g": 4}, misses={"L1": 2}, cycles=10)
    average = mean([first, second])
    assert average.by_class == {"alu": 3, "mul": 1}
    assert average.by_function == {"f": 2, "g": 2}
    assert (average.taken, average.total, average.cycles) == (1, 4, 20)
    assert average.misses == {"L1": 3}
