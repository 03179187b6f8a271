/* conv_fused.c: a convolution that rests, some positions at a time, from bits to bits.
 *
 * Where the channels of a pixel fill whole bytes (words, in word panels), the kernel reads patches where they
 * lie, in a copy of the map with its padding. Others are gathered row by row before.
 */
#include "conv_fused.h"

#if !defined(MB_KERNELS_SWAR)

#include "bit_rows.h"
#include "conv.h"

#define AT_ONCE 64u                /* positions a call */
#define MOST_POSITIONS (15u * 15u) /* of one window of pooling, which a call does not split */

static uint32_t window_positions(const mb_layer *layer) {
    return (uint32_t)layer->window.pool * layer->window.pool;
}

static uint32_t outputs_at_once(const mb_layer *layer) {
    uint32_t in_window = window_positions(layer);
    return in_window < AT_ONCE ? AT_ONCE / in_window : 1u;
}

/* Whether patches are read in place. */
static bool reads_map(const mb_layer *layer) {
    return mb_channels(layer) % (layer->layout == MB_WORD_PANELS ? 32u : 8u) == 0;
}

/* A map of pixels of whole bytes, with its padding. */
typedef struct padded {
    uint32_t pixel_bytes, row_bytes, bytes;
} padded;

static padded padded_map(const mb_layer *layer) {
    uint32_t more = layer->window.kernel - 1u;
    padded map = {mb_channels(layer) / 8u, 0, 0};
    map.row_bytes = (layer->window.in_columns + more) * map.pixel_bytes;
    map.bytes = (layer->window.in_rows + more) * map.row_bytes;
    return map;
}

static uint32_t map_bytes(const mb_layer *layer) {
    return (padded_map(layer).bytes + 3u) / 4u * 4u;
}

static uint32_t gathered_bytes(const mb_layer *layer) {
    return outputs_at_once(layer) * window_positions(layer) * 4u * layer->words;
}

/* Where in the scratch the bits of outputs begin that do not fill words. */
static uint32_t bits_start(const mb_layer *layer) {
    return reads_map(layer) ? map_bytes(layer) : gathered_bytes(layer);
}

uint32_t mb_fused_bytes(const mb_layer *layer) {
    bool whole_words = layer->n_out % 32u == 0;
    uint32_t bits_bytes = whole_words ? 0 : outputs_at_once(layer) * 4u * mb_words(layer->n_out);
    uint32_t map = map_bytes(layer), gathered = gathered_bytes(layer),
             channels = mb_channels(layer);
    uint32_t either = map > gathered ? map : gathered; /* so that every layout takes the same */
    return bits_bytes + (channels % 32u == 0 ? map : channels % 8u == 0 ? either : gathered);
}

/* Copy a map of bits, with ones all around it. */
static void pad_map(uint8_t *to, const mb_layer *layer, const padded *map, const uint8_t *from) {
    uint32_t in_rows = layer->window.in_rows, before = layer->window.before;
    uint32_t in_bytes = layer->window.in_columns * map->pixel_bytes;
    uint32_t bytes = map->bytes, to_bytes = map->row_bytes;
    for (uint32_t i = 0; i < bytes; i++) {
        to[i] = 0xff;
    }
    to += (size_t)before * (to_bytes + map->pixel_bytes);
    for (uint32_t row = 0; row < in_rows; row++, to += to_bytes, from += in_bytes) {
        mb_copy(to, from, in_bytes);
    }
}

/* Goes through positions before pooling, a window of pooling after the other. */
typedef struct path {
    uint32_t row, column; /* of the window */
    uint32_t pool, out_columns;
} path;

static void next_window(path *at) {
    at->column++;
    if (at->column == at->out_columns) {
        at->column = 0;
        at->row++;
    }
}

/* Where the patches of n outputs begin in a padded map. */
static void find_patches(const uint8_t **at, path *way, uint32_t n, const uint8_t *from,
                         size_t down, size_t right) {
    const uint32_t pool = way->pool;
    for (; n > 0; n--, next_window(way)) {
        const uint8_t *row = from + way->row * pool * down + way->column * pool * right;
        for (uint32_t a = 0; a < pool; a++, row += down) {
            for (uint32_t b = 0; b < pool; b++) {
                *at++ = row + b * right;
            }
        }
    }
}

/* Patches of n outputs, gathered one behind the other. */
static void gather_patches(const uint8_t **at, path *way, uint32_t n, const mb_layer *layer,
                           const uint32_t *map, uint32_t *to) {
    const uint32_t pool = way->pool;
    for (; n > 0; n--, next_window(way)) {
        for (uint32_t k = 0; k < pool * pool; k++, to += layer->words) {
            mb_gather_bits(to, layer, map, way->row * pool + k / pool,
                           way->column * pool + k % pool);
            *at++ = (const uint8_t *)to;
        }
    }
}

void mb_convolve_fused(const mb_model *model, uint32_t index, const uint32_t *input) {
    const mb_layer *layer = &mb_layers(model)[index];
    const int32_t *thresholds = (const int32_t *)mb_in_blob(model, layer->blob_threshold_at);
    const uint8_t *at[MOST_POSITIONS];
    uint8_t *scratch = (uint8_t *)mb_at(model, model->patch_at);
    uint32_t words = mb_words(layer->n_out), most = outputs_at_once(layer), n;
    uint32_t *some = (uint32_t *)(void *)(scratch + bits_start(layer));
    mb_bit_writer out = {(uint32_t *)mb_at(model, layer->bits_at), 0};
    mb_matrix weights = mb_weights(model, layer);
    mb_patches patches = {at, 0, window_positions(layer), 1, 4u * layer->words, 0};
    path way = {0, 0, layer->window.pool, layer->window.out_columns};
    const bool in_place = reads_map(layer), whole_words = layer->n_out % 32u == 0;
    const padded map = padded_map(layer);
    if (in_place) {
        pad_map(scratch, layer, &map, (const uint8_t *)input);
        patches.n_runs = layer->window.kernel;
        patches.run_bytes = layer->window.kernel * map.pixel_bytes;
        patches.run_step = map.row_bytes;
    }
    for (uint32_t o = 0; o < layer->n_positions; o += n) {
        uint32_t *bits = whole_words ? out.words + (size_t)o * words : some;
        n = layer->n_positions - o < most ? layer->n_positions - o : most;
        if (in_place) {
            find_patches(at, &way, n, scratch, (size_t)layer->window.stride * map.row_bytes,
                         (size_t)layer->window.stride * map.pixel_bytes);
        } else {
            gather_patches(at, &way, n, layer, input, (uint32_t *)(void *)scratch);
        }
        patches.n_outputs = n;
        mb_kernels_of(model)->convolve_bits(bits, &weights, thresholds, &patches);
        for (uint32_t i = 0; !whole_words && i < n; i++, bits += words) {
            mb_put_copy(&out, bits, 0, layer->n_out);
        }
    }
}

#else
typedef int mb_no_fused_convolution; /* a file of ISO C is not empty */
#endif
