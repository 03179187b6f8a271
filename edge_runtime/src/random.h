/* random.h: random numbers, inline because learning draws a few thousand a step.
 *
 * The generator is xoshiro128++ (Blackman and Vigna 2019). A learning run replays exactly, so the order
 * of draws is part of the specification, as much as the arithmetic.
 */
#ifndef MB_RANDOM_H
#define MB_RANDOM_H

#include <stdint.h>

/* round(2^26 * log2(1 + i / 64)), i in 0...64 */
extern const uint32_t mb_log2_table[65];

static inline uint32_t mb_rotate_left(uint32_t x, unsigned k) { return x << k | x >> (32u - k); }

/* 32 uniform bits. */
static inline uint32_t mb_random(uint32_t s[4]) {
    uint32_t result = mb_rotate_left(s[0] + s[3], 7) + s[0];
    uint32_t t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = mb_rotate_left(s[3], 11);
    return result;
}

static inline uint32_t mb_leading_zeros(uint32_t x) {
#if defined(__GNUC__)
    return (uint32_t)__builtin_clz(x); /* one instruction on most processors; x is not 0 here */
#else
    uint32_t zeros = 0;
    for (; !(x & 0x80000000u); x <<= 1) {
        zeros++;
    }
    return zeros;
#endif
}

/* -log2(u) in 6.26 fixed point for u = r / 2^32; linear between 64 points, error below 5e-5. */
static inline uint32_t mb_minus_log2(uint32_t r) {
    r |= (uint32_t)(r == 0);
    uint32_t zeros = mb_leading_zeros(r);
    uint32_t fraction = (r << zeros) & 0x7fffffffu; /* u = (1 + fraction / 2^31) * 2^-(zeros + 1) */
    uint32_t i = fraction >> 25;
    uint32_t between = (fraction >> 9) & 0xffffu;
    uint32_t step = mb_log2_table[i + 1u] - mb_log2_table[i];
    uint32_t log2_1f = mb_log2_table[i] + (uint32_t)(((uint64_t)step * between) >> 16);
    return ((zeros + 1u) << 26) - log2_1f;
}

/* A geometric random variable: how many Bernoulli trials fail before the first success.
 * `scale` comes from mb_skip_scale(p); the result, floor(log(u) / log(1 - p)), is below 2^26. */
static inline uint32_t mb_random_skip(uint32_t state[4], uint32_t scale) {
    return (uint32_t)(((uint64_t)mb_minus_log2(mb_random(state)) * scale) >> 38);
}

#endif /* MB_RANDOM_H */
