/* internal.h: what the files of the core share. Users include metabit.h only.
 *
 * Three lifetimes, three kinds of struct: the blob (constant, in flash), the model (in the arena, as
 * long as it is open), and locals. The arena holds offsets instead of pointers wherever it can, so
 * that it has the same size on every processor.
 */
#ifndef MB_INTERNAL_H
#define MB_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"
#include "metabit.h"
#include "strict.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the core reads .mbit files in place and needs a little-endian processor"
#endif

#define MB_MAX_LAYERS 32u

/* ---- the blob ------------------------------------------------------------------------------- */

/* Where a convolution looks. Its input has n_in / kernel^2 channels; maps lie row, column, channel. */
typedef struct mb_window {
    uint32_t in_rows, in_columns;
    uint32_t out_columns; /* behind pooling */
    uint8_t kernel;       /* side; 0 in a dense layer */
    uint8_t stride;
    uint8_t pool;   /* side of a window of max-pooling, 1 for none */
    uint8_t before; /* rows of padding above the map, columns on its left */
} mb_window;

/* One binary layer, as the blob has it. Offsets are from the start of the blob. */
typedef struct mb_layer_view {
    uint32_t n_in;        /* weights a channel */
    uint32_t n_out;       /* channels */
    uint32_t n_positions; /* places at which each channel hands a value on, 1 in a dense layer */
    mb_window window;
    uint32_t words;      /* 32-bit words a row of weights */
    uint32_t weights_at; /* (n_out, words) uint32 */
    uint32_t
        threshold_at;   /* (n_out) int32, then (mb_words(n_out)) uint32 of flips; hidden layers */
    uint32_t norm_at;   /* (4, n_out) float: mean, var, gamma, beta; 0 when the blob has none */
    uint32_t levels_at; /* (n_out, mb_level_row_bytes) hidden weights; 0 when the blob has none */
    float m;            /* metaplasticity at the end of the range */
} mb_layer_view;

/* A checked blob: everything that inference and learning need to find in it. */
typedef struct mb_blob_view {
    const uint8_t *bytes;
    mb_info info;
    uint32_t identity; /* the header's checksum, which covers all others: it names the blob */
    uint32_t golden_at;
    uint32_t learn_at;
    float eps;
    float step_levels, norm_rate, error_rate, rms_rate; /* of the learning rule */
    mb_layer_view layers[MB_MAX_LAYERS];                /* for the bank that was asked for */
} mb_blob_view;

/* Check a blob whole and find its parts. `bank` selects thresholds and normalisation. */
int mb_view(mb_blob_view *view, const void *blob, size_t blob_bytes, uint32_t bank);

/* ---- the arena ------------------------------------------------------------------------------ */

/* One layer of an open model. Offsets are from the start of the arena, 0 where it does not learn. */
typedef struct mb_layer {
    uint32_t n_in, n_out, words;
    uint32_t n_positions;
    mb_window window;
    uint32_t learns;
    uint32_t blob_weights_at, blob_threshold_at, blob_norm_at; /* in the blob */
    uint32_t level_row_bytes;
    uint32_t levels_at;  /* (n_out, level_row_bytes) hidden weights */
    uint32_t signs_at;   /* packed signs, in the arena because they change or to lie in panels */
    uint32_t layout;     /* enum mb_layout, of these */
    uint32_t running_at; /* (4, n_out) float: mean, var, mean error, mean error * normalised */
    uint32_t inv_std_at; /* (n_out) float; derived from var */
    uint32_t sums_at; /* (n_positions, n_out) int32 before normalisation; layers that do not learn
                          * share room for one position */
    uint32_t winners_at; /* (n_positions, n_out) uint8: where in the window of pooling the sum was;
                          * in batches 1 + batch of them, batch.h */
    uint32_t bits_at;    /* (mb_words(n_positions * n_out)) uint32 activations; hidden layers; below
                          * one that learns in batches 1 + batch of them */
    uint32_t table_at;   /* (2^(bits-1)) uint16 f_meta by magnitude */
    uint32_t rms_at;     /* float, running mean square of the gradient */
} mb_layer;

/* What a learning model keeps besides its weights; first part of the saved state. */
typedef struct mb_learnt {
    uint32_t rng[4];
    uint32_t n_steps;
    uint32_t reserved;
} mb_learnt;

struct mb_model {
    union {
        const uint8_t *pointer;
        uint64_t size_of_a_pointer_everywhere;
    } blob;
    union {
        const mb_runner *pointer; /* NULL: one thread */
        uint64_t size_of_a_pointer_everywhere;
    } runner;
    uint32_t arena_bytes;
    uint32_t n_layers, n_inputs, n_outputs;
    uint32_t input_signed;
    int32_t zero_point;
    uint32_t identity;
    uint32_t bank;
    uint32_t first_learning; /* index of the lowest layer that learns; n_layers when none does */
    uint16_t state_bits;
    uint16_t batch; /* samples a step, at least 1 */
    uint32_t isa;   /* which kernels, from 1 */
    uint32_t learnt_at,
        learnt_bytes;    /* one block: mb_learnt, rms, running values, hidden weights */
    uint32_t errors_at;  /* (most values behind a learning layer) int16; in batches units and errors
                          * of all samples and layers, batch.h */
    uint32_t row_at;     /* (most values behind a learning layer) int32, reused as float */
    uint32_t columns_at; /* (most inputs of a dense layer that learns) uint16; not in batches */
    uint32_t patch_at;   /* what a kernel sees: (words) uint32, or (n_in) uint8 of a sample */
    uint32_t window_at;  /* (n_out, or whole panels) int32 sums of one position of a window */
    uint32_t gradient_at; /* (n_in) int32, where gradients are formed: gradients.c */
    uint32_t masked_at;   /* int16 errors of one place of a window, or of one channel */
    uint32_t patches_at; /* all that weights of a layer behind another see in a step, packed rows */
    uint32_t last_writes, last_flips;
    float eps;
    float step, norm_rate, error_rate, rms_rate;
    /* mb_layer layers[n_layers] follow */
};

static inline mb_layer *mb_layers(const mb_model *model) {
    return (mb_layer *)(uintptr_t)(model + 1);
}

static inline void *mb_at(const mb_model *model, uint32_t offset) {
    return (uint8_t *)(uintptr_t)model + offset;
}

static inline const void *mb_in_blob(const mb_model *model, uint32_t offset) {
    return model->blob.pointer + offset;
}

/* Lay the arena out for these options. `model` and `layers` receive every offset; `plan` the sizes. */
int mb_lay_out(const mb_blob_view *view, const mb_options *options, mb_model *model,
               mb_layer *layers, mb_plan *plan);

/* mb_open() for a blob that has been checked already. */
int mb_open_view(mb_model **model, void *arena, size_t arena_bytes, const mb_blob_view *view,
                 const mb_options *options);

/* Recompute what is derived from the learnt block: packed signs and 1/std. */
void mb_refresh(mb_model *model);

static inline const mb_kernels *mb_kernels_of(const mb_model *model) {
    return mb_kernels_number(model->isa);
}

/* ---- small things --------------------------------------------------------------------------- */

static inline uint32_t mb_words(uint32_t n_bits) { return (n_bits + 31u) / 32u; }

static inline uint32_t mb_level_row_bytes(uint32_t n_in, uint32_t bits) {
    return (n_in * bits + 7u) / 8u;
}

/* Word w of a row of packed signs: bit 1 where the hidden weight is not negative. The two's complement
 * sign bit of a level is the binary weight. */
static inline uint32_t mb_sign_word(const uint8_t *levels, uint32_t w, uint32_t n_in,
                                    uint32_t bits) {
    uint32_t n = n_in - 32u * w < 32u ? n_in - 32u * w : 32u;
    uint32_t negative = 0;
    if (bits == 8) {
        const uint8_t *at = levels + 32u * (size_t)w;
        for (uint32_t i = 0; i < n; i++) {
            negative |= (uint32_t)(at[i] >> 7) << i;
        }
    } else {
        const uint8_t *at = levels + 16u * (size_t)w;
        for (uint32_t i = 0; i < n; i++) {
            negative |= ((uint32_t)at[i / 2] >> (3u + 4u * (i & 1u)) & 1u) << i;
        }
    }
    return ~negative & (n < 32u ? (1u << n) - 1u : 0xffffffffu);
}

/* Bits that hold n. */
static inline uint32_t mb_bit_length(uint32_t n) {
    uint32_t length = 0;
    for (; n != 0; n >>= 1) {
        length++;
    }
    return length;
}

/* The three things of <string.h> that are needed, which freestanding C99 does not have. */
static inline void mb_copy(void *to, const void *from, size_t bytes) {
    uint8_t *t = (uint8_t *)to;
    const uint8_t *f = (const uint8_t *)from;
    for (size_t i = 0; i < bytes; i++) {
        t[i] = f[i];
    }
}

static inline void mb_zero(void *to, size_t bytes) {
    uint8_t *t = (uint8_t *)to;
    for (size_t i = 0; i < bytes; i++) {
        t[i] = 0;
    }
}

static inline bool mb_same(const void *one, const void *other, size_t bytes) {
    const uint8_t *a = (const uint8_t *)one, *b = (const uint8_t *)other;
    uint32_t differ = 0;
    for (size_t i = 0; i < bytes; i++) {
        differ |= (uint32_t)(a[i] ^ b[i]);
    }
    return differ == 0;
}

uint32_t mb_crc32(uint32_t crc, const void *data, size_t bytes);

/* ---- forward pass --------------------------------------------------------------------------- */

static inline bool mb_convolves(const mb_layer *layer) { return layer->window.kernel != 0; }

/* Channels of what a convolution sees. */
static inline uint32_t mb_channels(const mb_layer *layer) {
    return layer->n_in / ((uint32_t)layer->window.kernel * layer->window.kernel);
}

/* Values that a layer hands on for one sample. */
static inline uint32_t mb_values(const mb_layer *layer) {
    return layer->n_positions * layer->n_out;
}

/* Run all layers on one sample; sums and activations stay in the arena. */
void mb_forward(mb_model *model, const uint8_t *sample);

/* Scores of the last forward pass into `scores` (n_outputs, may be NULL); returns the label. */
int32_t mb_read_scores(mb_model *model, int32_t *scores);

/* Weights of a layer: those in the arena, if it learns or has been put into panels, or the blob's. */
mb_matrix mb_weights(const mb_model *model, const mb_layer *layer);

mb_norm_view mb_norm(const mb_model *model, const mb_layer *layer);

#endif /* MB_INTERNAL_H */
