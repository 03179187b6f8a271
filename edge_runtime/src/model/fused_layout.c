/* fused_layout.c: memory of the convolutions that forward/conv_fused.c runs.
 *
 * Where the channels of a pixel fill whole bytes (words, in word panels), the kernel reads patches
 * where they lie, in a copy of the map with its padding. Others are gathered row by row before.
 * Weights of samples are spread to bytes when a model is opened.
 */
#include "fused_layout.h"

#define AT_ONCE 64u /* positions per call */

/* ---- weights of samples --------------------------------------------------------------------- */

static uint32_t spread_pairs(const mb_layer *layer) {
    return mb_spread_pairs(layer->window.kernel, layer->window.kernel * mb_channels(layer));
}

/* Of the weights alone: 64 bytes for a pair of inputs of 32 rows. */
static uint32_t weights_bytes(const mb_layer *layer) {
    return 64u * spread_pairs(layer) * mb_words(layer->n_out);
}

uint32_t mb_spread_bytes(const mb_layer *layer) {
    return weights_bytes(layer) + (2u * layer->n_out + 3u) / 4u * 4u;
}

/* Inputs are taken as uint8, x' = x - z + zero. With D the sum of -w x', a sum of w (x - z) is at
 * least t where D <= -t - zero * (sum of w). D is in -32,640 ... 32,640. */
static int16_t limit_of(int32_t threshold, int32_t zero, int32_t total) {
    int64_t limit = -(int64_t)threshold - (int64_t)zero * total;
    return (int16_t)(limit < INT16_MIN ? INT16_MIN : limit > INT16_MAX ? INT16_MAX : limit);
}

void mb_spread_weights(const mb_model *model, const mb_layer *layer) {
    const uint32_t *words = (const uint32_t *)mb_in_blob(model, layer->blob_weights_at);
    const int32_t *thresholds = mb_thresholds(model, layer);
    int8_t *bytes = (int8_t *)mb_in_arena(model, layer->signs_at);
    int16_t *limits = (int16_t *)(void *)(bytes + weights_bytes(layer));
    uint32_t run = layer->window.kernel * mb_channels(layer), n_pairs = spread_pairs(layer);
    int32_t zero = (int32_t)model->sample_type.zero;
    for (uint32_t j = 0; j < layer->n_out; j++, words += layer->words) {
        int32_t total = 0;
        for (uint32_t i = 0; i < layer->n_in; i++) {
            int8_t weight = words[i / 32u] >> i % 32u & 1u ? 1 : -1;
            uint32_t pair = i / run * ((run + 1u) / 2u) + i % run / 2u;
            bytes[mb_spread_index(n_pairs, j, pair, i % run % 2u)] = (int8_t)-weight;
            total += weight;
        }
        limits[j] = limit_of(thresholds[j], zero, total);
    }
}

mb_spread mb_spread_of(const mb_model *model, const mb_layer *layer) {
    const int8_t *bytes = (const int8_t *)mb_in_arena(model, layer->signs_at);
    const int16_t *limits = (const int16_t *)(const void *)(bytes + weights_bytes(layer));
    const int32_t *thresholds = mb_thresholds(model, layer);
    mb_spread weights = {bytes, limits, mb_flips(thresholds, layer->n_out), layer->n_out};
    return weights;
}

/* ---- scratch -------------------------------------------------------------------------------- */

bool mb_reads_map(const mb_layer *layer) {
    return layer->layout == MB_SPREAD ||
           mb_channels(layer) % (layer->layout == MB_WORD_PANELS ? 32u : 8u) == 0;
}

mb_padded mb_padded_map(const mb_layer *layer) {
    uint32_t more = layer->window.kernel - 1u;
    mb_padded map = {mb_channels(layer) / (layer->layout == MB_SPREAD ? 1u : 8u), 0, 0};
    map.row_bytes = (layer->window.in_columns + more) * map.pixel_bytes;
    map.bytes = (layer->window.in_rows + more) * map.row_bytes;
    return map;
}

uint32_t mb_outputs_at_once(const mb_layer *layer) {
    uint32_t in_window = mb_window_sums(layer);
    return in_window < AT_ONCE ? AT_ONCE / in_window : 1u;
}

/* To a whole word, and with at least one byte after a sample. */
static uint32_t map_bytes(const mb_layer *layer) {
    uint32_t spare = layer->layout == MB_SPREAD ? 1u : 0;
    return (mb_padded_map(layer).bytes + spare + 3u) / 4u * 4u;
}

static uint32_t gathered_bytes(const mb_layer *layer) {
    return mb_outputs_at_once(layer) * mb_window_sums(layer) * 4u * layer->words;
}

uint32_t mb_fused_bits_start(const mb_layer *layer) {
    return mb_reads_map(layer) ? map_bytes(layer) : gathered_bytes(layer);
}

uint32_t mb_fused_bytes(const mb_layer *layer) {
    bool whole_words = layer->n_out % 32u == 0;
    uint32_t bits_bytes = whole_words ? 0 : mb_outputs_at_once(layer) * 4u * mb_words(layer->n_out);
    uint32_t map = map_bytes(layer), gathered = gathered_bytes(layer),
             channels = mb_channels(layer);
    uint32_t either = map > gathered ? map : gathered; /* so that every layout takes the same */
    return bits_bytes + (layer->layout == MB_SPREAD || channels % 32u == 0 ? map
                         : channels % 8u == 0                              ? either
                                                                           : gathered);
}
