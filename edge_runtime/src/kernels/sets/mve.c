/* mve.c: 8-bit inputs on microcontrollers with MVE (Helium), such as Cortex-M55; the rest is
 * swar.c's.
 *
 * A half-word of weights is a predicate: one instruction adds up those inputs, of 16, whose weight
 * is +1. Inputs stay in registers while rows go by. With z the zero point, the distances of inputs
 * above z and of inputs below z are bytes, and are added up one after the other; the second pass is
 * left out where no input is below.
 */
#if defined(__GNUC__) && defined(__ARM_FEATURE_MVE)

#include "../scalar.h"
#include "swar.h"

#include <arm_mve.h>

#define INLINE static inline __attribute__((always_inline))

#define BLOCK_WORDS 4u /* of a row at once: 8 registers of inputs */

/* How inputs become distances from the zero point. */
typedef struct inputs {
    const uint8_t *x;
    uint32_t n;
    uint8x16_t flip, zero; /* of inputs as uint8 */
    bool below;            /* distances below zero, not above */
} inputs;

/* Distances of 16 inputs from input `first`, 0 after the last. */
INLINE uint8x16_t take(const inputs *in, uint32_t first) {
    const mve_pred16_t there = vctp8q(first < in->n ? in->n - first : 0);
    uint8x16_t x = veorq_u8(vldrbq_z_u8(in->x + first, there), in->flip);
    x = vpselq_u8(x, in->zero, there);
    return in->below ? vqsubq_u8(in->zero, x) : vqsubq_u8(x, in->zero);
}

INLINE uint32_t add_where_set(uint32_t sum, uint32_t word, uint8x16_t first, uint8x16_t second) {
    sum = vaddvaq_p_u8(sum, first, (mve_pred16_t)word);
    return vaddvaq_p_u8(sum, second, (mve_pred16_t)(word >> 16));
}

/* Words w to w + n of every row, n at most BLOCK_WORDS and known to the compiler: `factor` times
 * the sum where the weight is +1 onto sums. Returns the sum of all. */
INLINE uint32_t add_words(int32_t *sums, const mb_matrix *weights, const inputs *in, uint32_t w,
                          uint32_t n, int32_t factor) {
    const uint32_t *row = (const uint32_t *)(const void *)weights->bytes + w;
    uint8x16_t x[2u * BLOCK_WORDS];
    uint32_t total = 0;
    for (uint32_t i = 0; i < 2u * n; i++) {
        x[i] = take(in, 32u * w + 16u * i);
        total = vaddvaq_u8(total, x[i]);
    }
    if (total == 0) {
        return 0;
    }
    for (uint32_t j = 0; j < weights->n_out; j++, row += weights->words) {
        uint32_t sum = 0;
        for (uint32_t i = 0; i < n; i++) {
            sum = add_where_set(sum, row[i], x[2u * i], x[2u * i + 1u]);
        }
        sums[j] += factor * (int32_t)sum;
    }
    return total;
}

/* All words. Returns the sum of all inputs' distances. */
static uint32_t add_rows(int32_t *sums, const mb_matrix *weights, const inputs *in,
                         int32_t factor) {
    uint32_t w = 0, total = 0;
    for (; w + BLOCK_WORDS <= weights->words; w += BLOCK_WORDS) {
        total += add_words(sums, weights, in, w, BLOCK_WORDS, factor);
    }
    for (; w < weights->words; w++) {
        total += add_words(sums, weights, in, w, 1, factor);
    }
    return total;
}

static void dense_bytes(int32_t *sums, const mb_matrix *weights, const uint8_t *x,
                        mb_as_uint8 type) {
    if (weights->layout != MB_ROWS) {
        mb_dense_bytes_scalar(sums, weights, x, type);
        return;
    }
    for (uint32_t j = 0; j < weights->n_out; j++) {
        sums[j] = 0;
    }
    inputs in = {x, weights->n_in, vdupq_n_u8((uint8_t)type.flip), vdupq_n_u8((uint8_t)type.zero),
                 false};
    const uint32_t above = add_rows(sums, weights, &in, 2);
    in.below = true;
    const uint32_t below = add_rows(sums, weights, &in, -2);
    /* With P the sum of x - z where the weight is +1 and T the sum of all x - z, the result is
     * P - (T - P) = 2 P - T. */
    const int32_t total = (int32_t)(above - below);
    for (uint32_t j = 0; j < weights->n_out; j++) {
        sums[j] -= total;
    }
}

static bool runs(void) { return true; }

const mb_kernels mb_kernels_mve = {
    .name = "mve",
    .runs = runs,
    .dense_bits = mb_dense_bits_swar,
    .dense_bytes = dense_bytes,
    .bits_by_threshold = mb_bits_by_threshold_swar,
    .bits_by_norm = mb_bits_by_norm_scalar,
    .back = mb_back_scalar,
    .pass_norm = mb_pass_norm_scalar,
    .inverse_roots = mb_inverse_roots_scalar,
    .draw = mb_draw_scalar,
};

#else
typedef int mb_no_mve; /* a file of ISO C is not empty */
#endif
