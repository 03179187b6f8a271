/* scalar.c: the kernels in plain C, a word at a time. The specification: every other kernel must
 * agree with these exactly. */
#include "scalar.h"

#include "../arith.h"
#include "../random.h"
#include "hidden_norm.h"

static uint32_t popcount32(uint32_t x) {
    x -= (x >> 1) & 0x55555555u;
    x = (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
    return (((x + (x >> 4)) & 0x0f0f0f0fu) * 0x01010101u) >> 24;
}

/* Word w of a row, wherever its bytes are. */
static uint32_t word_of(const mb_matrix *weights, uint32_t row, uint32_t w) {
    mb_row_walk walk = mb_walk_row(weights->layout, weights->words, row);
    uint32_t word = 0;
    for (uint32_t b = 4; b-- > 0;) {
        word = word << 8 | weights->bytes[mb_walk_to(&walk, 4u * w + b)];
    }
    return word;
}

void mb_dense_bits_scalar(int32_t *sums, const mb_matrix *weights, const uint32_t *x) {
    uint32_t step = weights->layout == MB_ROWS ? 1u : MB_WORD_PANEL_ROWS;
    for (uint32_t j = 0; j < weights->n_out; j++) {
        mb_row_walk walk = mb_walk_row(weights->layout, weights->words, j);
        const uint32_t *row = (const uint32_t *)(const void *)(weights->bytes + walk.start);
        uint32_t differ = 0; /* padding bits are zero in both and never differ */
        for (uint32_t w = 0; w < weights->words; w++, row += step) {
            differ += popcount32(*row ^ x[w]);
        }
        sums[j] = (int32_t)weights->n_in - 2 * (int32_t)differ;
    }
}

/* For four inputs, the sums of all sixteen subsets: entry n adds those whose bit in n is set. Four
 * values of at most 255 in size stay below 2^15. */
static void subset_sums(int16_t table[16], const int16_t x[4]) {
    table[0] = 0;
    for (uint32_t bit = 0; bit < 4; bit++) {
        for (uint32_t n = 0; n < 1u << bit; n++) {
            table[n + (1u << bit)] = (int16_t)(table[n] + x[bit]);
        }
    }
}

/* Tables of the inputs of word w of a row; returns the sum of these inputs. */
static int32_t make_tables(int16_t table[8][16], uint32_t groups, const uint8_t *x, uint32_t n,
                           mb_as_uint8 type) {
    int32_t total = 0;
    for (uint32_t group = 0; group < groups; group++) {
        int16_t four[4];
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t at = 4u * group + i;
            int32_t value = at < n ? mb_centred(type, x[at]) : 0;
            four[i] = (int16_t)value;
            total += value;
        }
        subset_sums(table[group], four);
    }
    return total;
}

/* What a whole word of weights looks up. */
static int32_t look_up_8(int16_t table[8][16], uint32_t bits) {
    int32_t low = table[0][bits & 15u] + table[1][bits >> 4 & 15u] + table[2][bits >> 8 & 15u] +
                  table[3][bits >> 12 & 15u];
    int32_t high = table[4][bits >> 16 & 15u] + table[5][bits >> 20 & 15u] +
                   table[6][bits >> 24 & 15u] + table[7][bits >> 28];
    return low + high;
}

static int32_t look_up(int16_t table[8][16], uint32_t groups, uint32_t bits) {
    int32_t sum = 0;
    for (uint32_t group = 0; group < groups; group++, bits >>= 4) {
        sum += table[group][bits & 15u];
    }
    return sum;
}

/* What word w of every row looks up. */
static void add_looked_up(int32_t *sums, const mb_matrix *weights, uint32_t w, int16_t table[8][16],
                          uint32_t groups) {
    const uint32_t *column = (const uint32_t *)(const void *)weights->bytes + w;
    if (weights->layout != MB_ROWS) {
        for (uint32_t j = 0; j < weights->n_out; j++) {
            sums[j] += look_up(table, groups, word_of(weights, j, w));
        }
        return;
    }
    for (uint32_t j = 0; j < weights->n_out; j++, column += weights->words) {
        sums[j] += groups == 8u ? look_up_8(table, *column) : look_up(table, groups, *column);
    }
}

/* A column of 32 inputs at a time: eight tables of subset sums, then every row of weights needs
 * only eight look-ups per word instead of 32 additions. With P the sum where the bit is 1 and T the
 * sum of all inputs, the result is P - (T - P) = 2 P - T. */
void mb_dense_bytes_scalar(int32_t *sums, const mb_matrix *weights, const uint8_t *x,
                           mb_as_uint8 type) {
    int32_t total = 0;
    for (uint32_t j = 0; j < weights->n_out; j++) {
        sums[j] = 0;
    }
    for (uint32_t w = 0; w < weights->words; w++, x += 32) {
        int16_t table[8][16];
        uint32_t left = weights->n_in - 32u * w, n = left < 32u ? left : 32u;
        uint32_t groups = (n + 3u) / 4u;
        total += make_tables(table, groups, x, n, type);
        add_looked_up(sums, weights, w, table, groups);
    }
    for (uint32_t j = 0; j < weights->n_out; j++) {
        sums[j] = 2 * sums[j] - total;
    }
}

void mb_bits_by_threshold_scalar(uint32_t *bits, const int32_t *sums, const int32_t *thresholds,
                                 uint32_t n) {
    const uint32_t *flips = mb_flips(thresholds, n);
    uint32_t word = 0;
    for (uint32_t j = 0; j < n; j++) {
        word |= (uint32_t)(sums[j] >= thresholds[j]) << (j % 32u);
        if (j % 32u == 31u || j + 1u == n) {
            *bits++ = word ^ *flips++;
            word = 0;
        }
    }
}

/* Bits in which a row of weights and a patch differ; padding bits are zero in both. */
static uint32_t differences(const mb_matrix *weights, uint32_t row, const uint8_t *at,
                            const mb_patches *patches) {
    mb_row_walk walk = mb_walk_row(weights->layout, weights->words, row);
    uint32_t differ = 0, byte = 0;
    for (uint32_t run = 0; run < patches->n_runs; run++, at += patches->run_step) {
        for (uint32_t b = 0; b < patches->run_bytes; b++, byte++) {
            differ += popcount32((uint32_t)weights->bytes[mb_walk_to(&walk, byte)] ^ at[b]);
        }
    }
    return differ;
}

void mb_convolve_bits_scalar(uint32_t *bits, const mb_matrix *weights, const int32_t *thresholds,
                             const mb_patches *patches) {
    const uint32_t *flips = mb_flips(thresholds, weights->n_out);
    const uint8_t *const *at = patches->starts;
    for (uint32_t o = 0; o < patches->n_outputs; o++, at += patches->n_window) {
        uint32_t word = 0;
        for (uint32_t j = 0; j < weights->n_out; j++) {
            uint32_t fewest = UINT32_MAX;
            for (uint32_t k = 0; k < patches->n_window; k++) {
                uint32_t differ = differences(weights, j, at[k], patches);
                fewest = differ < fewest ? differ : fewest;
            }
            int32_t largest = (int32_t)weights->n_in - 2 * (int32_t)fewest;
            word |= (uint32_t)(largest >= thresholds[j]) << (j % 32u);
            if (j % 32u == 31u || j + 1u == weights->n_out) {
                *bits++ = word ^ flips[j / 32u];
                word = 0;
            }
        }
    }
}

/* A row of spread weights times a patch. */
static int32_t spread_sum(const mb_spread *weights, uint32_t row, const uint8_t *at,
                          const mb_patches *patches) {
    uint32_t run_pairs = (patches->run_bytes + 1u) / 2u, n_pairs = patches->n_runs * run_pairs;
    int32_t sum = 0;
    for (uint32_t run = 0; run < patches->n_runs; run++, at += patches->run_step) {
        for (uint32_t i = 0; i < patches->run_bytes; i++) {
            uint32_t pair = run * run_pairs + i / 2u;
            sum += weights->bytes[mb_spread_index(n_pairs, row, pair, i % 2u)] * (int32_t)at[i];
        }
    }
    return sum;
}

void mb_convolve_bytes_scalar(uint32_t *bits, const mb_spread *weights, const mb_patches *patches) {
    const uint8_t *const *at = patches->starts;
    for (uint32_t o = 0; o < patches->n_outputs; o++, at += patches->n_window) {
        uint32_t word = 0;
        for (uint32_t j = 0; j < weights->n_out; j++) {
            int32_t smallest = INT32_MAX;
            for (uint32_t k = 0; k < patches->n_window; k++) {
                int32_t sum = spread_sum(weights, j, at[k], patches);
                smallest = sum < smallest ? sum : smallest;
            }
            word |= (uint32_t)(smallest <= weights->limits[j]) << (j % 32u);
            if (j % 32u == 31u || j + 1u == weights->n_out) {
                *bits++ = word ^ weights->flips[j / 32u];
                word = 0;
            }
        }
    }
}

void mb_bits_by_norm_scalar(uint32_t *bits, const int32_t *sums, const mb_norm_view *norm,
                            uint32_t n) {
    uint32_t word = 0;
    for (uint32_t j = 0; j < n; j++) {
        float y = mb_scaled(norm, mb_normalised(norm, sums[j], j), j);
        word |= (uint32_t)(y >= 0.0f) << (j % 32u);
        if (j % 32u == 31u || j + 1u == n) {
            *bits++ = word;
            word = 0;
        }
    }
}

/* Four rows with errors: one word of each, and the sums of all sixteen choices of their signs. */
typedef struct four_rows {
    uint32_t rows[4];
    uint32_t table[16]; /* bit r set: the weight of row r is +1 */
} four_rows;

/* The next rows whose errors are not 0, from row j on. Returns where the next four begin. */
static uint32_t take_four(four_rows *four, const int16_t *d, uint32_t n_out, uint32_t j) {
    uint32_t n = 0;
    for (four->table[0] = 0; n < 4u && j < n_out; j++) {
        uint32_t error = (uint32_t)(int32_t)d[j];
        if (error != 0) {
            four->rows[n] = j;
            for (uint32_t m = 0; m < 1u << n; m++) {
                four->table[m + (1u << n)] = four->table[m] + error;
                four->table[m] -= error;
            }
            n++;
        }
    }
    for (; n < 4u; n++) { /* rows that are missing add nothing */
        four->rows[n] = 0;
        for (uint32_t m = 0; m < 1u << n; m++) {
            four->table[m + (1u << n)] = four->table[m];
        }
    }
    return j;
}

/* Add to the sums of one word's columns: their four signs lie in one byte after every eighth
 * shift. */
static void back_word(uint32_t *sums, const uint32_t word[4], const uint32_t table[16],
                      uint32_t n) {
    const uint32_t first = 0x01010101u;
    if (n < 32u) {
        for (uint32_t k = 0; k < n; k++) {
            sums[k] += table[(word[0] >> k & 1u) | (word[1] >> k & 1u) << 1 |
                             (word[2] >> k & 1u) << 2 | (word[3] >> k & 1u) << 3];
        }
        return;
    }
    for (uint32_t k = 0; k < 8u; k++) {
        uint32_t signs = (word[0] >> k & first) | (word[1] >> k & first) << 1 |
                         (word[2] >> k & first) << 2 | (word[3] >> k & first) << 3;
        sums[k] += table[signs & 15u];
        sums[k + 8u] += table[signs >> 8 & 15u];
        sums[k + 16u] += table[signs >> 16 & 15u];
        sums[k + 24u] += table[signs >> 24];
    }
}

void mb_back_scalar(uint32_t *sums, const mb_matrix *weights, const int16_t *d) {
    uint32_t n_in = weights->n_in, words = weights->words;
    bool in_rows = weights->layout == MB_ROWS;
    const uint32_t *at = (const uint32_t *)(const void *)weights->bytes;
    for (uint32_t i = 0; i < n_in; i++) {
        sums[i] = 0;
    }
    for (uint32_t j = 0; j < weights->n_out;) {
        four_rows four;
        j = take_four(&four, d, weights->n_out, j);
        for (uint32_t w = 0; w < words; w++) {
            uint32_t n = n_in - 32u * w < 32u ? n_in - 32u * w : 32u, word[4];
            for (uint32_t r = 0; r < 4u; r++) {
                uint32_t row = four.rows[r];
                word[r] = in_rows ? at[(size_t)row * words + w] : word_of(weights, row, w);
            }
            back_word(sums + 32u * (size_t)w, word, four.table, n);
        }
    }
}

void mb_pass_norm_scalar(float *error, const int32_t *sums, const mb_hidden_norm *norm,
                         uint32_t n) {
    for (uint32_t j = 0; j < n; j++) {
        mb_channel_sums channel = {0.0f, 0.0f, 0.0f, 0.0f};
        error[j] = mb_pass_error(norm, &channel, j, sums[j], error[j]);
        mb_follow_channel(norm, &channel, j, 1.0f);
    }
}

void mb_inverse_roots_scalar(float *inv_std, const float *var, float eps, uint32_t n) {
    for (uint32_t j = 0; j < n; j++) {
        inv_std[j] = 1.0f / mb_sqrt(var[j] + eps);
    }
}

void mb_draw_scalar(uint32_t *draws, uint32_t counter, uint32_t n) {
    for (uint32_t t = 0; t < n; t++) {
        draws[t] = mb_count_on(&counter);
    }
}

static bool runs(void) { return true; }

const mb_kernels mb_kernels_scalar = {
    .name = "scalar",
    .runs = runs,
    .dense_bits = mb_dense_bits_scalar,
    .dense_bytes = mb_dense_bytes_scalar,
    .bits_by_threshold = mb_bits_by_threshold_scalar,
    .convolve_bits = mb_convolve_bits_scalar,
    .conv_layout = MB_BYTE_PANELS,
    .convolve_bytes = mb_convolve_bytes_scalar,
    .bits_by_norm = mb_bits_by_norm_scalar,
    .back = mb_back_scalar,
    .pass_norm = mb_pass_norm_scalar,
    .inverse_roots = mb_inverse_roots_scalar,
    .draw = mb_draw_scalar,
};
