/* layer.h: what every room asks of one layer of an open model. */
#ifndef MB_LAYER_H
#define MB_LAYER_H

#include "internal.h"

static inline bool mb_convolves(const mb_layer *layer) { return layer->window.kernel != 0; }

/* Whether a layer's gradients are formed, row by row, before its weights move: in convolutions, and
 * in batches. Moves of a dense layer are otherwise drawn directly. */
static inline bool mb_forms_gradients(const mb_model *model, const mb_layer *layer) {
    return model->batch > 1 || mb_convolves(layer);
}

/* Channels of what a convolution sees. */
static inline uint32_t mb_channels(const mb_layer *layer) {
    return layer->n_in / ((uint32_t)layer->window.kernel * layer->window.kernel);
}

/* How many sums pooling compares for each value that a layer hands on: 1 without pooling, and in a
 * dense layer. */
static inline uint32_t mb_window_sums(const mb_layer *layer) {
    return (uint32_t)layer->window.pool * layer->window.pool;
}

static inline bool mb_pools(const mb_layer *layer) { return layer->window.pool > 1; }

/* Values that a layer hands on for one sample. */
static inline uint32_t mb_values(const mb_layer *layer) {
    return layer->n_positions * layer->n_out;
}

/* Row and column, before pooling, of a sum of a convolution. */
typedef struct mb_place {
    uint32_t row, column;
} mb_place;

/* Where sum k lies, of those that pooling compares for output position p. */
static inline mb_place mb_place_of(const mb_layer *layer, uint32_t p, uint32_t k) {
    const mb_window *window = &layer->window;
    mb_place at = {p / window->out_columns * window->pool + k / window->pool,
                   p % window->out_columns * window->pool + k % window->pool};
    return at;
}

/* The last layer of a model. */
static inline mb_layer *mb_output_layer(const mb_model *model) {
    return &mb_layers(model)[model->n_layers - 1u];
}

/* Thresholds of a hidden layer (n_out), and after them its flips. */
static inline const int32_t *mb_thresholds(const mb_model *model, const mb_layer *layer) {
    return (const int32_t *)mb_in_blob(model, layer->blob_threshold_at);
}

/* Weights of a layer: those in the arena, if it learns or has been put into panels, or the
 * blob's. */
mb_matrix mb_weights(const mb_model *model, const mb_layer *layer);

/* Normalisation of a layer that learns, with its running values, or of the output layer. */
mb_norm_view mb_norm(const mb_model *model, const mb_layer *layer);

#endif /* MB_LAYER_H */
