/* conv_fused.c: a convolution that rests, some positions at a time, from bits or a sample to bits.
 *
 * Where the channels of a pixel fill whole bytes (words, in word panels), the kernel reads patches where they
 * lie, in a copy of the map with its padding. Others are gathered row by row before. Weights of samples
 * are spread to bytes when a model is opened.
 */
#include "conv_fused.h"

#include "../split.h"
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

static bool sees_sample(const mb_layer *layer) { return layer->layout == MB_SPREAD; }

/* Whether patches are read in place. */
static bool reads_map(const mb_layer *layer) {
    return sees_sample(layer) ||
           mb_channels(layer) % (layer->layout == MB_WORD_PANELS ? 32u : 8u) == 0;
}

/* A map of pixels of whole bytes, with its padding. */
typedef struct padded {
    uint32_t pixel_bytes, row_bytes, bytes;
} padded;

static padded padded_map(const mb_layer *layer) {
    uint32_t more = layer->window.kernel - 1u;
    padded map = {mb_channels(layer) / (sees_sample(layer) ? 1u : 8u), 0, 0};
    map.row_bytes = (layer->window.in_columns + more) * map.pixel_bytes;
    map.bytes = (layer->window.in_rows + more) * map.row_bytes;
    return map;
}

/* To a whole word, and with at least a byte behind a sample. */
static uint32_t map_bytes(const mb_layer *layer) {
    return (padded_map(layer).bytes + (sees_sample(layer) ? 1u : 0) + 3u) / 4u * 4u;
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
    return bits_bytes + (sees_sample(layer) || channels % 32u == 0 ? map
                         : channels % 8u == 0                      ? either
                                                                   : gathered);
}

/* Copy a map with `one` all around it, all bytes with `flip`. */
static void pad_map(uint8_t *to, const mb_layer *layer, const padded *map, const uint8_t *from,
                    uint8_t one, uint8_t flip) {
    uint32_t in_rows = layer->window.in_rows, before = layer->window.before;
    uint32_t in_bytes = layer->window.in_columns * map->pixel_bytes;
    uint32_t bytes = map->bytes, to_bytes = map->row_bytes;
    for (uint32_t i = 0; i < bytes; i++) {
        to[i] = one ^ flip;
    }
    to += (size_t)before * (to_bytes + map->pixel_bytes);
    for (uint32_t row = 0; row < in_rows; row++, to += to_bytes, from += in_bytes) {
        for (uint32_t i = 0; i < in_bytes; i++) {
            to[i] = from[i] ^ flip;
        }
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

/* ---- weights of samples --------------------------------------------------------------------- */

static uint32_t spread_pairs(const mb_layer *layer) {
    return mb_spread_pairs(layer->window.kernel, layer->window.kernel * mb_channels(layer));
}

/* Of the weights alone: 64 bytes for a pair of inputs of 32 rows. */
static uint32_t spread_weights_bytes(const mb_layer *layer) {
    return 64u * spread_pairs(layer) * mb_words(layer->n_out);
}

uint32_t mb_spread_bytes(const mb_layer *layer) {
    return spread_weights_bytes(layer) + (2u * layer->n_out + 3u) / 4u * 4u;
}

/* Inputs are taken as uint8, x' = x - z + zero. With D the sum of -w x', a sum of w (x - z) is at least t
 * where D <= -t - zero * (sum of w). D is in -32,640 ... 32,640. */
static int16_t limit_of(int32_t threshold, int32_t zero, int32_t total) {
    int64_t most = -(int64_t)threshold - (int64_t)zero * total;
    return (int16_t)(most < INT16_MIN ? INT16_MIN : most > INT16_MAX ? INT16_MAX : most);
}

void mb_spread_weights(const mb_model *model, const mb_layer *layer) {
    const uint32_t *words = (const uint32_t *)mb_in_blob(model, layer->blob_weights_at);
    const int32_t *thresholds = (const int32_t *)mb_in_blob(model, layer->blob_threshold_at);
    int8_t *at = (int8_t *)mb_at(model, layer->signs_at);
    int16_t *most = (int16_t *)(void *)(at + spread_weights_bytes(layer));
    uint32_t run = layer->window.kernel * mb_channels(layer), n_pairs = spread_pairs(layer);
    int32_t zero = model->zero_point + (model->input_signed ? 128 : 0);
    for (uint32_t j = 0; j < layer->n_out; j++, words += layer->words) {
        int32_t total = 0;
        for (uint32_t i = 0; i < layer->n_in; i++) {
            int8_t weight = words[i / 32u] >> i % 32u & 1u ? 1 : -1;
            uint32_t pair = i / run * ((run + 1u) / 2u) + i % run / 2u;
            at[mb_spread_index(n_pairs, j, pair, i % run % 2u)] = (int8_t)-weight;
            total += weight;
        }
        most[j] = limit_of(thresholds[j], zero, total);
    }
}

/* ---- forward -------------------------------------------------------------------------------- */

static void convolve_some(const mb_model *model, const mb_layer *layer, uint32_t *bits,
                          const mb_patches *patches) {
    const int32_t *thresholds = (const int32_t *)mb_in_blob(model, layer->blob_threshold_at);
    if (sees_sample(layer)) {
        const int8_t *at = (const int8_t *)mb_at(model, layer->signs_at);
        const int16_t *most = (const int16_t *)(const void *)(at + spread_weights_bytes(layer));
        const uint32_t *flips = (const uint32_t *)thresholds + layer->n_out;
        mb_spread weights = {at, most, flips, layer->n_out};
        mb_kernels_of(model)->convolve_bytes(bits, &weights, patches);
    } else {
        mb_matrix weights = mb_weights(model, layer);
        mb_kernels_of(model)->convolve_bits(bits, &weights, thresholds, patches);
    }
}

/* What the kernel sees at each position, but for where; a padded map into the scratch. */
static mb_patches start_patches(const mb_model *model, const mb_layer *layer, const padded *map,
                                const void *input) {
    mb_patches patches = {NULL, 0, window_positions(layer), 1, 4u * layer->words, 0};
    if (reads_map(layer)) {
        bool sample = sees_sample(layer);
        uint8_t one = sample ? (uint8_t)(model->zero_point + 1) : 0xff;
        uint8_t flip = sample && model->input_signed ? 0x80 : 0;
        pad_map((uint8_t *)mb_at(model, model->patch_at), layer, map, (const uint8_t *)input, one,
                flip);
        patches.n_runs = layer->window.kernel;
        patches.run_bytes = layer->window.kernel * map->pixel_bytes;
        patches.run_step = map->row_bytes;
    }
    return patches;
}

/* One convolution, and how many of its outputs are a part. */
typedef struct fused_job {
    const mb_model *model;
    const mb_layer *layer;
    const void *input;
    padded map;
    mb_patches patches; /* but for where they are */
    uint32_t outputs;
} fused_job;

static void convolve_part(void *argument, uint32_t part) {
    const fused_job *job = (const fused_job *)argument;
    const mb_layer *layer = job->layer;
    const mb_window *window = &layer->window;
    const uint8_t *at[MOST_POSITIONS];
    uint8_t *scratch = (uint8_t *)mb_at(job->model, job->model->patch_at);
    uint32_t words = mb_words(layer->n_out), most = outputs_at_once(layer), n;
    uint32_t *some = (uint32_t *)(void *)(scratch + bits_start(layer));
    uint32_t first = part * job->outputs, behind = layer->n_positions - first;
    uint32_t end = first + (behind < job->outputs ? behind : job->outputs);
    mb_bit_writer out = {(uint32_t *)mb_at(job->model, layer->bits_at), 0};
    path way = {first / window->out_columns, first % window->out_columns, window->pool,
                window->out_columns};
    const bool in_place = reads_map(layer), whole_words = layer->n_out % 32u == 0;
    mb_patches patches = job->patches;
    patches.at = at;
    for (uint32_t o = first; o < end; o += n) {
        uint32_t *bits = whole_words ? out.words + (size_t)o * words : some;
        n = end - o < most ? end - o : most;
        if (in_place) {
            find_patches(at, &way, n, scratch, (size_t)window->stride * job->map.row_bytes,
                         (size_t)window->stride * job->map.pixel_bytes);
        } else {
            gather_patches(at, &way, n, layer, (const uint32_t *)job->input,
                           (uint32_t *)(void *)scratch);
        }
        patches.n_outputs = n;
        convolve_some(job->model, layer, bits, &patches);
        for (uint32_t i = 0; !whole_words && i < n; i++, bits += words) {
            mb_put_copy(&out, bits, 0, layer->n_out);
        }
    }
}

/* Outputs of a part. Parts need scratch of their own but where they only read a padded map and write
 * whole words. */
static uint32_t share_of(const mb_model *model, const mb_layer *layer) {
    uint64_t products = (uint64_t)layer->n_positions * window_positions(layer) * layer->n_in;
    if (!reads_map(layer) || layer->n_out % 32u != 0) {
        return layer->n_positions;
    }
    return mb_share(model, layer->n_positions, outputs_at_once(layer), products * layer->n_out);
}

void mb_convolve_fused(const mb_model *model, uint32_t index, const void *input) {
    const mb_layer *layer = &mb_layers(model)[index];
    fused_job job = {.model = model, .layer = layer, .input = input};
    job.map = padded_map(layer);
    job.patches = start_patches(model, layer, &job.map, input);
    job.outputs = share_of(model, layer);
    mb_run_parts(model, convolve_part, &job, layer->n_positions, job.outputs);
}
