/* floats.c: float arithmetic that is made of integers, beside this processor's own.
 *
 *   floats N        N pairs of numbers, half of them where rounding or the range ends
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../edge_runtime/src/arith.h"

/* As for a core without a floating-point unit, whatever this one has. */
#undef __ARM_FP
#undef __arm__
#undef __aarch64__
#undef __riscv_flen
#include "../../firmware_sim/firmware/soft_float.c"

static uint64_t state = 88172645463325252u;

static uint32_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

/* A number: any bits, near 1, near either end of the range, or with a mantissa of few bits. */
static uint32_t number(void) {
    uint32_t bits = draw(), sign = bits & SIGN, few = bits & 7u;
    switch (draw() % 8u) {
    case 0:
        return bits;
    case 1:
        return (bits & (SIGN | FRACTION)) | (124u + draw() % 6u) << 23;
    case 2:
        return bits & (SIGN | ONE | FRACTION);
    case 3:
        return (bits & (SIGN | ONE | FRACTION)) ^ 0x7f000000u;
    case 4:
        return sign | (draw() % 256u << 23) | (few & 1u ? FRACTION - few : 0u);
    case 5:
        return sign | (0x3f800000u + draw() % 64u - 32u);
    case 6:
        return sign | (draw() % 256u << 23) | (few & 1u) << 22 | few;
    default:
        return (bits & (SIGN | FRACTION)) | (100u + draw() % 40u) << 23;
    }
}

static float as_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static int same(uint32_t ours, float theirs) {
    uint32_t bits;
    memcpy(&bits, &theirs, sizeof bits);
    return theirs != theirs ? ours == NO_NUMBER : ours == bits;
}

static int pair_agrees(uint32_t a, uint32_t b) {
    volatile float x = as_float(a), y = as_float(b);
    volatile float sum = x + y, difference = x - y, times = x * y;
    return same(__addsf3(a, b), sum) && same(__subsf3(a, b), difference) &&
           same(__mulsf3(a, b), times) && (__ltsf2(a, b) < 0) == (x < y) &&
           (__lesf2(a, b) <= 0) == (x <= y) && (__gtsf2(a, b) > 0) == (x > y) &&
           (__gesf2(a, b) >= 0) == (x >= y) && (__eqsf2(a, b) == 0) == (x == y) &&
           (__nesf2(a, b) != 0) == (x != y) && (__unordsf2(a, b) != 0) == (x != x || y != y) &&
           same(__floatsisf((int32_t)a), (float)(int32_t)a) && same(__floatunsisf(b), (float)b);
}

int main(int argc, char **argv) {
    long n = argc > 1 ? atol(argv[1]) : 0;
    for (long i = 0; i < n; i++) {
        uint32_t a = number(), b = i % 16 == 0 ? a ^ (draw() & (SIGN | 1u)) : number();
        if (!pair_agrees(a, b)) {
            printf("%08x and %08x: sum %08x, product %08x\n", a, b, __addsf3(a, b), __mulsf3(a, b));
            return 1;
        }
        uint32_t root = (a & ~SIGN) % INFINITE;
        float wanted = root < ONE ? 0.0f : sqrtf(as_float(root));
        if (!same(mb_float_bits(mb_sqrt(as_float(root))), wanted)) {
            printf("root of %08x: %08x\n", root, mb_float_bits(mb_sqrt(as_float(root))));
            return 1;
        }
    }
    puts("the same bits");
    return 0;
}
