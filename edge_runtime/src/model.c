/* model.c: check a .mbit blob and find its parts. The one place in C that knows byte offsets;
 * docs/FORMAT.md is its twin.
 *
 * The blob is hostile: no field is used before the checksum over it and its bounds have been checked,
 * and sizes are computed in 64 bits before they are compared.
 */
#include "internal.h"

#define HEADER_BYTES 64u
#define ENTRY_BYTES 32u
#define SECTION_ALIGNMENT 64u
#define MAX_SECTIONS 64u
#define FORMAT_MAJOR 1u
#define ENDIAN_MARK 0x01020304u
#define CRITICAL 1u
#define KIND_DENSE 1u

#define MAX_BANKS 1024u
#define MAX_INPUTS 65536u
#define MAX_OUTPUTS 65535u

#define TYPE(a, b, c, d) \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

static const uint8_t magic[8] = {0x89, 'M', 'B', 'I', 'T', '\r', '\n', 0x1a};

enum { NETWORK, WEIGHTS, THRESHOLDS, NORM, LEARN, GOLDEN, META, N_TYPES };

static const uint32_t types[N_TYPES] = {
    TYPE('N', 'E', 'T', 'W'), TYPE('W', 'G', 'T', 'S'), TYPE('T', 'H', 'R', 'S'),
    TYPE('N', 'O', 'R', 'M'), TYPE('L', 'E', 'R', 'N'), TYPE('G', 'O', 'L', 'D'),
    TYPE('M', 'E', 'T', 'A'),
};

/* Where each known section lies; length 0 and offset 0 when it is absent. */
typedef struct section_map {
    uint32_t at[N_TYPES];
    uint32_t bytes[N_TYPES];
} section_map;

static uint32_t u32(const uint8_t *bytes, uint32_t at) {
    uint32_t value;
    mb_copy(&value, bytes + at, sizeof value);
    return value;
}

static float f32(const uint8_t *bytes, uint32_t at) {
    float value;
    mb_copy(&value, bytes + at, sizeof value);
    return value;
}

static bool all_zero(const uint8_t *bytes, size_t n) {
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

/* False for NaN too. */
static bool within(float value, float low, float high) { return value >= low && value <= high; }

/* ---- envelope ------------------------------------------------------------------------------- */

static int check_header(const uint8_t *b, size_t blob_bytes, uint32_t *n_sections) {
    if (blob_bytes < HEADER_BYTES || !mb_same(b, magic, sizeof magic)) {
        return MB_ERR_FORMAT;
    }
    if (mb_crc32(0, b, 60) != u32(b, 60)) {
        return MB_ERR_CORRUPT;
    }
    uint32_t major = u32(b, 8) & 0xffffu;
    if (major != FORMAT_MAJOR || u32(b, 12) != ENDIAN_MARK) {
        return MB_ERR_FORMAT;
    }
    *n_sections = u32(b, 20);
    if (u32(b, 16) != blob_bytes || *n_sections > MAX_SECTIONS || !all_zero(b + 28, 32) ||
        blob_bytes < HEADER_BYTES + (size_t)*n_sections * ENTRY_BYTES) {
        return MB_ERR_CORRUPT;
    }
    if (mb_crc32(0, b + HEADER_BYTES, *n_sections * ENTRY_BYTES) != u32(b, 24)) {
        return MB_ERR_CORRUPT;
    }
    return MB_OK;
}

/* Note a section in the map. Unknown types are refused when critical, else skipped. */
static int place(section_map *map, uint32_t type, uint32_t flags, uint32_t at, uint32_t bytes) {
    for (int i = 0; i < N_TYPES; i++) {
        if (types[i] == type) {
            if (map->at[i] != 0) {
                return MB_ERR_CORRUPT; /* twice */
            }
            map->at[i] = at;
            map->bytes[i] = bytes;
            return MB_OK;
        }
    }
    return (flags & CRITICAL) ? MB_ERR_FORMAT : MB_OK;
}

static int check_sections(const uint8_t *b, size_t blob_bytes, uint32_t n, section_map *map) {
    uint64_t end = HEADER_BYTES + (uint64_t)n * ENTRY_BYTES;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t entry = HEADER_BYTES + i * ENTRY_BYTES;
        uint32_t flags = u32(b, entry + 4), at = u32(b, entry + 8), bytes = u32(b, entry + 12);
        uint64_t expected = (end + SECTION_ALIGNMENT - 1u) & ~(uint64_t)(SECTION_ALIGNMENT - 1u);
        if (at != expected || (uint64_t)at + bytes > blob_bytes || flags > CRITICAL ||
            !all_zero(b + entry + 20, 12) || !all_zero(b + end, (size_t)(at - end)) ||
            mb_crc32(0, b + at, bytes) != u32(b, entry + 16)) {
            return MB_ERR_CORRUPT;
        }
        end = (uint64_t)at + bytes;
        int error = place(map, u32(b, entry), flags, at, bytes);
        if (error != MB_OK) {
            return error;
        }
    }
    bool complete = map->at[NETWORK] && map->at[WEIGHTS] && map->at[THRESHOLDS] && map->at[NORM];
    return end == blob_bytes && complete ? MB_OK : MB_ERR_CORRUPT;
}

/* ---- network -------------------------------------------------------------------------------- */

static int read_input(mb_blob_view *v, uint32_t at) {
    const uint8_t *b = v->bytes;
    mb_info *info = &v->info;
    info->n_layers = u32(b, at);
    info->n_banks = u32(b, at + 4);
    info->input_signed = u32(b, at + 8);
    info->zero_point = (int32_t)u32(b, at + 12);
    v->eps = f32(b, at + 20);
    uint32_t n_dims = u32(b, at + 24);
    int32_t low = info->input_signed ? -128 : 0;
    if (info->n_layers < 1 || info->n_layers > MB_MAX_LAYERS || info->n_banks < 1 ||
        info->n_banks > MAX_BANKS || info->input_signed > 1 || info->zero_point < low ||
        info->zero_point > low + 255 || n_dims < 1 || n_dims > 4 || u32(b, at + 44) != 0 ||
        !within(v->eps, 1e-8f, 1.0f) || !within(f32(b, at + 16), 1e-30f, 1e30f)) {
        return MB_ERR_CORRUPT;
    }
    uint64_t n_inputs = 1;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t n = u32(b, at + 28 + 4 * i);
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

static int read_layers(mb_blob_view *v, const section_map *map) {
    uint32_t at = map->at[NETWORK];
    if (map->bytes[NETWORK] < 48) {
        return MB_ERR_CORRUPT;
    }
    int error = read_input(v, at);
    if (error != MB_OK) {
        return error;
    }
    if (map->bytes[NETWORK] != 48u + 16u * v->info.n_layers) {
        return MB_ERR_CORRUPT;
    }
    uint32_t n_in = v->info.n_inputs;
    uint64_t weights_at = map->at[WEIGHTS];
    for (uint32_t i = 0; i < v->info.n_layers; i++) {
        uint32_t record = at + 48u + 16u * i;
        mb_layer_view *layer = &v->layers[i];
        if (u32(v->bytes, record) != KIND_DENSE || u32(v->bytes, record + 12) != 0) {
            return MB_ERR_FORMAT;
        }
        layer->n_in = u32(v->bytes, record + 4);
        layer->n_out = u32(v->bytes, record + 8);
        if (layer->n_in != n_in || layer->n_out < 1 || layer->n_out > MAX_OUTPUTS) {
            return MB_ERR_CORRUPT;
        }
        n_in = layer->n_out;
        layer->words = mb_words(layer->n_in);
        layer->weights_at = (uint32_t)weights_at;
        weights_at += (uint64_t)4 * layer->words * layer->n_out;
        if (weights_at > (uint64_t)map->at[WEIGHTS] + map->bytes[WEIGHTS]) {
            return MB_ERR_CORRUPT;
        }
    }
    v->info.n_outputs = n_in;
    return weights_at == (uint64_t)map->at[WEIGHTS] + map->bytes[WEIGHTS] ? MB_OK : MB_ERR_CORRUPT;
}

/* The bits behind the true length of every row must be zero: popcounts rely on it. */
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

static int read_thresholds(mb_blob_view *v, const section_map *map, uint32_t bank) {
    uint64_t at = map->at[THRESHOLDS], end = at + map->bytes[THRESHOLDS];
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

/* Four columns of n_out floats: mean, var, gamma, beta, in ranges that keep all arithmetic finite. */
static bool norm_is_sane(const uint8_t *b, uint32_t at, uint32_t n_out) {
    static const float low[4] = {-33554432.0f, 0.0f, -1048576.0f, -1048576.0f};
    static const float high[4] = {33554432.0f, 1.12589991e15f, 1048576.0f, 1048576.0f};
    bool sane = true;
    for (uint32_t column = 0; column < 4; column++) {
        for (uint32_t j = 0; j < n_out; j++) {
            sane &= within(f32(b, at + 4u * (column * n_out + j)), low[column], high[column]);
        }
    }
    return sane;
}

static int read_output_norm(mb_blob_view *v, const section_map *map, uint32_t bank) {
    mb_layer_view *output = &v->layers[v->info.n_layers - 1u];
    uint64_t bank_bytes = (uint64_t)16 * output->n_out;
    if (map->bytes[NORM] != bank_bytes * v->info.n_banks) {
        return MB_ERR_CORRUPT;
    }
    for (uint32_t k = 0; k < v->info.n_banks; k++) {
        uint32_t at = map->at[NORM] + (uint32_t)(k * bank_bytes);
        if (!norm_is_sane(v->bytes, at, output->n_out)) {
            return MB_ERR_CORRUPT;
        }
        if (k == bank) {
            output->norm_at = at;
        }
    }
    return MB_OK;
}

/* ---- learning ------------------------------------------------------------------------------- */

/* Every hidden weight must have the sign of its binary weight, and padding must be zero. */
static bool levels_agree(const mb_blob_view *v, const mb_layer_view *layer, uint32_t bits) {
    uint32_t row_bytes = mb_level_row_bytes(layer->n_in, bits), wrong = 0;
    for (uint32_t row = 0; row < layer->n_out; row++) {
        const uint8_t *levels = v->bytes + layer->levels_at + (size_t)row * row_bytes;
        uint32_t word_at = layer->weights_at + 4u * row * layer->words;
        for (uint32_t w = 0; w < layer->words; w++) {
            wrong |= mb_sign_word(levels, w, layer->n_in, bits) ^ u32(v->bytes, word_at + 4u * w);
        }
        if (bits == 4 && (layer->n_in & 1u)) {
            wrong |= (uint32_t)levels[row_bytes - 1u] >> 4;
        }
    }
    return wrong == 0;
}

static int read_learn(mb_blob_view *v, const section_map *map, uint32_t bank) {
    const uint8_t *b = v->bytes;
    uint64_t at = map->at[LEARN], end = at + map->bytes[LEARN];
    uint32_t n_layers = v->info.n_layers;
    if (at == 0) {
        return MB_OK;
    }
    v->learn_at = (uint32_t)at;
    if (map->bytes[LEARN] < 32u + 8u * n_layers || !all_zero(b + at + 20, 12)) {
        return MB_ERR_CORRUPT;
    }
    uint32_t bits = u32(b, (uint32_t)at);
    v->step_levels = f32(b, (uint32_t)at + 4);
    v->norm_rate = f32(b, (uint32_t)at + 8);
    v->error_rate = f32(b, (uint32_t)at + 12);
    v->rms_rate = f32(b, (uint32_t)at + 16);
    if ((bits != 4 && bits != 8) || !within(v->step_levels, 0.0f, 256.0f) ||
        !within(v->norm_rate, 1e-9f, 0.999999f) || !within(v->error_rate, 1e-9f, 0.999999f) ||
        !within(v->rms_rate, 1e-9f, 0.999999f)) {
        return MB_ERR_CORRUPT;
    }
    v->info.state_bits = bits;
    at += 32;
    for (uint32_t i = 0; i < n_layers; i++, at += 8) {
        v->layers[i].m = f32(b, (uint32_t)at);
        if (!within(v->layers[i].m, 0.0f, 30.0f) ||
            !within(f32(b, (uint32_t)at + 4), 1e-30f, 1e30f)) {
            return MB_ERR_CORRUPT;
        }
    }
    for (uint32_t k = 0; k < v->info.n_banks; k++) {
        for (uint32_t i = 0; i + 1 < n_layers; i++) {
            uint32_t bytes = 16u * v->layers[i].n_out;
            if (at + bytes > end || !norm_is_sane(b, (uint32_t)at, v->layers[i].n_out)) {
                return MB_ERR_CORRUPT;
            }
            if (k == bank) {
                v->layers[i].norm_at = (uint32_t)at;
            }
            at += bytes;
        }
    }
    for (uint32_t i = 0; i < n_layers; i++) {
        mb_layer_view *layer = &v->layers[i];
        uint64_t bytes = (uint64_t)mb_level_row_bytes(layer->n_in, bits) * layer->n_out;
        if (at + bytes > end) {
            return MB_ERR_CORRUPT;
        }
        layer->levels_at = (uint32_t)at;
        if (!levels_agree(v, layer, bits)) {
            return MB_ERR_CORRUPT;
        }
        at += bytes;
    }
    return at == end ? MB_OK : MB_ERR_CORRUPT;
}

static int read_golden(mb_blob_view *v, const section_map *map) {
    uint32_t at = map->at[GOLDEN];
    if (at == 0) {
        return MB_OK;
    }
    if (map->bytes[GOLDEN] < 8 || u32(v->bytes, at + 4) != 0) {
        return MB_ERR_CORRUPT;
    }
    uint32_t n = u32(v->bytes, at);
    uint64_t sample_bytes = (uint64_t)4 * v->info.n_outputs + v->info.n_inputs;
    if (n > map->bytes[GOLDEN] || map->bytes[GOLDEN] != 8u + n * sample_bytes) {
        return MB_ERR_CORRUPT;
    }
    v->info.n_golden = n;
    v->golden_at = at;
    return MB_OK;
}

int mb_view(mb_blob_view *view, const void *blob, size_t blob_bytes, uint32_t bank) {
    section_map map;
    uint32_t n_sections = 0;
    mb_zero(view, sizeof *view);
    mb_zero(&map, sizeof map);
    if (blob == NULL || (uintptr_t)blob % MB_ALIGNMENT != 0) {
        return MB_ERR_INPUT;
    }
    view->bytes = (const uint8_t *)blob;
    int error = check_header(view->bytes, blob_bytes, &n_sections);
    if (error == MB_OK) {
        error = check_sections(view->bytes, blob_bytes, n_sections, &map);
    }
    if (error == MB_OK) {
        error = read_layers(view, &map);
    }
    if (error == MB_OK && bank >= view->info.n_banks) {
        error = MB_ERR_INPUT;
    }
    for (uint32_t i = 0; error == MB_OK && i < view->info.n_layers; i++) {
        const mb_layer_view *layer = &view->layers[i];
        if (!padding_is_zero(view->bytes, layer->weights_at, layer->n_out, layer->n_in)) {
            error = MB_ERR_CORRUPT;
        }
    }
    if (error == MB_OK) {
        error = read_thresholds(view, &map, bank);
    }
    if (error == MB_OK) {
        error = read_output_norm(view, &map, bank);
    }
    if (error == MB_OK) {
        error = read_learn(view, &map, bank);
    }
    if (error == MB_OK) {
        error = read_golden(view, &map);
    }
    /* The header's checksum covers the table's, which covers every section's: it names the blob. */
    view->identity = error == MB_OK ? u32(view->bytes, 60) : 0;
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
