/* growth.c: from the mean size of hidden weights to k, in 64ths. */
#include "growth.h"

#include "../levels.h"
#include "../metaplasticity.h"
#include "worth.h"

#define FREE_UP_TO 10u  /* mean size, in levels of 8 bits, up to which growing is free */
#define DAMPED_OVER 10u /* and over how many more it becomes damped in full */

void mb_count_sizes(const mb_model *model, mb_layer *layer) {
    const uint8_t *levels = (const uint8_t *)mb_in_arena(model, layer->levels_at);
    layer->sizes = 0;
    for (uint32_t j = 0; j < layer->n_out; j++, levels += layer->level_row_bytes) {
        for (uint32_t i = 0; i < layer->n_in; i++) {
            layer->sizes += mb_level_size(levels, model->state_bits, i);
        }
    }
}

/* k = (64 v^2 S - 64 FREE_UP_TO) / DAMPED_OVER, rounded down, 0 to 64: counted, because cores
 * without a divider of 64 bits would need a library for it. */
static uint32_t growth_of(const mb_model *model, const mb_layer *layer) {
    uint64_t n = (uint64_t)layer->n_in * layer->n_out, levels = 128u / MB_SIZES(model->state_bits);
    uint32_t squared = model->novelty * model->novelty / MB_NOVELTY_ONE;
    uint64_t total = layer->sizes * levels * MB_GROWTH_ONE * squared / MB_NOVELTY_ONE;
    uint64_t next = n * (FREE_UP_TO * MB_GROWTH_ONE + DAMPED_OVER);
    uint32_t k = 0;
    if (layer == mb_output_layer(model)) {
        return 0;
    }
    for (; k < MB_GROWTH_ONE && next <= total; next += n * DAMPED_OVER) {
        k++;
    }
    return k;
}

void mb_follow_sizes(const mb_model *model, mb_layer *layer) {
    uint32_t k = growth_of(model, layer);
    if (k != layer->growth) {
        layer->growth = k;
        mb_grow((uint16_t *)mb_in_arena(model, layer->table_at), k, model->state_bits);
    }
}
