/* sections.c: check what the sections of a .mbit blob say, and find the parts of the network in
 * them.
 *
 * The blob is hostile: no field is used before its bounds have been checked, and sizes are computed
 * in 64 bits before they are compared.
 */
#include "sections.h"

#include "envelope.h"
#include "front_section.h"
#include "goal_section.h"
#include "head_section.h"
#include "learn_section.h"
#include "offsets.h"
#include "tracker_section.h"

#define KIND_DENSE 1u
#define KIND_CONVOLUTION 2u

#define MAX_BANKS 1024u
#define MAX_INPUTS 65536u
#define MAX_OUTPUTS 65535u
#define MAX_ROW 65536u
#define MAX_MAP (1u << 24)
#define MAX_POOL 15u
#define MAX_TAPS 65535u

/* ---- network -------------------------------------------------------------------------------- */

/* Side i of a sample, of the network at `at`. */
static uint32_t sample_side(const mb_blob_view *v, uint32_t at, uint32_t i) {
    return u32(v->bytes, at + NETWORK_SHAPE + 4u * i);
}

static int read_input(mb_blob_view *v, uint32_t at) {
    const uint8_t *b = v->bytes;
    mb_info *info = &v->info;
    info->n_layers = u32(b, at + NETWORK_N_LAYERS);
    info->n_banks = u32(b, at + NETWORK_N_BANKS);
    info->input_signed = u32(b, at + NETWORK_INPUT_TYPE);
    info->zero_point = (int32_t)u32(b, at + NETWORK_ZERO_POINT);
    info->untrained = u32(b, at + NETWORK_UNTRAINED);
    v->eps = f32(b, at + NETWORK_EPS);
    uint32_t n_dims = u32(b, at + NETWORK_N_DIMENSIONS);
    int32_t low = info->input_signed ? -128 : 0;
    if (info->n_layers < 1 || info->n_layers > MB_MAX_LAYERS || info->n_banks < 1 ||
        info->n_banks > MAX_BANKS || info->input_signed > 1 || info->zero_point < low ||
        info->zero_point > low + 255 || n_dims < 1 || n_dims > 4 || info->untrained > 1 ||
        !within(v->eps, 1e-8f, 1.0f) || !within(f32(b, at + NETWORK_SCALE), 1e-30f, 1e30f)) {
        return MB_ERR_CORRUPT;
    }
    uint64_t n_inputs = 1;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t n = sample_side(v, at, i);
        if (n < 1 || n > MAX_INPUTS || (i >= n_dims && n != 1)) {
            return MB_ERR_CORRUPT;
        }
        n_inputs *= n;
        if (n_inputs > MAX_INPUTS) {
            return MB_ERR_CORRUPT;
        }
    }
    info->n_inputs = (uint32_t)n_inputs;
    return MB_OK;
}

/* What a layer hands on to the next one: a map, or with no columns a vector of n values. */
typedef struct shape {
    uint32_t rows, columns, channels;
    uint32_t n;
} shape;

static shape sample_shape(const mb_blob_view *v, uint32_t at) {
    uint32_t n_dims = u32(v->bytes, at + NETWORK_N_DIMENSIONS);
    shape sample = {0, 0, 0, v->info.n_inputs};
    if (n_dims == 2 || n_dims == 3) { /* of two dimensions: the third is 1, one channel */
        sample.rows = sample_side(v, at, 0);
        sample.columns = sample_side(v, at, 1);
        sample.channels = sample_side(v, at, 2);
    }
    return sample;
}

/* Sums on one side of a map; 0 where the kernel does not fit. */
static uint32_t sum_side(uint32_t side, const mb_window *window, uint32_t padded) {
    uint32_t outside = padded ? 1u : window->kernel;
    return side < outside ? 0 : (side - outside) / window->stride + 1u;
}

/* Read the window of a convolution; `map` becomes what the layer hands on. */
static int read_window(mb_layer_view *layer, const uint8_t *record, shape *map) {
    mb_window *window = &layer->window;
    uint32_t padded = record[RECORD_PADDING];
    window->kernel = record[RECORD_KERNEL];
    window->stride = record[RECORD_STRIDE];
    window->pool = record[RECORD_POOL];
    if (padded > 1) {
        return MB_ERR_FORMAT;
    }
    uint32_t taps = (uint32_t)window->kernel * window->kernel;
    if (map->columns == 0 || taps == 0 || window->stride == 0 || window->pool == 0 ||
        window->pool > MAX_POOL || (uint64_t)taps * map->channels != layer->n_in ||
        (uint64_t)taps * layer->n_out > MAX_TAPS) {
        return MB_ERR_CORRUPT;
    }
    window->before = padded ? (uint8_t)((window->kernel - 1u) / 2u) : 0;
    window->in_rows = map->rows;
    window->in_columns = map->columns;
    uint32_t rows = sum_side(map->rows, window, padded);
    uint32_t columns = sum_side(map->columns, window, padded);
    map->rows = rows / window->pool;
    map->columns = columns / window->pool;
    map->channels = layer->n_out;
    /* Rows times columns is at most the number of inputs, 2^16. */
    if (map->rows == 0 || map->columns == 0 || (uint64_t)rows * columns * layer->n_out > MAX_MAP) {
        return MB_ERR_CORRUPT;
    }
    window->out_columns = map->columns;
    layer->n_positions = map->rows * map->columns;
    map->n = layer->n_positions * layer->n_out;
    return MB_OK;
}

/* One record of the network. `map` is what the layer reads, and becomes what it hands on. */
static int read_layer(const mb_blob_view *v, uint32_t record, mb_layer_view *layer, shape *map) {
    uint32_t kind = u32(v->bytes, record + RECORD_KIND);
    layer->n_in = u32(v->bytes, record + RECORD_N_IN);
    layer->n_out = u32(v->bytes, record + RECORD_N_OUT);
    if (layer->n_in > MAX_ROW || layer->n_out < 1 || layer->n_out > MAX_OUTPUTS) {
        return MB_ERR_CORRUPT;
    }
    if (kind == KIND_CONVOLUTION) {
        return read_window(layer, v->bytes + record, map);
    }
    if (kind != KIND_DENSE || u32(v->bytes, record + RECORD_WINDOW) != 0) {
        return MB_ERR_FORMAT;
    }
    if (layer->n_in != map->n) {
        return MB_ERR_CORRUPT;
    }
    layer->n_positions = 1;
    layer->window.pool = 1;
    *map = (shape){0, 0, 0, layer->n_out};
    return MB_OK;
}

/* Around the first map lies the integer zero point + 1, which a sample must be able to hold. */
static bool padding_exists(const mb_blob_view *v, uint32_t first_record) {
    uint32_t padded = v->bytes[first_record + RECORD_PADDING];
    int32_t highest = v->info.input_signed ? 127 : 255;
    return !padded || v->layers[0].window.kernel == 1 || v->info.zero_point < highest;
}

static int read_layers(mb_blob_view *v, const section_map *map) {
    uint32_t at = map->offset[NETWORK];
    if (map->length[NETWORK] < NETWORK_RECORDS) {
        return MB_ERR_CORRUPT;
    }
    int error = read_input(v, at);
    if (error != MB_OK) {
        return error;
    }
    if (map->length[NETWORK] != NETWORK_RECORDS + RECORD_BYTES * v->info.n_layers) {
        return MB_ERR_CORRUPT;
    }
    shape handed_on = sample_shape(v, at);
    uint64_t weights_at = map->offset[WEIGHTS];
    for (uint32_t i = 0; i < v->info.n_layers; i++) {
        mb_layer_view *layer = &v->layers[i];
        error = read_layer(v, at + NETWORK_RECORDS + RECORD_BYTES * i, layer, &handed_on);
        if (error != MB_OK) {
            return error;
        }
        layer->words = mb_words(layer->n_in);
        layer->weights_at = (uint32_t)weights_at;
        weights_at += (uint64_t)4 * layer->words * layer->n_out;
        if (weights_at > (uint64_t)map->offset[WEIGHTS] + map->length[WEIGHTS]) {
            return MB_ERR_CORRUPT;
        }
    }
    if (handed_on.columns != 0 || !padding_exists(v, at + NETWORK_RECORDS)) {
        return MB_ERR_CORRUPT; /* the last layer is dense */
    }
    v->info.n_outputs = handed_on.n;
    return weights_at == (uint64_t)map->offset[WEIGHTS] + map->length[WEIGHTS] ? MB_OK
                                                                               : MB_ERR_CORRUPT;
}

/* The bits after the true length of every row must be zero: popcounts rely on it. */
static bool padding_is_zero(const uint8_t *b, uint32_t at, uint32_t rows, uint32_t n_bits) {
    uint32_t words = mb_words(n_bits), used = n_bits % 32u;
    uint32_t any = 0;
    if (used == 0) {
        return true;
    }
    for (uint32_t row = 0; row < rows; row++) {
        any |= u32(b, at + 4u * (row * words + words - 1u)) >> used;
    }
    return any == 0;
}

static bool rows_end_in_zeros(const mb_blob_view *v) {
    for (uint32_t i = 0; i < v->info.n_layers; i++) {
        const mb_layer_view *layer = &v->layers[i];
        if (!padding_is_zero(v->bytes, layer->weights_at, layer->n_out, layer->n_in)) {
            return false;
        }
    }
    return true;
}

static int read_thresholds(mb_blob_view *v, const section_map *map, uint32_t bank) {
    uint64_t at = map->offset[THRESHOLDS], end = at + map->length[THRESHOLDS];
    for (uint32_t k = 0; k < v->info.n_banks; k++) {
        for (uint32_t i = 0; i + 1 < v->info.n_layers; i++) {
            mb_layer_view *layer = &v->layers[i];
            uint32_t flips = 4u * layer->n_out, bytes = flips + 4u * mb_words(layer->n_out);
            if (at + bytes > end ||
                !padding_is_zero(v->bytes, (uint32_t)at + flips, 1, layer->n_out)) {
                return MB_ERR_CORRUPT;
            }
            if (k == bank) {
                layer->threshold_at = (uint32_t)at;
            }
            at += bytes;
        }
    }
    return at == end ? MB_OK : MB_ERR_CORRUPT;
}

static int read_output_norm(mb_blob_view *v, const section_map *map, uint32_t bank) {
    mb_layer_view *output = &v->layers[v->info.n_layers - 1u];
    uint64_t bank_bytes = (uint64_t)16 * output->n_out;
    if (map->length[NORM] != bank_bytes * v->info.n_banks) {
        return MB_ERR_CORRUPT;
    }
    for (uint32_t k = 0; k < v->info.n_banks; k++) {
        uint32_t at = map->offset[NORM] + (uint32_t)(k * bank_bytes);
        if (!mb_norm_is_sane(v->bytes, at, output->n_out)) {
            return MB_ERR_CORRUPT;
        }
        if (k == bank) {
            output->norm_at = at;
        }
    }
    return MB_OK;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int read_golden(mb_blob_view *v, const section_map *map) {
    uint32_t at = map->offset[GOLDEN];
    if (at == 0) {
        return MB_OK;
    }
    if (map->length[GOLDEN] < GOLDEN_SCORES || u32(v->bytes, at + GOLDEN_ZERO) != 0) {
        return MB_ERR_CORRUPT;
    }
    uint32_t n = u32(v->bytes, at + GOLDEN_N);
    uint64_t sample_bytes = (uint64_t)4 * v->info.n_outputs + v->info.n_inputs;
    if (n > map->length[GOLDEN] || map->length[GOLDEN] != GOLDEN_SCORES + n * sample_bytes) {
        return MB_ERR_CORRUPT;
    }
    v->info.n_golden = n;
    v->golden_scores_at = at + GOLDEN_SCORES;
    v->golden_samples_at = v->golden_scores_at + 4u * n * v->info.n_outputs;
    return MB_OK;
}

int mb_view(mb_blob_view *view, const void *blob, size_t blob_bytes, uint32_t bank) {
    section_map map;
    mb_zero(view, sizeof *view);
    if (blob == NULL || (uintptr_t)blob % MB_ALIGNMENT != 0) {
        return MB_ERR_INPUT;
    }
    view->bytes = (const uint8_t *)blob;
    int error = mb_find_sections(&map, view->bytes, blob_bytes);
    if (error == MB_OK) {
        error = read_layers(view, &map);
    }
    if (error == MB_OK && bank >= view->info.n_banks) {
        error = MB_ERR_INPUT;
    }
    if (error == MB_OK && !rows_end_in_zeros(view)) {
        error = MB_ERR_CORRUPT;
    }
    if (error == MB_OK) {
        error = read_thresholds(view, &map, bank);
    }
    if (error == MB_OK) {
        error = read_output_norm(view, &map, bank);
    }
    if (error == MB_OK) {
        error = mb_read_learn(view, &map, bank);
    }
    if (error == MB_OK) {
        error = mb_read_head(view, &map);
    }
    if (error == MB_OK) {
        error = mb_read_tracker(view, &map);
    }
    if (error == MB_OK) {
        error = mb_read_goal(view, &map);
    }
    if (error == MB_OK) {
        error = mb_read_front(view, &map);
    }
    if (error == MB_OK) {
        error = read_golden(view, &map);
    }
    /* The header's checksum covers the table's, which covers every section's: it names the blob. */
    view->identity = error == MB_OK ? u32(view->bytes, HEADER_CRC) : 0;
    return error;
}

int mb_verify(const void *blob, size_t blob_bytes, mb_info *info) {
    mb_blob_view view;
    int error = mb_view(&view, blob, blob_bytes, 0);
    if (error == MB_OK && info != NULL) {
        *info = view.info;
    }
    return error;
}
