/* conv.c: convolution, one position at a time; conv_fused.c does more at once where no layer
 * learns. What the kernel sees is gathered into one row, which the dense kernels then multiply with
 * the weights of all channels. Only layers that learn keep a map of sums: max-pooling compares the
 * sums of a window as they come. */
#include "conv.h"

#include "activate.h"
#include "bit_rows.h"
#include "patches.h"

/* Sums of all channels at one place. */
static void sums_at(const mb_model *model, const mb_layer *layer, const void *input, mb_place place,
                    int32_t *sums) {
    const mb_kernels *kernels = mb_kernels_of(model);
    mb_matrix weights = mb_weights(model, layer);
    const void *patch = mb_gather(model, layer, input, place);
    if (layer->sees_sample) {
        kernels->dense_bytes(sums, &weights, (const uint8_t *)patch, model->sample_type);
    } else {
        kernels->dense_bits(sums, &weights, (const uint32_t *)patch);
    }
}

/* Keep the larger of two sums, or the first of two equal sums, and note which it was. No branch
 * asks, because nothing could predict it. */
static void keep_largest(int32_t *restrict largest, uint8_t *restrict winners,
                         const int32_t *restrict sums, uint32_t n, uint8_t k) {
    if (winners != NULL) {
        for (uint32_t j = 0; j < n; j++) {
            winners[j] = sums[j] > largest[j] ? k : winners[j];
        }
    }
    for (uint32_t j = 0; j < n; j++) {
        largest[j] = sums[j] > largest[j] ? sums[j] : largest[j];
    }
}

/* Largest sum of each channel in the window of pooling of output position p; the first of equal
 * sums.
 *   largest (n_out), winners (n_out) or NULL */
static void pooled_sums(const mb_model *model, const mb_layer *layer, const void *input, uint32_t p,
                        int32_t *largest, uint8_t *winners) {
    int32_t *sums = (int32_t *)mb_in_arena(model, model->window_at);
    sums_at(model, layer, input, mb_place_of(layer, p, 0), largest);
    if (winners != NULL) {
        mb_zero(winners, layer->n_out);
    }
    for (uint32_t k = 1; k < mb_window_sums(layer); k++) {
        sums_at(model, layer, input, mb_place_of(layer, p, k), sums);
        keep_largest(largest, winners, sums, layer->n_out, (uint8_t)k);
    }
}

/* Normalisation and sign of the sums of one position: folded into thresholds, or with running
 * values. */
static void put_signs(mb_bit_writer *out, const mb_model *model, const mb_layer *layer,
                      const mb_norm_view *norm, const int32_t *sums) {
    const int32_t *thresholds = mb_thresholds(model, layer);
    const uint32_t *flips = mb_flips(thresholds, layer->n_out);
    for (uint32_t start = 0; start < layer->n_out; start += 32u) {
        uint32_t n = layer->n_out - start < 32u ? layer->n_out - start : 32u;
        uint32_t word = layer->learns ? 0 : flips[start / 32u];
        for (uint32_t b = 0; b < n; b++) {
            uint32_t j = start + b;
            bool above = layer->learns ? mb_scaled(norm, mb_normalised(norm, sums[j], j), j) >= 0.0f
                                       : sums[j] >= thresholds[j];
            word ^= (uint32_t)above << b;
        }
        mb_put_bits(out, word, n);
    }
}

/* The same where every position starts on a word. */
static void put_words(mb_bit_writer *out, const mb_model *model, const mb_layer *layer,
                      const int32_t *sums) {
    mb_activate(model, layer, &out->words[out->n_bits / 32u], sums);
    out->n_bits += layer->n_out;
}

void mb_convolve(const mb_model *model, const mb_layer *layer, const void *input) {
    int32_t *sums = (int32_t *)mb_in_arena(model, layer->sums_at);
    uint8_t *winners =
        layer->learns && mb_pools(layer) ? (uint8_t *)mb_in_arena(model, layer->winners_at) : NULL;
    mb_norm_view norm = {NULL, NULL, NULL, NULL};
    if (layer->learns) {
        norm = mb_norm(model, layer);
    }
    mb_bit_writer out = {(uint32_t *)mb_in_arena(model, layer->bits_at), 0};
    for (uint32_t p = 0; p < layer->n_positions; p++) {
        pooled_sums(model, layer, input, p, sums, winners);
        if (layer->n_out % 32u == 0) {
            put_words(&out, model, layer, sums);
        } else {
            put_signs(&out, model, layer, &norm, sums);
        }
        if (layer->learns) {
            sums += layer->n_out;
            winners = winners == NULL ? NULL : winners + layer->n_out;
        }
    }
}
