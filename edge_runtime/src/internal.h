/* internal.h: an open model, as it lies in the arena. Users include metabit.h only.
 *
 * Three lifetimes, three kinds of struct: the blob (constant, in flash; file/view.h), the model
 * (in the arena, as long as it is open), and locals. The arena holds offsets instead of pointers
 * wherever it can, so that it has the same size on every processor.
 */
#ifndef MB_INTERNAL_H
#define MB_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "file/view.h"
#include "kernels/choose.h"
#include "kernels/kernels.h"
#include "metabit.h"
#include "strict.h"

/* One layer of an open model. Offsets are from the start of the arena, 0 where it does not
 * learn. */
typedef struct mb_layer {
    uint32_t n_in, n_out, words;
    uint32_t n_positions;
    mb_window window;
    uint16_t learns;
    uint16_t sees_sample; /* 1 in the first layer, which reads 8-bit values; the others read bits */
    uint32_t growth;      /* k of rule/growth.h, in the table */
    uint64_t sizes;       /* of all hidden weights together */
    uint32_t blob_weights_at, blob_threshold_at, blob_norm_at; /* in the blob */
    uint32_t level_row_bytes;
    uint32_t levels_at;  /* (n_out, level_row_bytes) hidden weights */
    uint32_t signs_at;   /* packed signs, in the arena because they change or to lie in panels */
    uint32_t layout;     /* enum mb_layout, of these */
    uint32_t running_at; /* (4, n_out) float: mean, var, mean error, mean error * normalised */
    uint32_t inv_std_at; /* (n_out) float; derived from var */
    /* (n_positions, n_out) int32 before normalisation; layers that do not learn share room for one
     * position */
    uint32_t sums_at;
    /* (n_positions, n_out) uint8: where in the window of pooling the sum was; in batches 1 + batch
     * of them, learn/batch.h */
    uint32_t winners_at;
    /* (mb_words(n_positions * n_out)) uint32 activations; hidden layers; below a layer that learns
     * in batches 1 + batch of them */
    uint32_t bits_at;
    uint32_t table_at; /* (2^bits) uint16, the probability of a move by level: metaplasticity.h */
    uint32_t rms_at;   /* float, running mean square of the gradient */
} mb_layer;

/* The counting head of a model that answers with it, heads/counting.h. Offsets are from the
 * start of the arena, but affine_at, bonus_at and home_products_at count from the start of the
 * blob. */
typedef struct mb_head {
    uint32_t source, layer, n_source, n_units, folds, n_scores, n_classes, n_features;
    uint32_t cap, every, still;
    float ridge, prior, limit;
    uint32_t affine_at; /* (n_source, 2) float: centre, gain */
    uint32_t bonus_at;  /* (n_classes) float: added to scores; 0: nothing is */
    uint32_t home_products_at;
    /* In the learnt block: */
    uint32_t counters_at; /* mb_counters */
    uint32_t counts_at; /* (n_classes) uint16 samples, (n_classes) uint16 samples in the products */
    uint32_t means_at;  /* (n_classes, n_features) int16 */
    uint32_t weights_at;  /* (n_classes, n_features) int16 */
    uint32_t products_at; /* upper triangle, products.h; 0: in the blob, as at home */
    uint32_t last_at;     /* (n_features) int8: features of the last sample */
    /* Derived, or scratch: */
    uint32_t bias_at;       /* (n_classes) float */
    uint32_t scores_at;     /* (n_classes) float */
    uint32_t features_at;   /* (n_features) int8 */
    uint32_t deviations_at; /* (n_features) int16 */
    uint32_t solve_at;      /* (4, n_features) float */
} mb_head;

/* The front end of a model, frontend/window.c. Offsets are from the start of the arena, but
 * channels_at, edges_at and scales_at count from the start of the blob. */
typedef struct mb_front {
    uint32_t n_channels, length, hop, statistics, n_bands, n_transform, log, stack;
    uint32_t n_values, n_features;
    uint32_t channels_at, edges_at, scales_at;
    uint32_t frames_at; /* (length, n_channels) int16, scaled */
    uint32_t points_at; /* (2, n_transform) int32, where there is a spectrum */
    uint32_t values_at; /* (n_values) int32 */
    uint32_t sample_at; /* (stack, n_features) int8 */
    uint32_t n_filled;  /* frames of the window that have come */
    uint32_t n_to_skip; /* frames before the next window begins */
    uint32_t n_rows;    /* rows of the sample that have come */
    uint32_t n_windows, n_counts, n_limited;
    uint32_t reserved;
} mb_front;

/* The tracking head of a model that answers with it, heads/tracking.h: d values, k classes, h
 * hidden units. Offsets are from the start of the arena. */
typedef struct mb_tracker {
    uint32_t source, layer; /* what values are made of: enum mb_head_source */
    uint32_t n_source;      /* values there; neighbours add up where they are more than d */
    uint32_t n_values;      /* d */
    uint32_t n_classes;     /* k */
    uint32_t n_units;       /* h */
    float trust;            /* how much the network counts at first */
    /* In the learnt block: */
    uint32_t tracked_at;             /* mb_tracked */
    uint32_t mean_at, spread_at;     /* (d) float: mean and mean absolute deviation of a value */
    uint32_t counts_at, shrink_at;   /* (k) float: fading counts; share of a variance that is 1 */
    uint32_t centres_at, squares_at; /* (k, d) float: mean and variance of a value in a class */
    uint32_t units_at;               /* (h, 2d + 1) int16 */
    uint32_t rows_at;                /* (2, k, 2d + 1 + h) int16: quick head, slow head */
    /* Derived, or scratch: */
    uint32_t logs_at;     /* (k) float: half of the sum of ln of the variances of a class */
    uint32_t expert_at;   /* (4, k) float: scores of each expert, less the largest */
    uint32_t scores_at;   /* (k) float */
    uint32_t error_at;    /* (k) float */
    uint32_t sums_at;     /* (h) int32 */
    uint32_t back_at;     /* (h) float */
    uint32_t features_at; /* (2d + 1 + h) int16 */
} mb_tracker;

/* What a learning model keeps besides its weights; first part of the saved state. */
typedef struct mb_learnt {
    uint32_t rng[4];
    uint32_t n_steps;  /* samples; stops at the largest number */
    uint32_t n_learnt; /* of these, samples that layers learnt; stops likewise */
} mb_learnt;

/* What a counting head keeps besides its tables. */
typedef struct mb_counters {
    uint32_t dither;     /* generator of the rounding of means */
    uint32_t n_products; /* samples in the products */
    float scale;         /* of the weights, a power of two */
    uint32_t n_to_solve; /* samples until weights are solved for again */
    uint32_t n_still;    /* samples not learnt because nothing had moved */
    uint32_t reserved;
} mb_counters;

/* The experts of a tracking head. */
enum mb_expert { MB_QUICK, MB_SLOW, MB_COUNTS, MB_NETWORK, MB_EXPERTS };

/* What a tracking head keeps besides its tables. */
typedef struct mb_tracked {
    uint32_t dither;         /* counter of the rounding of weights */
    uint32_t n_measured;     /* samples that mean and spread have seen */
    float share[MB_EXPERTS]; /* how much each expert counts */
} mb_tracked;

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
    mb_as_uint8 sample_type;
    uint32_t identity;
    uint32_t bank;
    uint32_t first_learning; /* index of the lowest layer that learns; n_layers when none does */
    uint8_t state_bits;
    uint8_t is_changed; /* what it has learnt has changed, metabit_journal.h */
    uint16_t batch;     /* samples per step, at least 1 */
    uint32_t isa;       /* which kernels, from 1 */
    /* The learnt block of one context: mb_learnt, record, shares of labels, means of inputs, rms,
     * running values, hidden weights. */
    uint32_t learnt_at, learnt_bytes;
    uint32_t record_at; /* mb_record, rule/record.h */
    uint32_t worth_at;  /* rule/worth.h; 0 where a head learns */
    uint32_t means_at;  /* (n_inputs) int32, rule/centre.h; none where nothing is centred */
    /* Scratch of learning. "Values" are what a layer hands on for one sample. */
    /* int16, as many as the values of the widest layer that learns; in batches units and errors of
     * all samples and layers, learn/batch.h */
    uint32_t errors_at;
    uint32_t row_at;     /* int32 for the same number of values, reused as float */
    uint32_t columns_at; /* uint16, the inputs of the longest dense layer that learns; no batches */
    uint32_t patch_at;   /* what a kernel sees: (words) uint32, or (n_in) uint8 of a sample */
    uint32_t window_at;  /* (n_out, or whole panels) int32 sums of one position of a window */
    uint32_t gradient_at; /* (n_in) int32, where gradients are formed: learn/gradients.c */
    uint32_t masked_at;   /* int16 errors of one place of a window, or of one channel */
    uint32_t patches_at;  /* all that the weights of a layer see in a step, as packed rows */
    uint32_t head_kind;   /* enum mb_head_kind; 0: the network's last layer answers */
    uint32_t head_at;     /* mb_head or mb_tracker */
    /* Samples kept for replay, rule/ring.h. In the learnt block: uint32 how many there are, uint8
     * labels (ring_slots) filled up to 4 bytes, entries. Derived: uint16 of each class. */
    uint32_t ring_slots, ring_entry_bytes, ring_at, ring_counts_at;
    uint32_t front_at; /* mb_front; 0: samples come as they are */
    uint32_t last_writes, last_flips;
    float eps;
    float step, norm_rate, error_rate, rms_rate;
    uint32_t novelty; /* v of this step: rule/worth.h */
    /* rule/contexts.h: how many networks share this arena, at least 1; and, from 0, which of them
     * was entered: the offsets of the learnt block are its own. */
    uint16_t n_contexts, context;
    /* mb_layer layers[n_contexts][n_layers] follow, then mb_contexts if there are several */
};

/* The layers of the context that was entered, (n_layers). */
static inline mb_layer *mb_layers(const mb_model *model) {
    return (mb_layer *)(uintptr_t)(model + 1) + (size_t)model->context * model->n_layers;
}

static inline void *mb_in_arena(const mb_model *model, uint32_t offset) {
    return (uint8_t *)(uintptr_t)model + offset;
}

static inline const void *mb_in_blob(const mb_model *model, uint32_t offset) {
    return model->blob.pointer + offset;
}

/* Whether a counting head of either form answers. */
static inline bool mb_counts(const mb_model *model) {
    return model->head_kind == MB_HEAD_COUNTING || model->head_kind == MB_HEAD_COUNTING_SMALL;
}

/* The counting head of a model that answers with it. */
static inline mb_head *mb_head_of(const mb_model *model) {
    return (mb_head *)mb_in_arena(model, model->head_at);
}

/* The tracking head of a model that answers with it. */
static inline mb_tracker *mb_tracker_of(const mb_model *model) {
    return (mb_tracker *)mb_in_arena(model, model->head_at);
}

/* Whether anything of the model learns. */
static inline bool mb_learns(const mb_model *model) {
    return model->first_learning < model->n_layers || model->head_kind != 0;
}

static inline const mb_kernels *mb_kernels_of(const mb_model *model) {
    return mb_kernels_number(model->isa);
}

#endif /* MB_INTERNAL_H */
