/* arith.h: square root, exponential and probabilities with the same bits everywhere.
 *
 * Only IEEE float32 addition, subtraction, multiplication and division are used, each rounded on
 * its own (strict.h), and integers. No libm, whose results differ by platform.
 */
#ifndef MB_ARITH_H
#define MB_ARITH_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "strict.h"

/* sqrt(x) correctly rounded, for finite x >= FLT_MIN; 0 below. */
float mb_sqrt(float x);

/* exp(x) for x <= 0, relative error below 4e-6; 0 below -69, so that no denormal number arises. */
float mb_exp(float x);

/* ln(x) for x from FLT_MIN to 2^126; error below 1e-6, or below 1e-6 of a result above 1. */
float mb_log(float x);

/* 2^n for -126 <= n <= 127. */
float mb_pow2(int32_t n);

/* floor(log2(x)) for finite x >= FLT_MIN. */
int32_t mb_exponent(float x);

static inline uint32_t mb_magnitude(int32_t value) {
    return (uint32_t)(value < 0 ? -value : value);
}

static inline float mb_absolute(float x) { return x < 0.0f ? -x : x; }

/* The bits of a float, and back. */
uint32_t mb_float_bits(float x);
float mb_bits_float(uint32_t bits);

/* The largest integer that is not above x; x must fit. */
static inline int32_t mb_floor(float x) {
    int32_t towards_zero = (int32_t)x;
    return (float)towards_zero > x ? towards_zero - 1 : towards_zero;
}

/* a / n rounded down; n > 0. */
static inline int32_t mb_floor_divide(int32_t a, int32_t n) {
    int32_t quotient = a / n;
    return a % n < 0 ? quotient - 1 : quotient;
}

/* x rounded to an integer, halves upward, between -limit and limit; -limit where x is no number. */
static inline int32_t mb_round_within(float x, int32_t limit) {
    float most = (float)limit, above = x > -most ? x : -most;
    return mb_floor((above < most ? above : most) + 0.5f);
}

/* x, or the nearer of two limits. */
static inline float mb_within(float x, float low, float high) {
    return x < low ? low : x > high ? high : x;
}

/* Whether x is a power of two from 2^-40 to 1: what a scale of integers may be. */
static inline bool mb_is_scale(float x) {
    uint32_t bits = mb_float_bits(x), exponent = bits >> 23;
    return (bits & 0x7fffffu) == 0 && exponent >= 127u - 40u && exponent <= 127u;
}

/* x >> bits, rounded down, for |x| <= 2^30; C99 leaves shifts of negative numbers to the
 * compiler. */
static inline int32_t mb_shift_down(int32_t x, uint32_t bits) {
    return (int32_t)((uint32_t)(x + (1 << 30)) >> bits) - ((1 << 30) >> bits);
}

/* Weight 2^-shift of the nth sample in a mean that is plain at first, but for rounding, and fades
 * over 2^slowest samples later; n >= 1. */
static inline uint32_t mb_fade_shift(uint32_t n, uint32_t slowest) {
    uint32_t shift = mb_bit_length(n - 1u);
    return shift < slowest ? shift : slowest;
}

/* That mean after a sample, rounded; neither is above 2^28 in size. */
static inline int32_t mb_fade(int32_t mean, int32_t value, uint32_t shift) {
    return mean + mb_shift_down(value - mean + ((1 << shift) >> 1), shift);
}

/* The largest size of a running value, within what the reader of states allows. */
#define MB_MOST 1e15f

/* A running value that is smaller becomes zero. */
#define MB_LEAST 1e-30f

/* A running value within its range; not a number becomes -MB_MOST. What is too small to matter
 * becomes zero, so that no denormal number arises, which some processors round to zero. */
static inline float mb_settled(float x) {
    x = x >= -MB_MOST ? x : -MB_MOST;
    x = x <= MB_MOST ? x : MB_MOST;
    return mb_absolute(x) < MB_LEAST ? 0.0f : x;
}

/* A running mean. */
static inline float mb_running_mean(float old, float value, float rate) {
    return mb_settled(old + rate * (value - old));
}

/* Fill a random generator's state from one seed; never all zero. random.h draws from it. */
void mb_random_seed(uint32_t state[4], uint32_t seed);

#endif /* MB_ARITH_H */
