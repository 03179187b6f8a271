/* scalar.c: the kernels in plain C, a word at a time. The specification: every other kernel must
 * agree with these exactly. Sums are int32 and exact, so their order does not matter. */
#include "internal.h"
#include "kernels.h"

static uint32_t popcount32(uint32_t x) {
    x -= (x >> 1) & 0x55555555u;
    x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
    return (((x + (x >> 4)) & 0x0f0f0f0fu) * 0x01010101u) >> 24;
}

void mb_dense_bits_scalar(int32_t *sums, const uint32_t *weights, const uint32_t *x, uint32_t n_in,
                          uint32_t n_out) {
    uint32_t words = mb_words(n_in);
    for (uint32_t j = 0; j < n_out; j++, weights += words) {
        uint32_t differ = 0; /* padding bits are zero in both and never differ */
        for (uint32_t w = 0; w < words; w++) {
            differ += popcount32(weights[w] ^ x[w]);
        }
        sums[j] = (int32_t)n_in - 2 * (int32_t)differ;
    }
}

/* For four inputs, the sums of all sixteen subsets: entry n adds those whose bit in n is set.
 * Four values of at most 255 in size stay below 2^15. */
static void subset_sums(int16_t table[16], const int16_t x[4]) {
    table[0] = 0;
    for (uint32_t bit = 0; bit < 4; bit++) {
        for (uint32_t n = 0; n < 1u << bit; n++) {
            table[n + (1u << bit)] = (int16_t)(table[n] + x[bit]);
        }
    }
}

static int32_t centred(const uint8_t *x, uint32_t i, uint32_t is_signed, int32_t zero_point) {
    int32_t value = is_signed ? (int32_t)(x[i] ^ 0x80u) - 128 : (int32_t)x[i];
    return value - zero_point;
}

/* A column of 32 inputs at a time: eight tables of subset sums, then every row of weights needs only
 * eight look-ups a word instead of 32 additions. With P the sum where the bit is 1 and T the sum of
 * all inputs, the result is P - (T - P) = 2 P - T. */
void mb_dense_bytes_scalar(int32_t *sums, const uint32_t *weights, const uint8_t *x, uint32_t n_in,
                           uint32_t n_out, uint32_t is_signed, int32_t zero_point) {
    uint32_t words = mb_words(n_in);
    int32_t total = 0;
    for (uint32_t j = 0; j < n_out; j++) {
        sums[j] = 0;
    }
    for (uint32_t w = 0; w < words; w++) {
        int16_t table[8][16];
        for (uint32_t group = 0; group < 8; group++) {
            int16_t four[4];
            for (uint32_t i = 0; i < 4; i++) {
                uint32_t at = 32u * w + 4u * group + i;
                int32_t value = at < n_in ? centred(x, at, is_signed, zero_point) : 0;
                four[i] = (int16_t)value;
                total += value;
            }
            subset_sums(table[group], four);
        }
        const uint32_t *column = weights + w;
        for (uint32_t j = 0; j < n_out; j++, column += words) {
            uint32_t bits = *column;
            int32_t low = table[0][bits & 15u] + table[1][bits >> 4 & 15u] +
                          table[2][bits >> 8 & 15u] + table[3][bits >> 12 & 15u];
            int32_t high = table[4][bits >> 16 & 15u] + table[5][bits >> 20 & 15u] +
                           table[6][bits >> 24 & 15u] + table[7][bits >> 28];
            sums[j] += low + high;
        }
    }
    for (uint32_t j = 0; j < n_out; j++) {
        sums[j] = 2 * sums[j] - total;
    }
}

void mb_back_row_scalar(uint32_t *sums, const uint32_t *weights, int32_t error, uint32_t n_in) {
    uint32_t i = 0;
    for (; i + 32u <= n_in; i += 32u) {
        uint32_t bits = *weights++;
        for (uint32_t b = 0; b < 32u; b++) {
            sums[i + b] += (uint32_t)error & (0u - (bits >> b & 1u));
        }
    }
    for (uint32_t b = 0; i + b < n_in; b++) {
        sums[i + b] += (uint32_t)error & (0u - (*weights >> b & 1u));
    }
}
