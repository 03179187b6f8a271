"""Instructions fall into the classes that the cost tables know."""

from __future__ import annotations

import pytest

from metabit.firmware_sim.boards import Isa
from metabit.firmware_sim.counting import CLASSES, Counts, decode, decoder, mean

THUMB = [
    ("0844", "alu", 0),  # add r0, r1
    ("4843", "mul", 0),  # muls r0, r1, r0
    ("a0fb0123", "mul", 0),  # umull r2, r3, r0, r1
    ("b0fbf1f0", "div", 0),  # udiv r0, r0, r1
    ("0868", "load", 0),  # ldr r0, [r1]
    ("d1e90023", "load", 1),  # ldrd r2, r3, [r1]
    ("0860", "store", 0),  # str r0, [r1]
    ("2de9f041", "store", 5),  # push {r4-r8, lr}
    ("bde8f081", "load", 5),  # pop {r4-r8, pc}
    ("fee7", "branch", 0),  # b .
    ("fed0", "branch", 0),  # beq .
    ("7047", "branch", 0),  # bx lr
    ("08b9", "branch", 0),  # cbnz r0
    ("21ea0300", "alu", 0),  # bic r0, r1, r3
    ("30ee200a", "fp_add", 0),  # vadd.f32 s0, s0, s1
    ("f4eec00a", "fp_add", 0),  # vcmpe
    ("20ee200a", "fp_mul", 0),  # vmul.f32
    ("80ee200a", "fp_div", 0),  # vdiv.f32
    ("b1eec00a", "fp_sqrt", 0),  # vsqrt.f32
    ("00ee100a", "fp_move", 0),  # vmov s0, r0
    ("91ed000a", "load", 0),  # vldr s0, [r1]
    ("2ded048b", "store", 3),  # vpush {d8, d9}
    ("08bf", "other", 0),  # it eq
]
AARCH64 = [
    ("2000018b", "alu", 0),  # add x0, x1, x1
    ("207c019b", "mul", 0),  # mul x0, x1, x1
    ("2008c19a", "div", 0),  # udiv
    ("200040b9", "load", 0),  # ldr w0, [x1]
    ("200400a9", "store", 1),  # stp x0, x1, [x1]
    ("c0035fd6", "branch", 0),  # ret
    ("20000054", "branch", 0),  # b.eq
    ("2028211e", "fp_add", 0),  # fadd s0, s1, s1
    ("2000221e", "fp_add", 0),  # scvtf s0, w1
    ("2008211e", "fp_mul", 0),  # fmul s0, s1, s1
    ("2018211e", "fp_div", 0),  # fdiv s0, s1, s1
    ("20c0211e", "fp_sqrt", 0),  # fsqrt s0, s1
    ("2000271e", "fp_move", 0),  # fmov s0, w1
    ("2058204e", "simd", 0),  # cnt v0.16b, v1.16b
    ("2000c03d", "load", 0),  # ldr q0, [x1]
    ("1f2003d5", "other", 0),  # nop
]


@pytest.mark.parametrize(
    ("isa", "code", "kind", "extra"),
    [("thumb", *row) for row in THUMB] + [("aarch64", *row) for row in AARCH64],
)
def test_an_instruction_falls_into_its_class(isa: Isa, code: str, kind: str, extra: int) -> None:
    block = decode(decoder(isa), isa, bytes.fromhex(code), 0x1000)
    assert dict(block.by_class) == {kind: 1}
    assert kind in CLASSES
    assert block.extra_words == extra


def test_the_mean_counts_a_class_that_only_some_runs_have() -> None:
    first = Counts({"alu": 4}, {"f": 4}, taken=2, extra_words=1)
    second = Counts({"alu": 2, "mul": 2}, {"g": 4})
    average = mean([first, second])
    assert average.by_class == {"alu": 3, "mul": 1}
    assert average.by_function == {"f": 2, "g": 2}
    assert (average.taken, average.extra_words, average.total) == (1, 0.5, 4)
