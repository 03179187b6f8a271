#include "learn_section.h"

#include "../levels.h"
#include "offsets.h"

bool mb_norm_is_sane(const uint8_t *b, uint32_t at, uint32_t n_out) {
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

int mb_read_learn(mb_blob_view *v, const section_map *map, uint32_t bank) {
    const uint8_t *b = v->bytes;
    uint64_t at = map->offset[LEARN], end = at + map->length[LEARN];
    uint32_t n_layers = v->info.n_layers;
    if (at == 0) {
        return MB_OK;
    }
    if (map->length[LEARN] < LEARN_RECORDS + LEARN_RECORD_BYTES * n_layers ||
        !all_zero(b + at + LEARN_ZERO, LEARN_RECORDS - LEARN_ZERO)) {
        return MB_ERR_CORRUPT;
    }
    uint32_t bits = u32(b, (uint32_t)at + LEARN_BITS);
    v->step_levels = f32(b, (uint32_t)at + LEARN_STEP);
    v->norm_rate = f32(b, (uint32_t)at + LEARN_NORM_RATE);
    v->error_rate = f32(b, (uint32_t)at + LEARN_ERROR_RATE);
    v->rms_rate = f32(b, (uint32_t)at + LEARN_RMS_RATE);
    if ((bits != 4 && bits != 8) || !within(v->step_levels, 0.0f, 256.0f) ||
        !within(v->norm_rate, 1e-9f, 0.999999f) || !within(v->error_rate, 1e-9f, 0.999999f) ||
        !within(v->rms_rate, 1e-9f, 0.999999f)) {
        return MB_ERR_CORRUPT;
    }
    v->info.state_bits = bits;
    at += LEARN_RECORDS;
    for (uint32_t i = 0; i < n_layers; i++, at += LEARN_RECORD_BYTES) {
        v->layers[i].m = f32(b, (uint32_t)at + LEARN_RECORD_M);
        if (!within(v->layers[i].m, 0.0f, 30.0f) ||
            !within(f32(b, (uint32_t)at + LEARN_RECORD_W_MAX), 1e-30f, 1e30f)) {
            return MB_ERR_CORRUPT;
        }
    }
    for (uint32_t k = 0; k < v->info.n_banks; k++) {
        for (uint32_t i = 0; i + 1 < n_layers; i++) {
            uint32_t bytes = 16u * v->layers[i].n_out;
            if (at + bytes > end || !mb_norm_is_sane(b, (uint32_t)at, v->layers[i].n_out)) {
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
