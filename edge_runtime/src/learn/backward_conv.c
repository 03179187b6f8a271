/* backward_conv.c: errors of a convolution on their way back. gradients.c moves its weights.
 *
 * With max-pooling an error goes back from the sum that won its window (the first of equal sums).
 */
#include "backward_conv.h"

#include "backward.h"

uint32_t mb_conv_error_bits(const mb_model *model, const mb_layer *layer) {
    uint32_t places = layer->n_positions * model->batch;
    uint32_t bits = 31u - mb_bit_length(places - 1u) - (layer->sees_sample ? 8u : 0);
    return bits < MB_ERROR_BITS ? bits : MB_ERROR_BITS;
}

/* Add what a kernel sends back from one place to the errors of the map that it saw. */
static void scatter(uint32_t *back, const uint32_t *row, const mb_layer *layer, mb_place at) {
    const mb_window *window = &layer->window;
    uint32_t kernel = window->kernel, channels = mb_channels(layer);
    for (uint32_t tap = 0; tap < kernel * kernel; tap++, row += channels) {
        uint32_t y = at.row * window->stride + tap / kernel - window->before;
        uint32_t x = at.column * window->stride + tap % kernel - window->before;
        /* A place before the map wraps to a large number. */
        if (y < window->in_rows && x < window->in_columns) {
            uint32_t *to = back + (size_t)(y * window->in_columns + x) * channels;
            for (uint32_t c = 0; c < channels; c++) {
                to[c] += row[c];
            }
        }
    }
}

/* The errors of the channels whose largest sum was at place k of its window, 0 for the others; no
 * branch asks, because nothing could predict it. Returns NULL where all are 0. */
static const int16_t *errors_at(const mb_model *model, const mb_layer *layer,
                                const int16_t *restrict d, const uint8_t *restrict winners,
                                uint32_t k) {
    int16_t *restrict masked = (int16_t *)mb_in_arena(model, model->masked_at);
    const int16_t *errors = winners == NULL ? d : masked;
    uint32_t any = 0;
    if (winners != NULL) {
        for (uint32_t j = 0; j < layer->n_out; j++) {
            masked[j] = winners[j] == k ? d[j] : 0;
        }
    }
    for (uint32_t j = 0; j < layer->n_out; j++) {
        any |= (uint16_t)errors[j];
    }
    return any != 0 ? errors : NULL;
}

void mb_send_back_map(const mb_model *model, const mb_layer *layer, const int16_t *d,
                      uint32_t *back) {
    uint32_t *row = (uint32_t *)mb_in_arena(model, model->gradient_at);
    const uint8_t *winners =
        mb_pools(layer) ? (const uint8_t *)mb_in_arena(model, layer->winners_at) : NULL;
    mb_zero(back, (size_t)4 * mb_values(layer - 1));
    uint32_t in_window = mb_window_sums(layer);
    mb_matrix weights = mb_weights(model, layer);
    for (uint32_t p = 0; p < layer->n_positions; p++) {
        for (uint32_t k = 0; k < in_window; k++) {
            const int16_t *errors = errors_at(model, layer, d, winners, k);
            if (errors != NULL) {
                mb_kernels_of(model)->back(row, &weights, errors);
                scatter(back, row, layer, mb_place_of(layer, p, k));
            }
        }
        d += layer->n_out;
        winners = winners == NULL ? NULL : winners + layer->n_out;
    }
}
