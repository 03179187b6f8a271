/* arena.c: where everything lies in the caller's memory, and how much of it there must be. */
#include "arith.h"
#include "conv_fused.h"
#include "internal.h"

/* Hands out the arena piece by piece, and remembers which part of the plan each piece belongs to. */
typedef struct cursor {
    uint64_t at;
} cursor;

static uint32_t take(cursor *c, uint64_t bytes, uint32_t alignment, uint32_t *part) {
    uint64_t start = (c->at + alignment - 1u) & ~(uint64_t)(alignment - 1u);
    uint64_t end = start + bytes;
    uint64_t grown = (uint64_t)*part + (end - c->at);
    *part = grown > UINT32_MAX ? UINT32_MAX : (uint32_t)grown;
    c->at = end;
    return start > UINT32_MAX ? UINT32_MAX : (uint32_t)start;
}

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

static uint32_t clamp_layers(uint32_t wanted, uint32_t n_layers) {
    return wanted < n_layers ? wanted : n_layers;
}

/* The learnt block, in one piece, as the state image holds it: counters, rms, running values, levels. */
static void lay_out_learnt(mb_model *model, mb_layer *layers, cursor *c, mb_plan *plan) {
    model->learnt_at = take(c, sizeof(mb_learnt), MB_ALIGNMENT, &plan->norm_bytes);
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        layers[i].rms_at = take(c, 4, 4, &plan->norm_bytes);
    }
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        layers[i].running_at = take(c, (uint64_t)16 * layers[i].n_out, 4, &plan->norm_bytes);
    }
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        uint64_t bytes = (uint64_t)layers[i].level_row_bytes * layers[i].n_out;
        layers[i].levels_at = take(c, bytes, 1, &plan->hidden_bytes);
    }
    model->learnt_bytes = (uint32_t)(c->at - model->learnt_at);
}

/* Sums that kernels write for one position: those of whole panels. Convolutions that rest lie in panels of
 * either kind, and take the same room in both: a plan does not depend on the kernel set. */
static uint32_t panel_slots(const mb_layer *layer) {
    bool either = mb_convolves(layer) && !layer->learns && layer->layout != MB_ROWS;
    return mb_panel_rows(either ? MB_BYTE_PANELS : layer->layout, layer->n_out);
}

/* The same for all positions: what is too much for one is overwritten by the next. */
static uint32_t sum_slots(const mb_layer *layer) {
    return mb_values(layer) - layer->n_out + panel_slots(layer);
}

/* Room for a layer's packed signs: in panels, or in rows as in the blob. */
static uint32_t take_signs(const mb_layer *layer, cursor *c, uint32_t *part) {
    uint64_t rows = panel_slots(layer);
    uint32_t alignment = layer->layout == MB_ROWS ? 4u : MB_PANEL_ALIGNMENT;
    return take(c, (uint64_t)4 * layer->words * rows, alignment, part);
}

/* Scratch of convolutions that learn: one row of gradients, the errors that belong to it, and what the
 * kernel saw, unless that is the sample. */
static void lay_out_gradients(mb_model *model, const mb_layer *layers, cursor *c, mb_plan *plan) {
    uint32_t longest = 0, masked = 0, alignment = 4;
    uint64_t patches_bytes = 0;
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        const mb_layer *layer = &layers[i];
        if (!mb_convolves(layer)) {
            continue;
        }
        uint32_t pool = layer->window.pool;
        longest = larger(longest, layer->n_in);
        masked = larger(masked, pool > 1 ? layer->n_out : 0);
        if (i > 0) {
            uint32_t rows = layer->n_positions * pool * pool;
            uint64_t bytes = (uint64_t)4 * layer->words * mb_panel_rows(layer->layout, rows);
            masked = larger(masked, rows);
            patches_bytes = bytes > patches_bytes ? bytes : patches_bytes;
            alignment = layer->layout == MB_ROWS ? alignment : MB_PANEL_ALIGNMENT;
        }
    }
    model->gradient_at = take(c, (uint64_t)4 * longest, 4, &plan->error_bytes);
    model->masked_at = take(c, (uint64_t)2 * masked, 2, &plan->error_bytes);
    model->patches_at = take(c, patches_bytes, alignment, &plan->error_bytes);
}

/* What a learning layer needs besides, all of it derived or scratch. */
static void lay_out_learning(mb_model *model, mb_layer *layers, cursor *c, mb_plan *plan) {
    uint32_t widest = 0;
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        mb_layer *layer = &layers[i];
        widest = larger(widest, mb_values(layer));
        layer->signs_at = take_signs(layer, c, &plan->sign_bytes);
        layer->sums_at = take(c, (uint64_t)4 * sum_slots(layer), 4, &plan->activation_bytes);
        if (layer->window.pool > 1) {
            layer->winners_at = take(c, mb_values(layer), 1, &plan->activation_bytes);
        }
        layer->inv_std_at = take(c, (uint64_t)4 * layer->n_out, 4, &plan->norm_bytes);
        layer->table_at = take(c, 2ull << (model->state_bits - 1u), 2, &plan->table_bytes);
    }
    model->row_at = take(c, (uint64_t)4 * widest, 4, &plan->error_bytes);
    model->errors_at = take(c, (uint64_t)2 * widest, 2, &plan->error_bytes);
    lay_out_gradients(model, layers, c, plan);
    if (model->first_learning == 0 && !mb_convolves(&layers[0])) {
        model->columns_at = take(c, (uint64_t)2 * model->n_inputs, 2, &plan->activation_bytes);
    }
}

/* What convolutions need to go over a map: one patch, and with pooling the sums of one position; or what
 * fused ones need. */
static void lay_out_patch(mb_model *model, const mb_layer *layers, cursor *c, mb_plan *plan) {
    uint32_t patch_bytes = 0, window_bytes = 0;
    for (uint32_t i = 0; i < model->n_layers; i++) {
        if (mb_runs_fused(&layers[i], i, mb_kernels_of(model))) {
            patch_bytes = larger(patch_bytes, mb_fused_bytes(&layers[i]));
        } else if (mb_convolves(&layers[i])) {
            patch_bytes = larger(patch_bytes, i == 0 ? layers[i].n_in : 4u * layers[i].words);
            window_bytes =
                larger(window_bytes, layers[i].window.pool > 1 ? 4u * panel_slots(&layers[i]) : 0);
        }
    }
    model->patch_at = take(c, patch_bytes, 4, &plan->activation_bytes);
    model->window_at = take(c, window_bytes, 4, &plan->activation_bytes);
}

/* Panels of layers that do not learn. Their sums share one buffer; their activations do not, they are
 * only bits. */
static void lay_out_activations(mb_model *model, mb_layer *layers, cursor *c, mb_plan *plan) {
    uint32_t widest = 0;
    for (uint32_t i = 0; i < model->first_learning; i++) {
        widest = larger(widest, panel_slots(&layers[i]));
        if (layers[i].layout != MB_ROWS) {
            layers[i].signs_at = take_signs(&layers[i], c, &plan->panel_bytes);
        }
    }
    uint32_t shared = take(c, (uint64_t)4 * widest, 4, &plan->activation_bytes);
    for (uint32_t i = 0; i < model->n_layers; i++) {
        if (!layers[i].learns) {
            layers[i].sums_at = shared;
        }
        if (i + 1 < model->n_layers) {
            uint64_t bytes = (uint64_t)4 * mb_words(mb_values(&layers[i]));
            layers[i].bits_at = take(c, bytes, 4, &plan->activation_bytes);
        }
    }
    mb_layer *output = &layers[model->n_layers - 1u];
    if (!output->learns) {
        output->inv_std_at = take(c, (uint64_t)4 * output->n_out, 4, &plan->norm_bytes);
    }
}

static int resolve(const mb_blob_view *view, const mb_options *options, mb_model *model) {
    uint32_t learning = clamp_layers(options->learn_layers, view->info.n_layers);
    uint32_t bits = options->state_bits ? options->state_bits : view->info.state_bits;
    if (options->state_bits != 0 && options->state_bits != 4 && options->state_bits != 8) {
        return MB_ERR_INPUT;
    }
    if (options->step_levels > 256.0f || options->m > 30.0f ||
        options->step_levels != options->step_levels || options->m != options->m) {
        return MB_ERR_INPUT;
    }
    if (learning > 0 && view->info.state_bits == 0) {
        return MB_ERR_NO_STATE;
    }
    model->isa = mb_choose_kernels(options->isa);
    if (model->isa == 0 || options->panels > 1) {
        return MB_ERR_INPUT;
    }
    const mb_runner *runner = options->runner;
    if (runner != NULL && (runner->run == NULL || runner->n_threads == 0)) {
        return MB_ERR_INPUT;
    }
    model->runner.pointer = runner;
    model->state_bits = learning > 0 ? bits : 0;
    model->first_learning = view->info.n_layers - learning;
    model->n_layers = view->info.n_layers;
    model->n_inputs = view->info.n_inputs;
    model->n_outputs = view->info.n_outputs;
    model->input_signed = view->info.input_signed;
    model->zero_point = view->info.zero_point;
    model->identity = view->identity;
    model->bank = options->bank;
    model->eps = view->eps;
    /* The step is given in 8-bit levels; a 4-bit level is sixteen of them. */
    float step = options->step_levels >= 0.0f ? options->step_levels : view->step_levels;
    model->step = bits == 4 ? step * 0.0625f : step;
    model->norm_rate = view->norm_rate;
    model->error_rate = view->error_rate;
    model->rms_rate = view->rms_rate;
    return MB_OK;
}

static uint32_t panel_layout(const mb_model *model, const mb_layer *layer, uint32_t index) {
    const mb_kernels *kernels = mb_kernels_of(model);
    return mb_fuses(layer, index, kernels) ? kernels->conv_layout
           : index == 0                    ? MB_BYTE_PANELS
                                           : MB_WORD_PANELS;
}

int mb_lay_out(const mb_blob_view *view, const mb_options *options, mb_model *model,
               mb_layer *layers, mb_plan *plan) {
    mb_zero(plan, sizeof *plan);
    mb_zero(model, sizeof *model);
    int error = resolve(view, options, model);
    if (error != MB_OK) {
        return error;
    }
    for (uint32_t i = 0; i < model->n_layers; i++) {
        const mb_layer_view *from = &view->layers[i];
        mb_layer *layer = &layers[i];
        mb_zero(layer, sizeof *layer);
        layer->n_in = from->n_in;
        layer->n_out = from->n_out;
        layer->words = from->words;
        layer->n_positions = from->n_positions;
        layer->window = from->window;
        layer->learns = i >= model->first_learning;
        layer->blob_weights_at = from->weights_at;
        layer->blob_threshold_at = from->threshold_at;
        layer->blob_norm_at = from->norm_at;
        layer->level_row_bytes = mb_level_row_bytes(from->n_in, model->state_bits);
        layer->layout = options->panels ? panel_layout(model, layer, i) : MB_ROWS;
    }
    cursor c = {0};
    take(&c, sizeof(mb_model) + sizeof(mb_layer) * (uint64_t)model->n_layers, MB_ALIGNMENT,
         &plan->model_bytes);
    if (model->first_learning < model->n_layers) {
        lay_out_learnt(model, layers, &c, plan);
        lay_out_learning(model, layers, &c, plan);
    }
    lay_out_activations(model, layers, &c, plan);
    lay_out_patch(model, layers, &c, plan);
    take(&c, 0, MB_ALIGNMENT, &plan->activation_bytes);
    if (c.at > UINT32_MAX) {
        return MB_ERR_BUDGET;
    }
    plan->arena_bytes = (uint32_t)c.at;
    model->arena_bytes = plan->arena_bytes;
    return MB_OK;
}

int mb_plan_ram(const void *blob, size_t blob_bytes, const mb_options *options, mb_plan *plan) {
    mb_blob_view view;
    mb_model model;
    mb_layer layers[MB_MAX_LAYERS];
    if (options == NULL || plan == NULL) {
        return MB_ERR_INPUT;
    }
    int error = mb_view(&view, blob, blob_bytes, options->bank);
    return error != MB_OK ? error : mb_lay_out(&view, options, &model, layers, plan);
}

int mb_arena_bytes(const void *blob, size_t blob_bytes, const mb_options *options,
                   size_t *arena_bytes) {
    mb_plan plan;
    if (arena_bytes == NULL) {
        return MB_ERR_INPUT;
    }
    int error = mb_plan_ram(blob, blob_bytes, options, &plan);
    if (error == MB_OK) {
        *arena_bytes = plan.arena_bytes;
    }
    return error;
}

/* ---- open ----------------------------------------------------------------------------------- */

/* f_meta = 1 - tanh(m a)^2 = 4 e / (1 + e)^2 with e = exp(-2 m a), a the share of the range.
 * An entry t stands for the probability (t + 1) / 65536: 1 is exact, and nothing freezes for good. */
static void fill_table(uint16_t *table, float m, uint32_t bits) {
    uint32_t n = 1u << (bits - 1u);
    for (uint32_t a = 0; a < n; a++) {
        float share = ((float)a + 0.5f) / (float)n;
        float e = mb_exp(-2.0f * (m * share));
        float f = (4.0f * e) / ((1.0f + e) * (1.0f + e));
        int32_t entry = (int32_t)(f * 65536.0f + 0.5f) - 1;
        table[a] = (uint16_t)(entry < 0 ? 0 : entry > 65535 ? 65535 : entry);
    }
}

static uint8_t level_4_to_8(uint32_t nibble) { return (uint8_t)(nibble << 4 | 8u); }

/* Copy one layer's hidden weights out of the blob, changing their width if asked. */
static void copy_levels(const mb_model *model, const mb_layer *layer, const mb_layer_view *from,
                        const uint8_t *blob, uint32_t blob_bits) {
    uint32_t from_row = mb_level_row_bytes(layer->n_in, blob_bits);
    uint8_t *to = (uint8_t *)mb_at(model, layer->levels_at);
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

static void start_learning(mb_model *model, const mb_blob_view *view, const mb_options *options) {
    mb_learnt *learnt = (mb_learnt *)mb_at(model, model->learnt_at);
    learnt->n_steps = 0;
    learnt->reserved = 0;
    mb_random_seed(learnt->rng, options->seed);
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        mb_layer *layer = &mb_layers(model)[i];
        float *running = (float *)mb_at(model, layer->running_at);
        mb_copy(running, mb_in_blob(model, layer->blob_norm_at), (size_t)8 * layer->n_out);
        mb_zero(running + 2 * (size_t)layer->n_out, (size_t)8 * layer->n_out);
        *(float *)mb_at(model, layer->rms_at) = 0.0f;
        copy_levels(model, layer, &view->layers[i], view->bytes, view->info.state_bits);
        fill_table((uint16_t *)mb_at(model, layer->table_at),
                   options->m >= 0.0f ? options->m : view->layers[i].m, model->state_bits);
    }
}

/* Store word w of a row of signs, in panels or not. */
static void put_word(mb_model *model, const mb_layer *layer, uint32_t row, uint32_t w,
                     uint32_t word) {
    mb_row_walk walk = mb_walk_row(layer->layout, layer->words, row);
    uint8_t *signs = (uint8_t *)mb_at(model, layer->signs_at);
    for (uint32_t b = 0; b < 4; b++) {
        signs[mb_walk_to(&walk, 4u * w + b)] = (uint8_t)(word >> (8u * b));
    }
}

/* Copy the weights of layers that do not learn into their panels. */
static void fill_panels(mb_model *model) {
    for (uint32_t i = 0; i < model->first_learning; i++) {
        const mb_layer *layer = &mb_layers(model)[i];
        const uint32_t *words = (const uint32_t *)mb_in_blob(model, layer->blob_weights_at);
        for (uint32_t row = 0; layer->signs_at != 0 && row < layer->n_out; row++) {
            for (uint32_t w = 0; w < layer->words; w++) {
                put_word(model, layer, row, w, *words++);
            }
        }
    }
}

void mb_refresh(mb_model *model) {
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        mb_layer *layer = &mb_layers(model)[i];
        const uint8_t *levels = (const uint8_t *)mb_at(model, layer->levels_at);
        for (uint32_t row = 0; row < layer->n_out; row++) {
            for (uint32_t w = 0; w < layer->words; w++) {
                uint32_t word = mb_sign_word(levels, w, layer->n_in, model->state_bits);
                put_word(model, layer, row, w, word);
            }
            levels += layer->level_row_bytes;
        }
        const float *running = (const float *)mb_at(model, layer->running_at);
        mb_kernels_of(model)->inverse_roots((float *)mb_at(model, layer->inv_std_at),
                                            running + layer->n_out, model->eps, layer->n_out);
    }
    mb_layer *output = &mb_layers(model)[model->n_layers - 1u];
    if (!output->learns) {
        const float *norm = (const float *)mb_in_blob(model, output->blob_norm_at);
        mb_kernels_of(model)->inverse_roots((float *)mb_at(model, output->inv_std_at),
                                            norm + output->n_out, model->eps, output->n_out);
    }
}

int mb_open_view(mb_model **model, void *arena, size_t arena_bytes, const mb_blob_view *view,
                 const mb_options *options) {
    mb_model head;
    mb_layer layers[MB_MAX_LAYERS];
    mb_plan plan;
    if (arena == NULL || (uintptr_t)arena % MB_ALIGNMENT != 0) {
        return MB_ERR_INPUT;
    }
    int error = mb_lay_out(view, options, &head, layers, &plan);
    if (error != MB_OK) {
        return error;
    }
    if (arena_bytes < plan.arena_bytes) {
        return MB_ERR_BUDGET;
    }
    head.blob.pointer = view->bytes;
    mb_model *opened = (mb_model *)arena;
    mb_zero(arena, plan.arena_bytes);
    *opened = head;
    mb_copy(mb_layers(opened), layers, sizeof(mb_layer) * head.n_layers);
    if (head.first_learning < head.n_layers) {
        start_learning(opened, view, options);
    }
    fill_panels(opened);
    mb_refresh(opened);
    *model = opened;
    return MB_OK;
}

int mb_open(mb_model **model, void *arena, size_t arena_bytes, const void *blob, size_t blob_bytes,
            const mb_options *options) {
    mb_blob_view view;
    if (model == NULL || options == NULL) {
        return MB_ERR_INPUT;
    }
    int error = mb_view(&view, blob, blob_bytes, options->bank);
    return error != MB_OK ? error : mb_open_view(model, arena, arena_bytes, &view, options);
}
