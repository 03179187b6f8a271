/* conv_fused.c: a convolution that does not learn, some positions at a time, from bits or a sample
 * to bits. model/fused_layout.c says how its weights and its map lie in memory.
 */
#include "conv_fused.h"

#include "../model/fused_layout.h"
#include "../split.h"
#include "bit_rows.h"
#include "patches.h"

#define MAX_POSITIONS (15u * 15u) /* of one window of pooling, which no call splits */

/* Copy a map, with `flip` applied to all of its bytes and with `one` all around it. */
static void pad_map(uint8_t *to, const mb_layer *layer, const mb_padded *map, const uint8_t *from,
                    uint8_t one, uint8_t flip) {
    uint32_t in_rows = layer->window.in_rows, before = layer->window.before;
    uint32_t in_bytes = layer->window.in_columns * map->pixel_bytes;
    uint32_t bytes = map->bytes, to_bytes = map->row_bytes;
    for (uint32_t i = 0; i < bytes; i++) {
        to[i] = one;
    }
    to += (size_t)before * (to_bytes + map->pixel_bytes);
    for (uint32_t row = 0; row < in_rows; row++, to += to_bytes, from += in_bytes) {
        for (uint32_t i = 0; i < in_bytes; i++) {
            to[i] = from[i] ^ flip;
        }
    }
}

/* Where the patches of n outputs, from output p on, begin in a padded map. */
static void find_patches(const uint8_t **starts, const mb_layer *layer, uint32_t p, uint32_t n,
                         const mb_padded *map, const uint8_t *from) {
    const uint32_t pool = layer->window.pool;
    const size_t down = (size_t)layer->window.stride * map->row_bytes;
    const size_t right = (size_t)layer->window.stride * map->pixel_bytes;
    for (uint32_t i = 0; i < n; i++) {
        mb_place place = mb_place_of(layer, p + i, 0);
        const uint8_t *row = from + place.row * down + place.column * right;
        for (uint32_t a = 0; a < pool; a++, row += down) {
            for (uint32_t b = 0; b < pool; b++) {
                *starts++ = row + b * right;
            }
        }
    }
}

/* Patches of n outputs, from output p on, gathered one after the other. */
static void gather_patches(const uint8_t **starts, const mb_layer *layer, uint32_t p, uint32_t n,
                           const uint32_t *map, uint32_t *to) {
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < mb_window_sums(layer); k++, to += layer->words) {
            mb_gather_bits(to, layer, map, mb_place_of(layer, p + i, k));
            *starts++ = (const uint8_t *)to;
        }
    }
}

static void convolve_some(const mb_model *model, const mb_layer *layer, uint32_t *bits,
                          const mb_patches *patches) {
    if (layer->sees_sample) {
        mb_spread weights = mb_spread_of(model, layer);
        mb_kernels_of(model)->convolve_bytes(bits, &weights, patches);
    } else {
        mb_matrix weights = mb_weights(model, layer);
        mb_kernels_of(model)->convolve_bits(bits, &weights, mb_thresholds(model, layer), patches);
    }
}

/* What the kernel sees at each position, all but where that is. Copies the map with its padding
 * into the scratch. */
static mb_patches start_patches(const mb_model *model, const mb_layer *layer, const mb_padded *map,
                                const void *input) {
    mb_patches patches = {NULL, 0, mb_window_sums(layer), 1, 4u * layer->words, 0};
    if (mb_reads_map(layer)) {
        bool sample = layer->sees_sample;
        uint8_t one = (uint8_t)(sample ? model->sample_type.zero + 1u : 0xffu);
        uint8_t flip = (uint8_t)(sample ? model->sample_type.flip : 0);
        pad_map((uint8_t *)mb_in_arena(model, model->patch_at), layer, map, (const uint8_t *)input,
                one, flip);
        patches.n_runs = layer->window.kernel;
        patches.run_bytes = layer->window.kernel * map->pixel_bytes;
        patches.run_step = map->row_bytes;
    }
    return patches;
}

/* One convolution, and how many of its outputs belong to a part. */
typedef struct fused_job {
    const mb_model *model;
    const mb_layer *layer;
    const void *input;
    mb_padded map;
    mb_patches patches; /* all but where they start */
    uint32_t outputs;
} fused_job;

static void convolve_part(void *argument, uint32_t part) {
    const fused_job *job = (const fused_job *)argument;
    const mb_layer *layer = job->layer;
    const uint8_t *starts[MAX_POSITIONS];
    uint8_t *scratch = (uint8_t *)mb_in_arena(job->model, job->model->patch_at);
    uint32_t words = mb_words(layer->n_out), at_once = mb_outputs_at_once(layer), n;
    uint32_t *some = (uint32_t *)(void *)(scratch + mb_fused_bits_start(layer));
    uint32_t first = part * job->outputs, behind = layer->n_positions - first;
    uint32_t end = first + (behind < job->outputs ? behind : job->outputs);
    mb_bit_writer out = {(uint32_t *)mb_in_arena(job->model, layer->bits_at), 0};
    const bool in_place = mb_reads_map(layer), whole_words = layer->n_out % 32u == 0;
    mb_patches patches = job->patches;
    patches.starts = starts;
    for (uint32_t o = first; o < end; o += n) {
        uint32_t *bits = whole_words ? out.words + (size_t)o * words : some;
        n = end - o < at_once ? end - o : at_once;
        if (in_place) {
            find_patches(starts, layer, o, n, &job->map, scratch);
        } else {
            gather_patches(starts, layer, o, n, (const uint32_t *)job->input,
                           (uint32_t *)(void *)scratch);
        }
        patches.n_outputs = n;
        convolve_some(job->model, layer, bits, &patches);
        if (!whole_words) {
            for (uint32_t i = 0; i < n; i++, bits += words) {
                mb_put_copy(&out, bits, 0, layer->n_out);
            }
        }
    }
}

/* Outputs per part. Parts run side by side only where they do not write into the shared scratch:
 * where they read a padded map and write whole words. */
static uint32_t share_of(const mb_model *model, const mb_layer *layer) {
    uint64_t products = (uint64_t)layer->n_positions * mb_window_sums(layer) * layer->n_in;
    if (!mb_reads_map(layer) || layer->n_out % 32u != 0) {
        return layer->n_positions;
    }
    return mb_share(model, layer->n_positions, mb_outputs_at_once(layer), products * layer->n_out);
}

void mb_convolve_fused(const mb_model *model, const mb_layer *layer, const void *input) {
    fused_job job = {.model = model, .layer = layer, .input = input};
    job.map = mb_padded_map(layer);
    job.patches = start_patches(model, layer, &job.map, input);
    job.outputs = share_of(model, layer);
    mb_run_parts(model, convolve_part, &job, layer->n_positions, job.outputs);
}
