/* open.c: what an open model starts with: weights in panels, levels, tables. */
#include "open.h"

#include "../arith.h"
#include "../file/products.h"
#include "../file/sections.h"
#include "../layer.h"
#include "../levels.h"
#include "../metaplasticity.h"
#include "../rule/growth.h"
#include "../rule/record.h"
#include "../rule/ring.h"
#include "../rule/worth.h"
#include "arena.h"
#include "context_layout.h"
#include "fused_layout.h"
#include "goal.h"
#include "head_biases.h"
#include "tracker.h"

static uint8_t level_4_to_8(uint32_t nibble) { return (uint8_t)(nibble << 4 | 8u); }

/* Copy one layer's hidden weights out of the blob, changing their width if asked. */
static void copy_levels(const mb_model *model, const mb_layer *layer, const mb_layer_view *from,
                        const uint8_t *blob, uint32_t blob_bits) {
    uint32_t from_row = mb_level_row_bytes(layer->n_in, blob_bits);
    uint8_t *to = (uint8_t *)mb_in_arena(model, layer->levels_at);
    const uint8_t *at = blob + from->levels_at;
    if (blob_bits == model->state_bits) {
        mb_copy(to, at, (size_t)from_row * layer->n_out);
        return;
    }
    mb_zero(to, (size_t)layer->level_row_bytes * layer->n_out);
    for (uint32_t row = 0; row < layer->n_out;
         row++, at += from_row, to += layer->level_row_bytes) {
        for (uint32_t i = 0; i < layer->n_in; i++) {
            if (blob_bits == 8) {
                to[i / 2] = (uint8_t)(to[i / 2] | (at[i] >> 4) << (4u * (i & 1u)));
            } else {
                to[i] = level_4_to_8((uint32_t)at[i / 2] >> (4u * (i & 1u)) & 15u);
            }
        }
    }
}

/* Start the context that was entered: the network as it is in the blob. */
static void start_context(mb_model *model, const mb_blob_view *view, const mb_options *options) {
    mb_learnt *learnt = (mb_learnt *)mb_in_arena(model, model->learnt_at);
    mb_random_seed(learnt->rng, options->seed + model->context);
    mb_start_record(model);
    mb_start_worth(model);
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        mb_layer *layer = &mb_layers(model)[i];
        float *running = (float *)mb_in_arena(model, layer->running_at);
        mb_copy(running, mb_in_blob(model, layer->blob_norm_at), (size_t)8 * layer->n_out);
        mb_zero(running + 2 * (size_t)layer->n_out, (size_t)8 * layer->n_out);
        *(float *)mb_in_arena(model, layer->rms_at) = 0.0f;
        copy_levels(model, layer, &view->layers[i], view->bytes, view->info.state_bits);
        uint16_t *table = (uint16_t *)mb_in_arena(model, layer->table_at);
        mb_table(table, options->m >= 0.0f ? options->m : view->layers[i].m, model->state_bits);
        mb_grow(table, layer->growth, model->state_bits);
    }
}

static void start_learning(mb_model *model, const mb_blob_view *view, const mb_options *options,
                           const mb_contexts *contexts) {
    if (mb_has_contexts(model)) {
        *mb_contexts_of(model) = *contexts;
        mb_fill_tables(model);
        mb_start_router(model);
    }
    for (uint32_t k = 0; k < model->n_contexts; k++) {
        mb_enter_context(model, k);
        start_context(model, view, options);
    }
}

/* What a head knows from home. */
static void start_head(mb_model *model, const mb_blob_view *view, const mb_options *options) {
    const mb_head *head = mb_head_of(model);
    const mb_head_view *from = &view->head;
    mb_learnt *learnt = (mb_learnt *)mb_in_arena(model, model->learnt_at);
    mb_counters *counters = (mb_counters *)mb_in_arena(model, head->counters_at);
    size_t table_bytes = (size_t)2 * head->n_classes * head->n_features;
    mb_random_seed(learnt->rng, options->seed);
    mb_start_record(model);
    counters->dither = learnt->rng[0];
    counters->n_products = from->n_products;
    counters->scale = from->scale;
    counters->n_to_solve = head->every;
    mb_copy(mb_in_arena(model, head->counts_at), view->bytes + from->counts_at,
            (size_t)4 * head->n_classes);
    mb_copy(mb_in_arena(model, head->means_at), view->bytes + from->means_at, table_bytes);
    mb_copy(mb_in_arena(model, head->weights_at), view->bytes + from->weights_at, table_bytes);
    if (head->products_at != 0) {
        mb_copy(mb_in_arena(model, head->products_at), view->bytes + from->products_at,
                (size_t)MB_PRODUCT_BYTES * mb_triangle(head->n_features));
    }
    for (uint32_t i = 0; i < head->n_features; i++) { /* no sample looks like this one */
        ((int8_t *)mb_in_arena(model, head->last_at))[i] = -128;
    }
}

/* Store word w of a row of signs, in panels or not. */
static void put_word(mb_model *model, const mb_layer *layer, uint32_t row, uint32_t w,
                     uint32_t word) {
    mb_row_walk walk = mb_walk_row(layer->layout, layer->words, row);
    uint8_t *signs = (uint8_t *)mb_in_arena(model, layer->signs_at);
    for (uint32_t b = 0; b < 4; b++) {
        signs[mb_walk_to(&walk, 4u * w + b)] = (uint8_t)(word >> (8u * b));
    }
}

/* Copy the weights of layers that do not learn into their panels. */
static void fill_panels(mb_model *model) {
    for (uint32_t i = 0; i < model->first_learning; i++) {
        const mb_layer *layer = &mb_layers(model)[i];
        const uint32_t *words = (const uint32_t *)mb_in_blob(model, layer->blob_weights_at);
        if (layer->layout == MB_SPREAD) {
            mb_spread_weights(model, layer);
        } else if (layer->layout != MB_ROWS) {
            for (uint32_t row = 0; row < layer->n_out; row++) {
                for (uint32_t w = 0; w < layer->words; w++) {
                    put_word(model, layer, row, w, *words++);
                }
            }
        }
    }
}

/* Compute anew what is derived from the learnt block of the context that was entered. */
static void refresh_layers(mb_model *model) {
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        mb_layer *layer = &mb_layers(model)[i];
        const uint8_t *levels = (const uint8_t *)mb_in_arena(model, layer->levels_at);
        mb_count_sizes(model, layer);
        for (uint32_t row = 0; row < layer->n_out; row++) {
            for (uint32_t w = 0; w < layer->words; w++) {
                uint32_t word = mb_sign_word(levels, w, layer->n_in, model->state_bits);
                put_word(model, layer, row, w, word);
            }
            levels += layer->level_row_bytes;
        }
        const float *running = (const float *)mb_in_arena(model, layer->running_at);
        mb_kernels_of(model)->inverse_roots((float *)mb_in_arena(model, layer->inv_std_at),
                                            running + layer->n_out, model->eps, layer->n_out);
    }
}

void mb_refresh(mb_model *model) {
    for (uint32_t k = 0; k < model->n_contexts; k++) {
        mb_enter_context(model, k);
        refresh_layers(model);
    }
    mb_enter_context(model, mb_has_contexts(model) ? mb_router_of(model)->current : 0);
    mb_layer *output = mb_output_layer(model);
    if (!output->learns) {
        const float *norm = (const float *)mb_in_blob(model, output->blob_norm_at);
        mb_kernels_of(model)->inverse_roots((float *)mb_in_arena(model, output->inv_std_at),
                                            norm + output->n_out, model->eps, output->n_out);
    }
    if (mb_counts(model)) {
        mb_head_biases(model);
    } else if (model->head_kind == MB_HEAD_TRACKING) {
        mb_tracker_logs(model);
    }
    if (model->ring_slots > 0) {
        mb_count_ring(model);
    }
}

int mb_open_view(mb_model **model, void *arena, size_t arena_bytes, const mb_blob_view *view,
                 const mb_options *options) {
    mb_model start;
    mb_layer layers[MB_MAX_LAYERS];
    mb_parts parts;
    mb_plan plan;
    if (arena == NULL || (uintptr_t)arena % MB_ALIGNMENT != 0) {
        return MB_ERR_INPUT;
    }
    int error = mb_lay_out(view, options, &start, layers, &parts, &plan);
    if (error != MB_OK) {
        return error;
    }
    if (arena_bytes < plan.arena_bytes) {
        return MB_ERR_BUDGET;
    }
    start.blob.pointer = view->bytes;
    mb_model *opened = (mb_model *)arena;
    mb_zero(arena, plan.arena_bytes);
    *opened = start;
    mb_copy(mb_layers(opened), layers, sizeof(mb_layer) * start.n_layers);
    if (start.first_learning < start.n_layers) {
        start_learning(opened, view, options, &parts.contexts);
    }
    if (mb_counts(&start)) {
        *mb_head_of(opened) = parts.head.counting;
        start_head(opened, view, options);
    } else if (start.head_kind == MB_HEAD_TRACKING) {
        *mb_tracker_of(opened) = parts.head.tracking;
        mb_tracker_start(opened, options->seed);
        if (view->tracker.kept_at != 0) {
            mb_copy(mb_in_arena(opened, parts.head.tracking.tracked_at),
                    view->bytes + view->tracker.kept_at, view->tracker.kept_bytes);
        }
    }
    if (start.front_at != 0) {
        mb_copy(mb_in_arena(opened, start.front_at), &parts.front, sizeof parts.front);
    }
    fill_panels(opened);
    mb_refresh(opened);
    *model = opened;
    return MB_OK;
}

int mb_open(mb_model **model, void *arena, size_t arena_bytes, const void *blob, size_t blob_bytes,
            const mb_options *options) {
    mb_blob_view view;
    mb_options chosen;
    if (model == NULL || options == NULL) {
        return MB_ERR_INPUT;
    }
    int error = mb_view(&view, blob, blob_bytes, options->bank);
    if (error == MB_OK) {
        error = mb_settle(&view, options, arena_bytes, &chosen);
    }
    return error != MB_OK ? error : mb_open_view(model, arena, arena_bytes, &view, &chosen);
}
