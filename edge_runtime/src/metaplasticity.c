/* metaplasticity.c: f_meta, its table, and the gauge. */
#include "metaplasticity.h"

#include "arith.h"

float mb_f_meta(float share, float m) { /* = 4 e / (1 + e)^2 with e = exp(-2 m share) */
    float e = mb_exp(-2.0f * (m * share));
    return (4.0f * e) / ((1.0f + e) * (1.0f + e));
}

void mb_table(uint16_t *table, float m, uint32_t bits) {
    uint32_t n = MB_SIZES(bits);
    for (uint32_t size = 0; size < n; size++) {
        float share = ((float)size + 0.5f) / (float)n;
        int32_t entry = (int32_t)(mb_f_meta(share, m) * 65536.0f + 0.5f);
        table[size] = (uint16_t)(entry < 1 ? 1 : entry > 65535 ? 65535 : entry);
    }
}

void mb_grow(uint16_t *table, uint32_t k, uint32_t bits) {
    uint32_t n = MB_SIZES(bits), last = (1u << bits) - 1u;
    for (uint32_t size = 0; size < n; size++) {
        uint32_t damped = table[size] - table[size] / 16u;
        table[last - size] = (uint16_t)(65535u - (65535u - damped) * k / MB_GROWTH_ONE);
    }
    table[last - (n - 1u)] = 0; /* the end of the range */
}

mb_gauge mb_plasticity(const mb_model *model, const mb_layer *layer) {
    const uint16_t *table = (const uint16_t *)mb_in_arena(model, layer->table_at);
    const uint8_t *levels = (const uint8_t *)mb_in_arena(model, layer->levels_at);
    uint32_t largest = (1u << (model->state_bits - 1u)) - 1u;
    mb_gauge gauge = {0, 0, 0};
    for (uint32_t j = 0; j < layer->n_out; j++, levels += layer->level_row_bytes) {
        for (uint32_t i = 0; i < layer->n_in; i++) {
            uint32_t size = mb_level_size(levels, model->state_bits, i);
            gauge.open += table[size];
            gauge.n_consolidated += mb_consolidated(table[size]);
            gauge.n_at_end += size == largest;
        }
    }
    return gauge;
}
