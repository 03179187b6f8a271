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
    if (x < 1.17549435e-38f) {
        return 0.0f;
    }
    /* 1/sqrt from the halved exponent, three Newton steps; then x * (1/sqrt) is within 1 ulp or two. */
    float half = 0.5f * x;
    float inverse = mb_bits_float(0x5f375a86u - (mb_float_bits(x) >> 1));
    for (int i = 0; i < 3; i++) {
        inverse = inverse * (1.5f - (half * inverse) * inverse);
    }
    uint32_t root = mb_float_bits(x * inverse);
    uint32_t square = mb_float_bits(x);
    uint32_t m = (root & 0x007fffffu) | 0x00800000u; /* root = m * 2^e, 24 bits */
    int32_t e = (int32_t)(root >> 23) - 150;
    uint64_t mx = (square & 0x007fffffu) | 0x00800000u; /* x = mx * 2^ex */
    int32_t ex = (int32_t)(square >> 23) - 150;
    /* Correctly rounded means (m - 1/2)^2 < x / 4^e < (m + 1/2)^2: decided in integers. */
    uint64_t target = mx << (ex - 2 * e + 2);
    while ((uint64_t)(2u * m + 1u) * (2u * m + 1u) < target) {
        m++;
    }
    while ((uint64_t)(2u * m - 1u) * (2u * m - 1u) > target) {
        m--;
    }
    return (float)m * mb_pow2(e);
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

void mb_random_seed(uint32_t state[4], uint32_t seed) {
    for (int i = 0; i < 4; i++) { /* a counter through an avalanche mixer: four distinct words */
        seed += 0x9e3779b9u;
        uint32_t z = seed;
        z = (z ^ (z >> 16)) * 0x85ebca6bu;
        z = (z ^ (z >> 13)) * 0xc2b2ae35u;
        state[i] = z ^ (z >> 16);
    }
}

/* round(2^26 * log2(1 + i / 64)) */
const uint32_t mb_log2_table[65] = {
    0u,        1501079u,  2979239u,  4435170u,  5869532u,  7282953u,  8676036u,  10049359u,
    11403474u, 12738911u, 14056177u, 15355762u, 16638134u, 17903742u, 19153019u, 20386381u,
    21604229u, 22806948u, 23994909u, 25168470u, 26327977u, 27473761u, 28606143u, 29725435u,
    30831934u, 31925930u, 33007703u, 34077521u, 35135648u, 36182335u, 37217828u, 38242363u,
    39256169u, 40259469u, 41252479u, 42235408u, 43208457u, 44171825u, 45125701u, 46070271u,
    47005714u, 47932205u, 48849915u, 49759007u, 50659643u, 51551977u, 52436163u, 53312346u,
    54180672u, 55041278u, 55894303u, 56739877u, 57578130u, 58409188u, 59233172u, 60050204u,
    60860398u, 61663868u, 62460725u, 63251078u, 64035030u, 64812686u, 65584145u, 66349506u,
    67108864u,
};

uint32_t mb_skip_scale(float p) {
    if (!(p >= 9.5367431640625e-7f)) {
        return 0;
    }
    /* -ln(1 - p) = 2 artanh(s) with s = p / (2 - p) <= 1/3; six terms leave 1e-7. */
    float s = p / (2.0f - p);
    float q = s * s;
    float y = 1.0f / 11.0f;
    y = y * q + 1.0f / 9.0f;
    y = y * q + 1.0f / 7.0f;
    y = y * q + 0.2f;
    y = y * q + 1.0f / 3.0f;
    y = y * q + 1.0f;
    y = (2.0f * s) * y;
    return (uint32_t)((0.693147181f / y) * 4096.0f);
}
