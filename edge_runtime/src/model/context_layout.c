/* context_layout.c: learnt blocks and what is derived from them, in equal distances. */
#include "context_layout.h"

#include "../rule/likeness.h"

void mb_lay_out_tables(const mb_model *model, mb_cursor *c, mb_plan *plan) {
    if (mb_has_contexts(model)) {
        uint64_t tables = sizeof(mb_layer) * (uint64_t)model->n_layers * (model->n_contexts - 1u);
        mb_take(c, tables + sizeof(mb_contexts), MB_ALIGNMENT, &plan->context_bytes);
    }
}

void mb_lay_out_blocks(const mb_model *model, mb_contexts *contexts, mb_cursor *c, mb_plan *plan) {
    uint32_t *part = &plan->context_bytes;
    if (!mb_has_contexts(model)) {
        return;
    }
    uint64_t blocks_bytes = (uint64_t)mb_block_bytes(model) * model->n_contexts;
    contexts->blocks_at = model->learnt_at;
    mb_take(c, blocks_bytes - model->learnt_bytes, 1, part);
    contexts->router_at =
        mb_take(c, mb_contexts_bytes(model, model->n_contexts) - blocks_bytes, 4, part);
}

/* What is derived from the block of one context. */
static void take_derived(const mb_model *model, const mb_layer *layers, mb_layer *to, mb_cursor *c,
                         uint32_t *part) {
    for (uint32_t i = 0; i < model->n_layers; i++) {
        uint32_t signs_at = mb_take_signs(&layers[i], c, part);
        uint32_t inv_std_at = mb_take(c, (uint64_t)4 * layers[i].n_out, 4, part);
        uint32_t table_at = mb_take(c, 2ull << model->state_bits, 2, part);
        if (to != NULL) {
            to[i].signs_at = signs_at;
            to[i].inv_std_at = inv_std_at;
            to[i].table_at = table_at;
        }
    }
    mb_take(c, 0, layers[0].layout == MB_ROWS ? 4u : MB_PANEL_ALIGNMENT, part);
}

void mb_lay_out_derived(const mb_model *model, const mb_layer *layers, mb_contexts *contexts,
                        mb_cursor *c, mb_plan *plan) {
    uint32_t *part = &plan->context_bytes;
    if (!mb_has_contexts(model)) {
        return;
    }
    contexts->derived_at =
        mb_take(c, 0, layers[0].layout == MB_ROWS ? 4u : MB_PANEL_ALIGNMENT, part);
    for (uint32_t k = 1; k < model->n_contexts; k++) {
        take_derived(model, layers, NULL, c, part);
    }
}

void mb_fill_tables(mb_model *model) {
    const mb_contexts *contexts = mb_contexts_of(model);
    const mb_layer *first = mb_layers(model);
    mb_cursor c = {contexts->derived_at};
    uint32_t no_part = 0;
    for (uint32_t k = 1; k < model->n_contexts; k++) {
        mb_enter_context(model, k);
        mb_layer *layers = mb_layers(model);
        uint32_t away = k * mb_block_bytes(model);
        mb_copy(layers, first, sizeof(mb_layer) * model->n_layers);
        for (uint32_t i = 0; i < model->n_layers; i++) {
            layers[i].rms_at += away;
            layers[i].running_at += away;
            layers[i].levels_at += away;
        }
        take_derived(model, first, layers, &c, &no_part);
    }
    mb_enter_context(model, 0);
}
