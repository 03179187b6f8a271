/* kernels.c: every kernel set of this build that runs here, against the scalar one.
 *
 * Shapes are adversarial and random, contents random, all zero and all one. Every buffer lies
 * against a page that must not be touched (guarded.h). Prints the sets it has tried; exits with 1
 * at the first difference.
 */
#define _DEFAULT_SOURCE
#include "../../edge_runtime/src/kernels/choose.h"
#include "../../edge_runtime/src/kernels/hidden_norm.h"
#include "../../edge_runtime/src/kernels/scalar.h"
#include "guarded.h"
#include <metabit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one shape ------------------------------------------------------------------------------ */

typedef struct shape {
    uint32_t n_in, n_out;
} shape;

static const mb_kernels *set;
static shape now;

static void same(const void *one, const void *other, size_t bytes, const char *what) {
    if (memcmp(one, other, bytes) != 0) {
        fprintf(stderr, "%s: %s differs from scalar for %u inputs, %u outputs\n", set->name, what,
                (unsigned)now.n_in, (unsigned)now.n_out);
        exit(1);
    }
}

/* The rows of a matrix in another layout. */
static guarded in_layout(const uint32_t *rows, uint32_t layout, uint32_t words) {
    guarded g = guard((size_t)4 * words * mb_panel_rows(layout, now.n_out));
    memset(g.at, 0, g.bytes);
    for (uint32_t j = 0; j < now.n_out; j++) {
        mb_row_walk walk = mb_walk_row(layout, words, j);
        const uint8_t *row = (const uint8_t *)(rows + (size_t)j * words);
        for (uint32_t b = 0; b < 4u * words; b++) {
            g.at[mb_walk_to(&walk, b)] = row[b];
        }
    }
    return g;
}

static guarded sums_for(uint32_t layout) {
    return guard((size_t)4 * mb_panel_rows(layout, now.n_out));
}

static void try_bits(const mb_matrix *rows, uint32_t layout, enum fill how) {
    guarded x = guard((size_t)4 * rows->words), expected = sums_for(MB_ROWS);
    guarded w = in_layout((const uint32_t *)(const void *)rows->bytes, layout, rows->words);
    guarded found = sums_for(layout);
    mb_matrix matrix = {w.at, rows->n_in, rows->n_out, rows->words, layout};
    fill(&x, how);
    clear_padding((uint32_t *)(void *)x.at, now.n_in);
    mb_dense_bits_scalar((int32_t *)(void *)expected.at, rows, (uint32_t *)(void *)x.at);
    set->dense_bits((int32_t *)(void *)found.at, &matrix, (uint32_t *)(void *)x.at);
    same(found.at, expected.at, expected.bytes, "dense_bits");
    release(&x), release(&expected), release(&w), release(&found);
}

static void try_bytes(const mb_matrix *rows, uint32_t layout, enum fill how) {
    static const struct {
        uint32_t is_signed;
        int32_t zero_point;
    } inputs[] = {{0, 0}, {0, 255}, {0, 77}, {1, -128}, {1, 127}, {1, 0}};
    guarded w = in_layout((const uint32_t *)(const void *)rows->bytes, layout, rows->words);
    guarded x = guard(rows->n_in), expected = sums_for(MB_ROWS), found = sums_for(layout);
    mb_matrix matrix = {w.at, rows->n_in, rows->n_out, rows->words, layout};
    fill(&x, how);
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        mb_as_uint8 type = mb_sample_type(inputs[i].is_signed, inputs[i].zero_point);
        mb_dense_bytes_scalar((int32_t *)(void *)expected.at, rows, x.at, type);
        set->dense_bytes((int32_t *)(void *)found.at, &matrix, x.at, type);
        same(found.at, expected.at, expected.bytes, "dense_bytes");
    }
    release(&x), release(&expected), release(&w), release(&found);
}

/* Patches of 8-bit pixels somewhere in a map, in pieces as a kernel's rows are. Bits after n_in, if
 * any, are zero only where there is one piece. */
static void try_convolution(const mb_matrix *rows, uint32_t layout, enum fill how) {
    static const struct {
        uint32_t n_outputs, n_window;
    } sizes[] = {{1, 1}, {5, 1}, {1, 4}, {2, 9}, {1, 2}};
    uint32_t unit = layout == MB_BYTE_PANELS ? 8u : 32u, n_runs = 1,
             words = (now.n_out + 31u) / 32u;
    for (uint32_t k = 2; k <= 5u; k++) { /* as many pieces as give whole units */
        n_runs = now.n_in % (k * unit) == 0 ? k : n_runs;
    }
    uint32_t run_bytes = n_runs > 1u ? now.n_in / 8u / n_runs : 4u * rows->words;
    uint32_t step = run_bytes + (n_runs > 1u ? draw() % 5u * (unit / 8u) : 0);
    guarded w = in_layout((const uint32_t *)(const void *)rows->bytes, layout, rows->words);
    guarded thresholds = guard((size_t)4 * (now.n_out + words));
    mb_matrix matrix = {w.at, rows->n_in, rows->n_out, rows->words, layout};
    int32_t *t = (int32_t *)(void *)thresholds.at;
    fill(&thresholds, how);
    clear_padding((uint32_t *)t + now.n_out, now.n_out);
    for (uint32_t j = 0; j < now.n_out && how == RANDOM; j++) {
        t[j] = draw() % 9u == 0 ? t[j] : (int32_t)(draw() % 9u) - 4;
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint32_t n = sizes[i].n_outputs * sizes[i].n_window,
                 n_patch = (n_runs - 1u) * step + run_bytes;
        guarded map = guard((size_t)n * n_patch);
        guarded expected = guard((size_t)4 * words * sizes[i].n_outputs);
        guarded found = guard((size_t)4 * words * sizes[i].n_outputs);
        const uint8_t *at[18];
        fill(&map, how);
        for (uint32_t p = 0; p < n; p++) {
            at[p] = map.at + (size_t)p * n_patch;
            if (n_runs == 1u) {
                clear_padding((uint32_t *)(void *)(map.at + (size_t)p * n_patch), now.n_in);
            }
        }
        mb_patches patches = {at, sizes[i].n_outputs, sizes[i].n_window, n_runs, run_bytes, step};
        mb_convolve_bits_scalar((uint32_t *)(void *)expected.at, rows, t, &patches);
        set->convolve_bits((uint32_t *)(void *)found.at, &matrix, t, &patches);
        same(found.at, expected.at, expected.bytes, "convolve_bits");
        release(&map), release(&expected), release(&found);
    }
    release(&w), release(&thresholds);
}

/* Patches of 8-bit samples, in pieces; the byte after the last piece may be read where its length
 * is odd. */
static void try_samples(enum fill how) {
    static const struct {
        uint32_t n_outputs, n_window;
    } sizes[] = {{1, 1}, {5, 1}, {2, 4}, {1, 9}};
    uint32_t n_runs = now.n_in % 3u == 0 ? 3u : now.n_in % 2u == 0 ? 2u : 1u;
    uint32_t run_bytes = now.n_in / n_runs, step = run_bytes + draw() % 4u;
    uint32_t n_pairs = mb_spread_pairs(n_runs, run_bytes), words = (now.n_out + 31u) / 32u;
    uint32_t n_patch = (n_runs - 1u) * step + run_bytes;
    guarded w = guard((size_t)64 * n_pairs * words), limits = guard((size_t)2 * now.n_out);
    guarded flips = guard((size_t)4 * words);
    int16_t *most = (int16_t *)(void *)limits.at;
    mb_spread weights = {(int8_t *)w.at, most, (uint32_t *)(void *)flips.at, now.n_out};
    memset(w.at, 0, w.bytes);
    fill(&flips, how);
    clear_padding((uint32_t *)(void *)flips.at, now.n_out);
    for (uint32_t j = 0; j < now.n_out; j++) {
        most[j] = (int16_t)((int32_t)(draw() % 65536u) - 32768);
        for (uint32_t i = 0; i < now.n_in; i++) {
            uint32_t pair = i / run_bytes * ((run_bytes + 1u) / 2u) + i % run_bytes / 2u;
            bool one = how == RANDOM ? draw() % 2u : how == ONES;
            w.at[mb_spread_index(n_pairs, j, pair, i % run_bytes % 2u)] = one ? 1 : 0xff;
        }
        most[j] = draw() % 3u == 0 ? most[j] : (int16_t)((int32_t)(draw() % 301u) - 150);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint32_t n = sizes[i].n_outputs * sizes[i].n_window;
        guarded map = guard((size_t)n * n_patch + run_bytes % 2u);
        guarded expected = guard((size_t)4 * words * sizes[i].n_outputs);
        guarded found = guard((size_t)4 * words * sizes[i].n_outputs);
        const uint8_t *at[9];
        fill(&map, how);
        for (uint32_t p = 0; p < n; p++) {
            at[p] = map.at + (size_t)p * n_patch;
        }
        mb_patches patches = {at, sizes[i].n_outputs, sizes[i].n_window, n_runs, run_bytes, step};
        mb_convolve_bytes_scalar((uint32_t *)(void *)expected.at, &weights, &patches);
        set->convolve_bytes((uint32_t *)(void *)found.at, &weights, &patches);
        same(found.at, expected.at, expected.bytes, "convolve_bytes");
        release(&map), release(&expected), release(&found);
    }
    release(&w), release(&limits), release(&flips);
}

static void try_back(const mb_matrix *rows, uint32_t layout, enum fill how) {
    guarded w = in_layout((const uint32_t *)(const void *)rows->bytes, layout, rows->words);
    guarded d = guard((size_t)2 * now.n_out), expected = guard((size_t)4 * now.n_in);
    guarded found = guard((size_t)4 * now.n_in);
    mb_matrix matrix = {w.at, rows->n_in, rows->n_out, rows->words, layout};
    int16_t *errors = (int16_t *)(void *)d.at;
    for (uint32_t j = 0; j < now.n_out; j++) {
        int32_t value = how == RANDOM ? (int32_t)(draw() % 65535u) - 32767
                        : how == ONES ? 32767
                                      : -32767;
        errors[j] = (int16_t)(how == RANDOM && draw() % 3u == 0 ? 0 : value);
    }
    mb_back_scalar((uint32_t *)(void *)expected.at, rows, errors);
    set->back((uint32_t *)(void *)found.at, &matrix, errors);
    same(found.at, expected.at, expected.bytes, "back");
    release(&d), release(&expected), release(&w), release(&found);
}

/* Both ways from sums to bits, over n_out channels; thresholds lie close to the sums. */
static void try_activation(enum fill how) {
    uint32_t n = now.n_out, words = (n + 31u) / 32u;
    guarded sums = guard((size_t)4 * n), thresholds = guard((size_t)4 * (n + words));
    guarded norm = guard((size_t)16 * n), expected = guard((size_t)4 * words);
    guarded found = guard((size_t)4 * words);
    int32_t *s = (int32_t *)(void *)sums.at, *t = (int32_t *)(void *)thresholds.at;
    float *f = (float *)(void *)norm.at;
    mb_norm_view view = {f, f + n, f + 2 * (size_t)n, f + 3 * (size_t)n};
    fill(&thresholds, how);
    clear_padding((uint32_t *)t + n, n);
    for (uint32_t j = 0; j < n; j++) {
        s[j] = how == RANDOM ? (int32_t)(draw() % 2001u) - 1000
               : how == ONES ? INT32_MAX
                             : INT32_MIN;
        t[j] = how == RANDOM ? s[j] + (int32_t)(draw() % 3u) - 1
               : how == ONES ? INT32_MIN
                             : INT32_MAX;
        f[j] = (float)(how == RANDOM ? s[j] : 0) + (float)(draw() % 5u) * 0.25f - 0.5f;
        f[n + j] = 0.001f * (float)(draw() % 1000u);
        f[2 * n + j] = 0.01f * (float)(draw() % 300u) - 1.5f;
        f[3 * n + j] = draw() % 4u ? 0.0f : 0.001f * (float)(draw() % 100u) - 0.05f;
    }
    mb_bits_by_threshold_scalar((uint32_t *)(void *)expected.at, s, t, n);
    set->bits_by_threshold((uint32_t *)(void *)found.at, s, t, n);
    same(found.at, expected.at, expected.bytes, "bits_by_threshold");
    mb_bits_by_norm_scalar((uint32_t *)(void *)expected.at, s, &view, n);
    set->bits_by_norm((uint32_t *)(void *)found.at, s, &view, n);
    same(found.at, expected.at, expected.bytes, "bits_by_norm");
    release(&sums), release(&thresholds), release(&norm), release(&expected), release(&found);
}

/* Random numbers and float arithmetic of a learning step: variances of all sizes. */
static void try_learning(void) {
    uint32_t n = now.n_out;
    guarded in = guard((size_t)4 * n), expected = guard((size_t)4 * n),
            found = guard((size_t)4 * n);
    float *x = (float *)(void *)in.at;
    for (uint32_t j = 0; j < n; j++) {
        uint32_t exponent = 100u + draw() % 26u; /* 2^-27 to 1/2 */
        uint32_t bits = draw() % 9u ? exponent << 23 | draw() >> 9 : draw() % 2u ? 0x3f000000u : 0;
        memcpy(x + j, &bits, 4);
    }
    uint32_t counter = draw();
    mb_draw_scalar((uint32_t *)(void *)expected.at, counter, n);
    set->draw((uint32_t *)(void *)found.at, counter, n);
    same(found.at, expected.at, expected.bytes, "draw");
    for (uint32_t j = 0; j < n; j++) {
        x[j] *= (float)(draw() % 65536u) * (float)(draw() % 65536u);
    }
    mb_inverse_roots_scalar((float *)(void *)expected.at, x, 1e-5f, n);
    set->inverse_roots((float *)(void *)found.at, x, 1e-5f, n);
    same(found.at, expected.at, expected.bytes, "inverse_roots");
    release(&in), release(&expected), release(&found);
}

/* Errors back through a normalisation, and its running values: now and then they are at the end of
 * their range, too small to count, or no numbers at all. */
static void try_normalisation(void) {
    static const float odd[] = {0.0f, -0.0f, 1e15f, -1e15f, 1e-30f, 9e-31f, 3e38f, -3e38f};
    const uint32_t n = now.n_out, n_arrays = 7; /* error, gamma, 1 / deviation, 4 running values */
    const size_t bytes = (size_t)4 * n_arrays * n;
    guarded sums = guard((size_t)4 * n), expected = guard(bytes), found = guard(bytes);
    int32_t *s = (int32_t *)(void *)sums.at;
    float *both[] = {(float *)(void *)expected.at, (float *)(void *)found.at};
    for (uint32_t i = 0; i < n_arrays * n; i++) {
        both[0][i] = 0.01f * (float)(draw() % 2001u) - 10.0f;
        both[0][i] = draw() % 40u ? both[0][i] : odd[draw() % 8u];
    }
    for (uint32_t j = 0; j < n; j++) {
        s[j] = (int32_t)(draw() % 2001u) - 1000;
    }
    memcpy(both[1], both[0], bytes); /* sums that overflow give no numbers */
    for (uint32_t i = 0; i < 2; i++) {
        float *f = both[i];
        mb_hidden_norm norm = {f + n,
                               f + 2 * (size_t)n,
                               f + 3 * (size_t)n,
                               f + 4 * (size_t)n,
                               f + 5 * (size_t)n,
                               f + 6 * (size_t)n,
                               0.001f,
                               0.003f};
        (i == 0 ? mb_pass_norm_scalar : set->pass_norm)(f, s, &norm, n);
    }
    for (uint32_t i = 0; i < n; i++) { /* an error that is no number has no bits to compare */
        bool no_numbers = both[0][i] != both[0][i] && both[1][i] != both[1][i];
        both[1][i] = no_numbers ? both[0][i] : both[1][i];
    }
    same(found.at, expected.at, expected.bytes, "pass_norm");
    release(&sums), release(&expected), release(&found);
}

static void try_shape(shape size) {
    now = size;
    for (int how = 0; how < N_FILLS; how++) {
        uint32_t words = (now.n_in + 31u) / 32u;
        guarded rows = guard((size_t)4 * words * now.n_out);
        mb_matrix matrix = {rows.at, now.n_in, now.n_out, words, MB_ROWS};
        fill(&rows, (enum fill)how);
        for (uint32_t j = 0; j < now.n_out; j++) {
            clear_padding((uint32_t *)(void *)rows.at + (size_t)j * words, now.n_in);
        }
        for (int x = 0; x < N_FILLS; x++) {
            try_bits(&matrix, MB_ROWS, (enum fill)x);
            try_bits(&matrix, MB_WORD_PANELS, (enum fill)x);
            if (now.n_in <= MB_PATCH_BITS && set->convolve_bits != NULL) {
                try_convolution(&matrix, MB_ROWS, (enum fill)x);
                try_convolution(&matrix, set->conv_layout, (enum fill)x);
            }
            try_bytes(&matrix, MB_ROWS, (enum fill)x);
            try_bytes(&matrix, MB_BYTE_PANELS, (enum fill)x);
            try_back(&matrix, MB_ROWS, (enum fill)x);
            try_back(&matrix, MB_WORD_PANELS, (enum fill)x);
        }
        release(&rows);
        if (now.n_in <= MB_SPREAD_INPUTS && set->convolve_bytes != NULL) {
            try_samples((enum fill)how);
        }
        try_activation((enum fill)how);
        try_learning();
        try_normalisation();
    }
}

/* Every `stride`-th pair of a length and a number of rows: with 1 all of them. */
static void try_set(uint32_t stride) {
    static const uint32_t lengths[] = {1,   2,   31,  32,  33,  63,  64,  65,  127,
                                       128, 129, 255, 256, 257, 784, 991, 992, 993};
    static const uint32_t rows[] = {1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97};
    static const shape large[] = {{65535, 3}, {65536, 5}, {65537, 2}, {70001, 1}, {3, 1025}};
    uint32_t n_pairs = 0;
    for (int side = 0; side < 2; side++) {
        at_end = side == 0;
        for (size_t i = (size_t)side; i < sizeof lengths / sizeof *lengths; i += 2) {
            for (size_t j = 0; j < sizeof rows / sizeof *rows; j++) {
                shape size = {lengths[i], rows[j]};
                if (n_pairs++ % stride == 0) {
                    try_shape(size);
                }
            }
        }
        for (uint32_t i = 0; i < 30u / stride; i++) {
            shape size = {1u + draw() % 700u, 1u + draw() % 130u};
            try_shape(size);
        }
    }
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        try_shape(large[i]);
    }
}

/* kernels [STRIDE] */
int main(int argc, char **argv) {
    uint32_t stride = argc > 1 ? (uint32_t)atoi(argv[1]) : 1u;
    for (uint32_t isa = 1; mb_isa_name(isa) != NULL; isa++) {
        set = mb_kernels_number(isa);
        if (mb_isa_runs(isa)) {
            try_set(stride);
            printf("%s\n", set->name);
        }
    }
    return 0;
}
