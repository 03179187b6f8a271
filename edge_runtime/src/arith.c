#include "arith.h"

#include "random.h"

typedef union float_bits {
    float number;
    uint32_t bits;
} float_bits;

uint32_t mb_float_bits(float x) {
    float_bits view;
    view.number = x;
    return view.bits;
}

float mb_bits_float(uint32_t bits) {
    float_bits view;
    view.bits = bits;
    return view.number;
}

float mb_pow2(int32_t n) { return mb_bits_float((uint32_t)(n + 127) << 23); }

int32_t mb_exponent(float x) { return (int32_t)(mb_float_bits(x) >> 23) - 127; }

float mb_sqrt(float x) {
    uint32_t bits = mb_float_bits(x);
    if ((int32_t)bits < 0x00800000) { /* negative, or below FLT_MIN */
        return 0.0f;
    }
#if defined(__GNUC__) && defined(__ARM_FP) && (__ARM_FP & 4) && !defined(__aarch64__)
    float hardware; /* rounds as IEEE 754 says, so as what follows does */
    __asm__("vsqrt.f32 %0, %1" : "=t"(hardware) : "t"(x));
    return hardware;
#else
    /* x = rest * 4^n * 2^-24 with rest / 2^24 in [1, 4). The root is found bit by bit, 24 bits and
     * one to round by; what is left to its square stays in `rest`, so nothing is lost. It never
     * lies halfway between two floats, since a square with the last bit set has 50 bits. */
    uint32_t exponent = bits >> 23, even = ~exponent & 1u; /* biased by 127 */
    uint32_t rest = ((bits & 0x007fffffu) | 0x00800000u) << (1u + even), root = 0;
    for (uint32_t bit = 1u << 24; bit > 0; bit >>= 1, rest <<= 1) {
        uint32_t square = 2u * root + bit;
        if (square <= rest) {
            rest -= square;
            root += bit;
        }
    }
    root += root & 1u;
    return mb_bits_float((root >> 1) + ((exponent + 125u - even) / 2u << 23));
#endif
}

float mb_exp(float x) {
    if (x < -69.0f) {
        return 0.0f;
    }
    /* e^x = 2^n * 2^f with n whole and |f| <= 1/2; the series of 2^f to the sixth power. */
    float t = x * 1.44269504f;
    int32_t n = (int32_t)(t - 0.5f);
    float f = t - (float)n;
    float y = 1.54035304e-4f;
    y = y * f + 1.33335581e-3f;
    y = y * f + 9.61812911e-3f;
    y = y * f + 5.55041087e-2f;
    y = y * f + 2.40226507e-1f;
    y = y * f + 6.93147181e-1f;
    y = y * f + 1.0f;
    return y * mb_pow2(n);
}

float mb_log(float x) {
    /* x = 2^n * m with m from 3/4 to 3/2; ln(m) is twice the area tangent of s, as a series. */
    int32_t n = mb_exponent(x);
    float m = x * mb_pow2(-n);
    if (m >= 1.5f) {
        m = m * 0.5f;
        n++;
    }
    float s = (m - 1.0f) / (m + 1.0f);
    float square = s * s;
    float y = 0.222222222f;
    y = y * square + 0.285714286f;
    y = y * square + 0.4f;
    y = y * square + 0.666666667f;
    y = y * square + 2.0f;
    return (float)n * 0.693147181f + y * s;
}

void mb_random_seed(uint32_t state[4], uint32_t seed) {
    for (int i = 0; i < 4; i++) { /* four distinct words */
        state[i] = mb_count_on(&seed);
    }
}
