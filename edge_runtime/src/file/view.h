/* view.h: what a checked .mbit blob holds, and where in it. Offsets are from its start. */
#ifndef MB_VIEW_H
#define MB_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "metabit.h"

/* Where a convolution looks. Its input has n_in / kernel^2 channels; maps lie row, column, channel.
 * A dense layer has a window with a kernel of 0 that pools nothing. */
typedef struct mb_window {
    uint32_t in_rows, in_columns;
    uint32_t out_columns; /* after pooling */
    uint8_t kernel;       /* side; 0 in a dense layer */
    uint8_t stride;
    uint8_t pool;   /* side of a window of max-pooling, 1 for none */
    uint8_t before; /* rows of padding above the map, columns on its left */
} mb_window;

/* One binary layer, as the blob has it. */
typedef struct mb_layer_view {
    uint32_t n_in;        /* weights per channel */
    uint32_t n_out;       /* channels */
    uint32_t n_positions; /* places at which each channel hands a value on, 1 in a dense layer */
    mb_window window;
    uint32_t words;      /* 32-bit words per row of weights */
    uint32_t weights_at; /* (n_out, words) uint32 */
    /* (n_out) int32, then (mb_words(n_out)) uint32 of flips; hidden layers */
    uint32_t threshold_at;
    uint32_t norm_at;   /* (4, n_out) float: mean, var, gamma, beta; 0 when the blob has none */
    uint32_t levels_at; /* (n_out, mb_level_row_bytes) hidden weights; 0 when the blob has none */
    float m;            /* metaplasticity at the end of the range */
} mb_layer_view;

/* The counting head that a blob brings, and where its numbers lie; kind 0: none. See
 * heads/counting.h. */
typedef struct mb_head_view {
    uint32_t kind, source, layer;
    uint32_t n_source; /* values that features are made of */
    uint32_t n_units;  /* features made of them */
    uint32_t folds;
    uint32_t n_scores; /* features that are the network's own scores: 0, or all of them */
    uint32_t n_classes;
    uint32_t cap, every, still;
    float ridge, prior, scale, limit;
    uint32_t n_products;
    uint32_t affine_at;   /* (n_source, 2) float: centre, gain */
    uint32_t bonus_at;    /* (n_classes) float: added to scores; 0: nothing is */
    uint32_t counts_at;   /* (2, n_classes) uint16: samples, samples in the products */
    uint32_t means_at;    /* (n_classes, n_features) int16 */
    uint32_t weights_at;  /* (n_classes, n_features) int16 */
    uint32_t products_at; /* (n_features (n_features + 1) / 2) of 3 bytes */
} mb_head_view;

/* What a tracking head sees of a network. */
typedef struct mb_tracked_values {
    uint32_t source, layer; /* enum mb_head_source */
    uint32_t n_source;      /* values there */
    uint32_t n_values;      /* of these, what it sees: neighbours add up where they are fewer */
} mb_tracked_values;

/* The tracking head that a blob brings; kept_at 0: none. */
typedef struct mb_tracker_view {
    uint32_t n_units;
    uint32_t kept_at; /* what it keeps, as it lies in the arena from mb_tracked on */
    uint32_t kept_bytes;
} mb_tracker_view;

/* Whether a row of features has logarithms. */
enum { MB_LOG_NONE, MB_LOG_ALSO, MB_LOG_ONLY };

/* The front end that a blob brings, and where its numbers lie; no channels: none. */
typedef struct mb_front_view {
    uint32_t n_channels;
    uint32_t length, hop; /* frames */
    uint32_t statistics;  /* bit i: statistic i */
    uint32_t n_bands, n_transform;
    uint32_t log;
    uint32_t stack;       /* rows per sample */
    uint32_t n_values;    /* statistics and bands of a window */
    uint32_t n_features;  /* per row */
    uint32_t channels_at; /* (n_channels) scales of CHANNEL_BYTES */
    uint32_t edges_at;    /* (n_bands + 1) uint16 */
    uint32_t scales_at;   /* (n_features) scales of SCALE_BYTES */
} mb_front_view;

/* Everything that inference and learning need to find in a blob. */
typedef struct mb_blob_view {
    const uint8_t *bytes;
    mb_info info;
    uint32_t identity; /* the header's checksum, which covers all others: it names the blob */
    uint32_t golden_scores_at,
        golden_samples_at; /* (n_golden, n_outputs) int32, (n_golden, n_inputs) */
    float eps;
    float step_levels, norm_rate, error_rate, rms_rate; /* of the learning rule */
    mb_layer_view layers[MB_MAX_LAYERS];                /* for the bank that was asked for */
    mb_head_view head;
    mb_tracker_view tracker;
    mb_front_view front;
} mb_blob_view;

#endif /* MB_VIEW_H */
