/* soft_float.c: float arithmetic on integers, for cores without a floating-point unit.
 *
 * Where a core has no instruction for it, the compiler calls these functions by these names. They
 * give what IEEE 754 says, rounded to the nearest and halves to even, so that every board has the
 * same bits; no exception is noted, and every NaN is the same one. The functions that compilers
 * bring are written for all widths at once and take about twice the instructions.
 *
 * Within, a mantissa fills 32 bits: its highest bit is bit 31, and bit 0 also stands for all that
 * was cut off below it. Exponents are biased by 127, as in the bits of a float.
 */
#include <stdint.h>

#if !defined(__ARM_FP) && !defined(__aarch64__) && !defined(__riscv_flen)

#define SIGN 0x80000000u
#define FRACTION 0x007fffffu
#define ONE 0x00800000u /* the bit of a mantissa that a float leaves out */
#define INFINITE 0x7f800000u
#define NO_NUMBER 0x7fc00000u

static inline uint32_t size_of(uint32_t a) { return a & ~SIGN; }

static inline uint32_t exponent_of(uint32_t a) { return a >> 23 & 0xffu; }

/* x shifted down by n, less than 32, with bit 0 for what is cut off. */
static inline uint32_t shifted(uint32_t x, uint32_t n) {
    return x >> n | (uint32_t)((x & ((1u << n) - 1u)) != 0);
}

/* Zero bits above the highest bit of x, which is not 0. */
static inline uint32_t leading_zeros(uint32_t x) {
#if defined(__riscv_zbb) || defined(__ARM_FEATURE_CLZ)
    return (uint32_t)__builtin_clz(x);
#else
    uint32_t n = 0;
    for (; x >> 24 == 0; x <<= 8) {
        n += 8u;
    }
    for (; x >> 31 == 0; x <<= 1) {
        n++;
    }
    return n;
#endif
}

/* Rounds a mantissa. A carry reaches the exponent, as it should. */
static inline uint32_t nearest(uint32_t exponent_bits, uint32_t mantissa) {
    uint32_t bits = exponent_bits + (mantissa >> 8);
    return bits + (uint32_t)((mantissa & 0xffu) + (bits & 1u) > 0x80u);
}

/* What is too large for a float, or so small that its exponent is 0. */
static uint32_t at_the_ends(int32_t exponent, uint32_t mantissa) {
    if (exponent >= 255) {
        return INFINITE;
    }
    uint32_t down = 1u + (uint32_t)-exponent;
    return nearest(0, down < 32u ? shifted(mantissa, down) : 1u);
}

static inline uint32_t packed(uint32_t sign, int32_t exponent, uint32_t mantissa) {
    if ((uint32_t)exponent - 1u >= 254u) {
        return sign | at_the_ends(exponent, mantissa);
    }
    return sign | nearest(((uint32_t)exponent - 1u) << 23, mantissa);
}

/* ---- sums ------------------------------------------------------------------------------------ */

/* The sum of two numbers, the larger first: its sign and exponent, both mantissas with the highest
 * bit in bit 30, by how many bits the smaller one lies lower, and whether it is taken off. */
static inline uint32_t add_aligned(uint32_t sign, uint32_t exponent, uint32_t a, uint32_t b,
                                   uint32_t lower, uint32_t takes_off) {
    b = lower < 31u ? shifted(b, lower) : 1u;
    if (!takes_off) {
        a += b;
        uint32_t up = a >> 31 ^ 1u;
        return packed(sign, (int32_t)(exponent + 1u - up), a << up);
    }
    a -= b;
    if (a == 0) {
        return 0;
    }
    uint32_t up = leading_zeros(a);
    return packed(sign, (int32_t)(exponent + 1u) - (int32_t)up, a << up);
}

/* The larger is no number or infinite, or the smaller has the exponent 0. */
static uint32_t add_special(uint32_t a, uint32_t b) {
    uint32_t large = size_of(a), small = size_of(b), differ = (a ^ b) & SIGN;
    if (large >= INFINITE) {
        return large > INFINITE || (small == INFINITE && differ) ? NO_NUMBER : a;
    }
    if (small == 0) {
        return large == 0 ? a & b : a;
    }
    if (large < ONE) { /* both are exact multiples of the least float */
        uint32_t sum = differ ? large - small : large + small;
        return sum == 0 ? 0 : (a & SIGN) | sum;
    }
    uint32_t exponent = exponent_of(a), mantissa = (a & FRACTION) | ONE;
    return add_aligned(a & SIGN, exponent, mantissa << 7, small << 7, exponent - 1u, differ);
}

static inline uint32_t add(uint32_t a, uint32_t b) {
    if (size_of(a) < size_of(b)) {
        uint32_t larger = b;
        b = a;
        a = larger;
    }
    uint32_t large = exponent_of(a), small = exponent_of(b);
    if (large == 255u || small == 0) {
        return add_special(a, b);
    }
    uint32_t above = ((a & FRACTION) | ONE) << 7, below = ((b & FRACTION) | ONE) << 7;
    return add_aligned(a & SIGN, large, above, below, large - small, (a ^ b) & SIGN);
}

/* ---- products -------------------------------------------------------------------------------- */

/* The upper 32 bits of the product of two mantissas of 24 bits, shifted up by 8 each. */
static inline uint32_t product(uint32_t a, uint32_t b) {
#if defined(__ARM_ARCH_6M__) /* products have 32 bits: of halves of 12 bits */
    uint32_t a_low = a & 0xfffu, b_low = b & 0xfffu;
    a >>= 12, b >>= 12;
    uint32_t middle = a * b_low + b * a_low;
    uint32_t low = a_low * b_low + ((middle & 0xfffu) << 12);
    uint32_t high = a * b + (middle >> 12) + (low >> 24);
    return high << 8 | (low >> 16 & 0xffu) | (uint32_t)((low & 0xffffu) != 0);
#else
    uint64_t whole = (uint64_t)(a << 8) * (b << 8);
    return (uint32_t)(whole >> 32) | (uint32_t)((uint32_t)whole != 0);
#endif
}

/* The product of two numbers: its sign, the sum of their exponents, and both mantissas. */
static inline uint32_t multiply_mantissas(uint32_t sign, int32_t exponents, uint32_t a,
                                          uint32_t b) {
    uint32_t mantissa = product(a, b), up = mantissa >> 31 ^ 1u;
    return packed(sign, exponents - 126 - (int32_t)up, mantissa << up);
}

/* One of them is no number or infinite, or has the exponent 0. */
static uint32_t multiply_special(uint32_t a, uint32_t b) {
    uint32_t sign = (a ^ b) & SIGN;
    a = size_of(a), b = size_of(b);
    if (a < b) {
        uint32_t larger = b;
        b = a;
        a = larger;
    }
    if (a >= INFINITE) {
        return a > INFINITE || b == 0 ? NO_NUMBER : sign | INFINITE;
    }
    if (b == 0 || a < ONE) { /* a product of two so small ones is nothing */
        return sign;
    }
    uint32_t up = leading_zeros(b) - 8u;
    int32_t exponents = (int32_t)(exponent_of(a) + 1u) - (int32_t)up;
    return multiply_mantissas(sign, exponents, (a & FRACTION) | ONE, b << up);
}

static inline uint32_t multiply(uint32_t a, uint32_t b) {
    uint32_t of_a = exponent_of(a), of_b = exponent_of(b);
    if (of_a - 1u >= 254u || of_b - 1u >= 254u) {
        return multiply_special(a, b);
    }
    return multiply_mantissas((a ^ b) & SIGN, (int32_t)(of_a + of_b), (a & FRACTION) | ONE,
                              (b & FRACTION) | ONE);
}

/* ---- comparisons, and integers --------------------------------------------------------------- */

static inline uint32_t unordered(uint32_t a, uint32_t b) {
    return (uint32_t)(size_of(a) > INFINITE || size_of(b) > INFINITE);
}

/* An integer that sorts as the float does; both zeros are 0. */
static inline int32_t order(uint32_t a) { return a & SIGN ? -(int32_t)size_of(a) : (int32_t)a; }

static inline uint32_t from_magnitude(uint32_t sign, uint32_t magnitude) {
    if (magnitude == 0) {
        return 0;
    }
    uint32_t up = leading_zeros(magnitude);
    return sign | nearest((157u - up) << 23, magnitude << up);
}

static inline uint32_t from_integer(int32_t x) {
    uint32_t bits = (uint32_t)x;
    return from_magnitude(bits & SIGN, x < 0 ? 0u - bits : bits);
}

/* ---- what compilers call --------------------------------------------------------------------- */

#if defined(__arm__)

uint32_t __aeabi_fadd(uint32_t a, uint32_t b);
uint32_t __aeabi_fsub(uint32_t a, uint32_t b);
uint32_t __aeabi_fmul(uint32_t a, uint32_t b);
uint32_t __aeabi_i2f(int32_t x);
uint32_t __aeabi_ui2f(uint32_t x);
uint32_t __aeabi_fcmpun(uint32_t a, uint32_t b);
uint32_t __aeabi_fcmpeq(uint32_t a, uint32_t b);
uint32_t __aeabi_fcmplt(uint32_t a, uint32_t b);
uint32_t __aeabi_fcmple(uint32_t a, uint32_t b);
uint32_t __aeabi_fcmpgt(uint32_t a, uint32_t b);
uint32_t __aeabi_fcmpge(uint32_t a, uint32_t b);

uint32_t __aeabi_fadd(uint32_t a, uint32_t b) { return add(a, b); }
uint32_t __aeabi_fsub(uint32_t a, uint32_t b) { return add(a, b ^ SIGN); }
uint32_t __aeabi_fmul(uint32_t a, uint32_t b) { return multiply(a, b); }
uint32_t __aeabi_i2f(int32_t x) { return from_integer(x); }
uint32_t __aeabi_ui2f(uint32_t x) { return from_magnitude(0, x); }
uint32_t __aeabi_fcmpun(uint32_t a, uint32_t b) { return unordered(a, b); }
uint32_t __aeabi_fcmpeq(uint32_t a, uint32_t b) { return !unordered(a, b) && order(a) == order(b); }
uint32_t __aeabi_fcmplt(uint32_t a, uint32_t b) { return !unordered(a, b) && order(a) < order(b); }
uint32_t __aeabi_fcmple(uint32_t a, uint32_t b) { return !unordered(a, b) && order(a) <= order(b); }
uint32_t __aeabi_fcmpgt(uint32_t a, uint32_t b) { return !unordered(a, b) && order(a) > order(b); }
uint32_t __aeabi_fcmpge(uint32_t a, uint32_t b) { return !unordered(a, b) && order(a) >= order(b); }

#else

uint32_t __addsf3(uint32_t a, uint32_t b);
uint32_t __subsf3(uint32_t a, uint32_t b);
uint32_t __mulsf3(uint32_t a, uint32_t b);
uint32_t __floatsisf(int32_t x);
uint32_t __floatunsisf(uint32_t x);
int __unordsf2(uint32_t a, uint32_t b);
int __eqsf2(uint32_t a, uint32_t b);
int __nesf2(uint32_t a, uint32_t b);
int __ltsf2(uint32_t a, uint32_t b);
int __lesf2(uint32_t a, uint32_t b);
int __gtsf2(uint32_t a, uint32_t b);
int __gesf2(uint32_t a, uint32_t b);

/* -1, 0 or 1 as a is below, equal to, or above b; `unknown` where one of them is no number. */
static inline int compare(uint32_t a, uint32_t b, int unknown) {
    int32_t of_a = order(a), of_b = order(b);
    return unordered(a, b) ? unknown : (of_a > of_b) - (of_a < of_b);
}

uint32_t __addsf3(uint32_t a, uint32_t b) { return add(a, b); }
uint32_t __subsf3(uint32_t a, uint32_t b) { return add(a, b ^ SIGN); }
uint32_t __mulsf3(uint32_t a, uint32_t b) { return multiply(a, b); }
uint32_t __floatsisf(int32_t x) { return from_integer(x); }
uint32_t __floatunsisf(uint32_t x) { return from_magnitude(0, x); }
int __unordsf2(uint32_t a, uint32_t b) { return (int)unordered(a, b); }
int __eqsf2(uint32_t a, uint32_t b) { return compare(a, b, 1); }
int __nesf2(uint32_t a, uint32_t b) { return compare(a, b, 1); }
int __ltsf2(uint32_t a, uint32_t b) { return compare(a, b, 1); }
int __lesf2(uint32_t a, uint32_t b) { return compare(a, b, 1); }
int __gtsf2(uint32_t a, uint32_t b) { return compare(a, b, -1); }
int __gesf2(uint32_t a, uint32_t b) { return compare(a, b, -1); }

#endif
#endif
