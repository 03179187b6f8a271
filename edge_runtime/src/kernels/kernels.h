/* kernels.h: the inner loops. scalar.c is the specification of what they compute; every other file
 * here is one instruction set, and list.h says which of them a build has.
 *
 * A kernel set reads only its arguments, so one library serves several models with different sets
 * at once. Sums are exact integers: their order does not matter.
 */
#ifndef MB_KERNELS_H
#define MB_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../strict.h"

/* How a matrix of packed weights (n_out, n_in) lies in memory. */
enum mb_layout {
    MB_ROWS = 0,        /* row after row, as a .mbit file has it */
    MB_WORD_PANELS = 1, /* 16 rows together, word by word: (n_out / 16, words, 16) uint32 */
    MB_BYTE_PANELS = 2, /* 32 rows together, byte by byte: (n_out / 32, 4 * words, 32) uint8 */
    MB_SPREAD = 3,      /* one byte per weight, mb_spread: no matrix of bits */
};

#define MB_WORD_PANEL_ROWS 16u
#define MB_BYTE_PANEL_ROWS 32u
#define MB_PANEL_ALIGNMENT 64u

typedef struct mb_matrix {
    const uint8_t *bytes;
    uint32_t n_in, n_out;
    uint32_t words; /* 32-bit words per row */
    uint32_t layout;
} mb_matrix;

/* The flips of n channels, which lie after their thresholds: (mb_words(n)). */
static inline const uint32_t *mb_flips(const int32_t *thresholds, uint32_t n) {
    return (const uint32_t *)(const void *)thresholds + n;
}

/* How 8-bit samples are computed with: as uint8. The top bit of int8 is flipped, and the zero point
 * moves with it. */
typedef struct mb_as_uint8 {
    uint32_t flip; /* 0x80 for int8, 0 for uint8 */
    uint32_t zero; /* 0...255, the value that means zero, after flipping */
} mb_as_uint8;

static inline mb_as_uint8 mb_sample_type(uint32_t is_signed, int32_t zero_point) {
    uint32_t flip = is_signed ? 0x80u : 0;
    mb_as_uint8 type = {flip, (uint32_t)zero_point + flip};
    return type;
}

/* The distance of a sample's value from zero. */
static inline int32_t mb_centred(mb_as_uint8 type, uint8_t x) {
    return (int32_t)(x ^ type.flip) - (int32_t)type.zero;
}

/* What a convolution sees at each of its positions: a patch, in pieces of bytes of packed bits. */
typedef struct mb_patches {
    const uint8_t *const *starts; /* (n_outputs * n_window) where patches begin */
    uint32_t n_outputs;
    uint32_t n_window;  /* positions per output, of which the largest sum counts */
    uint32_t n_runs;    /* pieces of a patch */
    uint32_t run_bytes; /* length of a piece */
    uint32_t run_step;  /* from the start of a piece to the next */
} mb_patches;

#define MB_PATCH_BITS 32767u /* at most, of a patch: sums are kept in 16 bits */

/* Weights of a convolution of 8-bit samples, one byte each: (n_out / 32, pairs of inputs, 2, 16, 2)
 * int8. Of 32 rows, the rows of even number come first. Weights are negated, and a 0 follows each
 * piece of odd length. */
typedef struct mb_spread {
    const int8_t *bytes;
    const int16_t *limits; /* (n_out) the largest sum of these times x, x uint8, that sets a bit */
    const uint32_t *flips; /* (mb_words(n_out)) */
    uint32_t n_out;
} mb_spread;

#define MB_SPREAD_INPUTS 128u /* at most, of a patch: sums are kept in 16 bits */

/* Pairs of inputs of a patch. */
static inline uint32_t mb_spread_pairs(uint32_t n_runs, uint32_t run_bytes) {
    return n_runs * ((run_bytes + 1u) / 2u);
}

/* Where the weight of one input of a pair lies. */
static inline size_t mb_spread_index(uint32_t n_pairs, uint32_t row, uint32_t pair, uint32_t one) {
    size_t panel = ((size_t)(row / 32u) * n_pairs + pair) * 64u;
    return panel + 32u * (row % 2u) + row % 32u / 2u * 2u + one;
}

/* Normalisation of a layer's sums, (n_out) each: y = ((sum - mean) * inv_std) * gamma + beta, each
 * operation rounded on its own. */
typedef struct mb_norm_view {
    const float *mean, *inv_std, *gamma, *beta;
} mb_norm_view;

/* The normalisation of a hidden layer that learns, with the running values of its channels, (n)
 * each: learn/backward.h. */
typedef struct mb_hidden_norm {
    const float *gamma, *inv_std;
    float *mean, *var, *mean_error, *mean_product;
    float norm_rate, error_rate;
} mb_hidden_norm;

static inline float mb_normalised(const mb_norm_view *norm, int32_t sum, uint32_t channel) {
    float centred = (float)sum - norm->mean[channel];
    return centred * norm->inv_std[channel];
}

static inline float mb_scaled(const mb_norm_view *norm, float normalised, uint32_t channel) {
    float scaled = normalised * norm->gamma[channel];
    return scaled + norm->beta[channel];
}

/* One set of kernels. */
typedef struct mb_kernels {
    const char *name;

    bool (*runs)(void); /* whether this processor and operating system have the instructions */

    /* sums[j] = sum over k of W[j][k] * x[k], weights and activations both +-1 and packed.
     *   sums (n_out), in panels rounded up to whole panels; x (words), padding bits zero */
    void (*dense_bits)(int32_t *sums, const mb_matrix *weights, const uint32_t *x);

    /* The same for 8-bit x (n_in): sums[j] = sum over k of W[j][k] * mb_centred(type, x[k]). */
    void (*dense_bytes)(int32_t *sums, const mb_matrix *weights, const uint8_t *x,
                        mb_as_uint8 type);

    /* bit j = (sums[j] >= thresholds[j]) != flip j: normalisation and sign, folded.
     *   bits (mb_words(n)), sums (n), thresholds (n) and after them the flips (mb_words(n)) */
    void (*bits_by_threshold)(uint32_t *bits, const int32_t *sums, const int32_t *thresholds,
                              uint32_t n);

    /* Sums and thresholds at many positions: bits (n_outputs, mb_words(n_out)) of the largest sum
     * of each window.
     *   thresholds as above; patches of at most MB_PATCH_BITS that have whole words in word
     *   panels. NULL where layers are run one position at a time. */
    void (*convolve_bits)(uint32_t *bits, const mb_matrix *weights, const int32_t *thresholds,
                          const mb_patches *patches);
    uint32_t conv_layout; /* layout of its weights */

    /* The same from 8-bit samples to bits. One byte after each piece of odd length is read. */
    void (*convolve_bytes)(uint32_t *bits, const mb_spread *weights, const mb_patches *patches);

    /* The same with running values: bit j = (normalised sum j >= 0). */
    void (*bits_by_norm)(uint32_t *bits, const int32_t *sums, const mb_norm_view *norm, uint32_t n);

    /* sums[k] = sum over j of W[j][k] * d[j], modulo 2^32: errors on their way back through the
     * weights.
     *   sums (n_in), d (n_out) */
    void (*back)(uint32_t *sums, const mb_matrix *weights, const int16_t *d);

    /* Pass errors (n) of a dense layer with these sums (n) back through its normalisation, and let
     * its running values follow: hidden_norm.h. */
    void (*pass_norm)(float *error, const int32_t *sums, const mb_hidden_norm *norm, uint32_t n);

    /* inv_std[j] = 1 / sqrt(var[j] + eps), each operation correctly rounded; var >= 0, eps >=
     * 1e-8 */
    void (*inverse_roots)(float *inv_std, const float *var, float eps, uint32_t n);

    /* The next n numbers of mb_count_on(counter), random.h. */
    void (*draw)(uint32_t *draws, uint32_t counter, uint32_t n);
} mb_kernels;

/* ---- panels --------------------------------------------------------------------------------- */

/* Where byte `byte` of row `row` lies, from the start of the matrix. Bytes of a row follow each
 * other in runs of 2^shift, which begin `step` bytes apart. */
typedef struct mb_row_walk {
    size_t start;
    uint32_t shift, step;
} mb_row_walk;

static inline mb_row_walk mb_walk_row(uint32_t layout, uint32_t words, uint32_t row) {
    mb_row_walk walk = {(size_t)4 * words * row, 31, 0};
    if (layout == MB_WORD_PANELS) {
        walk.start = (size_t)64 * words * (row / 16u) + 4u * (row % 16u);
        walk.shift = 2;
        walk.step = 64;
    } else if (layout == MB_BYTE_PANELS) {
        walk.start = (size_t)128 * words * (row / 32u) + row % 32u;
        walk.shift = 0;
        walk.step = 32;
    }
    return walk;
}

static inline size_t mb_walk_to(const mb_row_walk *walk, uint32_t byte) {
    uint32_t run = byte >> walk->shift;
    return walk->start + (size_t)run * walk->step + (byte - (run << walk->shift));
}

/* Rows of a layer with its last panel filled up. */
static inline uint32_t mb_panel_rows(uint32_t layout, uint32_t n_out) {
    uint32_t rows = layout == MB_ROWS          ? 1u
                    : layout == MB_WORD_PANELS ? MB_WORD_PANEL_ROWS
                                               : MB_BYTE_PANEL_ROWS;
    return (n_out + rows - 1u) / rows * rows;
}

#endif /* MB_KERNELS_H */
