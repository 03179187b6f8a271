/* arena.c: where everything lies in the caller's memory, and how much of it there must be. */
#include "arena.h"

#include "../file/products.h"
#include "../layer.h"
#include "../levels.h"
#include "../rule/record.h"
#include "../rule/ring.h"
#include "../rule/worth.h"
#include "context_layout.h"
#include "fused_layout.h"
#include "options.h"
#include "take.h"

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

/* Samples kept for replay: the end of the learnt block. */
static void lay_out_ring(mb_model *model, uint32_t entry_bytes, mb_cursor *c, mb_plan *plan) {
    uint64_t bytes = mb_ring_index_bytes(model->ring_slots);
    model->ring_entry_bytes = entry_bytes;
    bytes += (uint64_t)model->ring_slots * entry_bytes;
    model->ring_at = mb_take(c, bytes, model->ring_slots > 0 ? 4 : 1, &plan->replay_bytes);
    model->learnt_bytes = (uint32_t)(c->end - model->learnt_at);
    if (model->ring_slots > 0) {
        uint64_t counts = (uint64_t)2 * model->n_outputs;
        model->ring_counts_at = mb_take(c, counts, 2, &plan->replay_bytes);
    }
}

/* The learnt block, in one piece, as the state image holds it: counters, record, shares of labels,
 * means of inputs, rms, running values, levels, samples kept for replay. */
static void lay_out_learnt(mb_model *model, mb_layer *layers, mb_cursor *c, mb_plan *plan) {
    uint64_t means = layers[0].learns && !mb_convolves(&layers[0]) ? model->n_inputs : 0;
    model->learnt_at = mb_take(c, sizeof(mb_learnt), MB_ALIGNMENT, &plan->norm_bytes);
    model->record_at = mb_take(c, mb_record_bytes(model->n_outputs), 4, &plan->norm_bytes);
    model->worth_at = mb_take(c, mb_worth_bytes(model->n_outputs), 4, &plan->norm_bytes);
    model->means_at = mb_take(c, 4u * means, 4, &plan->norm_bytes);
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        layers[i].rms_at = mb_take(c, 4, 4, &plan->norm_bytes);
    }
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        layers[i].running_at = mb_take(c, (uint64_t)16 * layers[i].n_out, 4, &plan->norm_bytes);
    }
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        uint64_t bytes = (uint64_t)layers[i].level_row_bytes * layers[i].n_out;
        layers[i].levels_at = mb_take(c, bytes, 1, &plan->hidden_bytes);
    }
    uint32_t first = model->first_learning;
    uint32_t seen_bytes = first > 0 ? 4u * mb_words(mb_values(&layers[first - 1u])) : 0;
    lay_out_ring(model, seen_bytes, c, plan);
}

/* The same block of a model that learns in its head alone, and what belongs to the head besides. */
static void lay_out_head(mb_model *model, mb_head *head, mb_cursor *c, mb_plan *plan) {
    uint32_t n = head->n_features, k = head->n_classes, *part = &plan->head_bytes;
    model->head_at = mb_take(c, sizeof(mb_head), MB_ALIGNMENT, part);
    model->learnt_at = mb_take(c, sizeof(mb_learnt), MB_ALIGNMENT, part);
    model->record_at = mb_take(c, mb_record_bytes(k), 4, part);
    head->counters_at = mb_take(c, sizeof(mb_counters), 4, part);
    head->counts_at = mb_take(c, (uint64_t)4 * k, 4, part);
    head->means_at = mb_take(c, (uint64_t)2 * k * n, 2, part);
    head->weights_at = mb_take(c, (uint64_t)2 * k * n, 2, part);
    if (model->head_kind == MB_HEAD_COUNTING) {
        head->products_at = mb_take(c, (uint64_t)MB_PRODUCT_BYTES * mb_triangle(n), 1, part);
    }
    head->last_at = mb_take(c, n, 1, part);
    model->learnt_bytes = (uint32_t)(c->end - model->learnt_at);
    head->bias_at = mb_take(c, (uint64_t)4 * k, 4, part);
    head->scores_at = mb_take(c, (uint64_t)4 * k, 4, part);
    head->solve_at = mb_take(c, (uint64_t)16 * n, 4, part);
    head->deviations_at = mb_take(c, (uint64_t)2 * n, 2, part);
    head->features_at = mb_take(c, n, 1, part);
}

/* The front end: the frames of a window, the scratch of their features, and the sample. */
static void lay_out_front(mb_model *model, const mb_front_view *from, mb_front *front, mb_cursor *c,
                          mb_plan *plan) {
    uint32_t *part = &plan->front_bytes;
    mb_zero(front, sizeof *front);
    front->n_channels = from->n_channels;
    front->length = from->length;
    front->hop = from->hop;
    front->statistics = from->statistics;
    front->n_bands = from->n_bands;
    front->n_transform = from->n_transform;
    front->log = from->log;
    front->stack = from->stack;
    front->n_values = from->n_values;
    front->n_features = from->n_features;
    front->channels_at = from->channels_at;
    front->edges_at = from->edges_at;
    front->scales_at = from->scales_at;
    model->front_at = mb_take(c, sizeof(mb_front), MB_ALIGNMENT, part);
    front->values_at = mb_take(c, (uint64_t)4 * from->n_values, 4, part);
    uint64_t points = from->n_bands > 0 ? (uint64_t)8 * from->n_transform : 0;
    front->points_at = mb_take(c, points, 4, part);
    front->frames_at = mb_take(c, (uint64_t)2 * from->length * from->n_channels, 2, part);
    front->sample_at = mb_take(c, (uint64_t)from->stack * from->n_features, 4, part);
}

/* The same for a tracking head. */
static void lay_out_tracker(mb_model *model, mb_tracker *head, mb_cursor *c, mb_plan *plan) {
    uint32_t *part = &plan->head_bytes;
    uint64_t d = head->n_values, k = head->n_classes, h = head->n_units, seen = 2u * d + 1u;
    model->head_at = mb_take(c, sizeof(mb_tracker), MB_ALIGNMENT, part);
    model->learnt_at = mb_take(c, sizeof(mb_learnt), MB_ALIGNMENT, part);
    model->record_at = mb_take(c, mb_record_bytes(head->n_classes), 4, part);
    head->tracked_at = mb_take(c, sizeof(mb_tracked), 4, part);
    head->mean_at = mb_take(c, 4u * d, 4, part);
    head->spread_at = mb_take(c, 4u * d, 4, part);
    head->counts_at = mb_take(c, 4u * k, 4, part);
    head->shrink_at = mb_take(c, 4u * k, 4, part);
    head->centres_at = mb_take(c, 4u * k * d, 4, part);
    head->squares_at = mb_take(c, 4u * k * d, 4, part);
    head->units_at = mb_take(c, 2u * h * seen, 2, part);
    head->rows_at = mb_take(c, 4u * k * (seen + h), 2, part);
    lay_out_ring(model, head->n_values + head->n_classes, c, plan);
    head->logs_at = mb_take(c, 4u * k, 4, part);
    head->expert_at = mb_take(c, 4u * MB_EXPERTS * k, 4, part);
    head->scores_at = mb_take(c, 4u * k, 4, part);
    head->error_at = mb_take(c, 4u * k, 4, part);
    head->sums_at = mb_take(c, 4u * h, 4, part);
    head->back_at = mb_take(c, 4u * h, 4, part);
    head->features_at = mb_take(c, 2u * (seen + h), 2, part);
}

/* The same for all positions: what is written beyond one position is overwritten by the next. */
static uint32_t sum_slots(const mb_layer *layer) {
    return mb_values(layer) - layer->n_out + mb_panel_slots(layer);
}

/* Scratch of gradients.c: one row of gradients, the errors that belong to it, and what the weights
 * saw, unless that is the samples. */
static void lay_out_gradients(mb_model *model, const mb_layer *layers, mb_cursor *c,
                              mb_plan *plan) {
    uint32_t longest = 0, masked = 0, alignment = 4;
    uint64_t patches_bytes = 0;
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        const mb_layer *layer = &layers[i];
        if (!mb_forms_gradients(model, layer)) {
            continue;
        }
        longest = larger(longest, layer->n_in);
        masked = larger(masked, mb_pools(layer) ? layer->n_out : 0);
        if (!layer->sees_sample) {
            uint32_t rows = layer->n_positions * mb_window_sums(layer) * model->batch;
            uint64_t bytes = (uint64_t)4 * layer->words * mb_panel_rows(layer->layout, rows);
            masked = larger(masked, rows);
            patches_bytes = bytes > patches_bytes ? bytes : patches_bytes;
            alignment = layer->layout == MB_ROWS ? alignment : MB_PANEL_ALIGNMENT;
        }
    }
    model->gradient_at = mb_take(c, (uint64_t)4 * longest, 4, &plan->error_bytes);
    model->masked_at = mb_take(c, (uint64_t)2 * masked, 2, &plan->error_bytes);
    model->patches_at = mb_take(c, patches_bytes, alignment, &plan->error_bytes);
}

/* How often the results of a forward pass are kept: learn/batch.h. */
static uint32_t slots(const mb_model *model) { return model->batch > 1 ? 1u + model->batch : 1u; }

/* What a layer that learns needs besides; all of it is derived or scratch. */
static void lay_out_learning(mb_model *model, mb_layer *layers, mb_cursor *c, mb_plan *plan) {
    uint32_t widest = 0, columns = 0;
    uint64_t errors_bytes = 0;
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        mb_layer *layer = &layers[i];
        widest = larger(widest, mb_values(layer));
        columns = larger(columns, mb_forms_gradients(model, layer) ? 0 : layer->n_in);
        errors_bytes += ((uint64_t)2 * mb_values(layer) + 4u) * model->batch;
        layer->signs_at = mb_take_signs(layer, c, &plan->sign_bytes);
        layer->sums_at = mb_take(c, (uint64_t)4 * sum_slots(layer), 4, &plan->activation_bytes);
        if (mb_pools(layer)) {
            uint64_t bytes = (uint64_t)mb_values(layer) * slots(model);
            layer->winners_at = mb_take(c, bytes, 1, &plan->activation_bytes);
        }
        layer->inv_std_at = mb_take(c, (uint64_t)4 * layer->n_out, 4, &plan->norm_bytes);
        layer->table_at = mb_take(c, 2ull << model->state_bits, 2, &plan->table_bytes);
    }
    model->row_at = mb_take(c, (uint64_t)4 * widest, 4, &plan->error_bytes);
    if (model->batch > 1) {
        model->errors_at = mb_take(c, errors_bytes, 4, &plan->error_bytes);
    } else {
        model->errors_at = mb_take(c, (uint64_t)2 * widest, 2, &plan->error_bytes);
    }
    lay_out_gradients(model, layers, c, plan);
    model->columns_at = mb_take(c, (uint64_t)2 * columns, 2, &plan->activation_bytes);
}

/* What convolutions need while they go over a map: one patch, and with pooling the sums of one
 * position; or the scratch of fused convolutions. */
static void lay_out_patch(mb_model *model, const mb_layer *layers, mb_cursor *c, mb_plan *plan) {
    uint32_t patch_bytes = 0, window_bytes = 0;
    for (uint32_t i = 0; i < model->n_layers; i++) {
        const mb_layer *layer = &layers[i];
        if (mb_runs_fused(layer, mb_kernels_of(model))) {
            patch_bytes = larger(patch_bytes, mb_fused_bytes(layer));
        } else if (mb_convolves(layer)) {
            patch_bytes = larger(patch_bytes, layer->sees_sample ? layer->n_in : 4u * layer->words);
            window_bytes = larger(window_bytes, mb_pools(layer) ? 4u * mb_panel_slots(layer) : 0);
        }
    }
    model->patch_at = mb_take(c, patch_bytes, 4, &plan->activation_bytes);
    model->window_at = mb_take(c, window_bytes, 4, &plan->activation_bytes);
}

/* Panels of layers that do not learn. Their sums share one buffer, but for those that a head
 * reads; their activations do not, they are only bits. */
static void lay_out_activations(mb_model *model, mb_layer *layers, uint32_t read_sums, mb_cursor *c,
                                mb_plan *plan) {
    uint32_t widest = 0;
    for (uint32_t i = 0; i < model->first_learning; i++) {
        widest = larger(widest, mb_panel_slots(&layers[i]));
        if (layers[i].layout != MB_ROWS) {
            layers[i].signs_at = mb_take_signs(&layers[i], c, &plan->panel_bytes);
        }
    }
    uint32_t shared = mb_take(c, (uint64_t)4 * widest, 4, &plan->activation_bytes);
    for (uint32_t i = 0; i < model->n_layers; i++) {
        if (i == read_sums) {
            uint64_t bytes = (uint64_t)4 * mb_panel_slots(&layers[i]);
            layers[i].sums_at =
                mb_take(c, bytes, 4, &plan->head_bytes); /* the head reads them last */
        } else if (!layers[i].learns) {
            layers[i].sums_at = shared;
        }
        if (i + 1 < model->n_layers) {
            uint64_t bytes = (uint64_t)4 * mb_words(mb_values(&layers[i]));
            bytes *= i + 1u >= model->first_learning ? slots(model) : 1u;
            layers[i].bits_at = mb_take(c, bytes, 4, &plan->activation_bytes);
        }
    }
    mb_layer *output = &layers[model->n_layers - 1u];
    if (!output->learns) {
        output->inv_std_at = mb_take(c, (uint64_t)4 * output->n_out, 4, &plan->norm_bytes);
    }
}

static uint32_t panel_layout(const mb_layer *layer, const mb_kernels *kernels) {
    if (mb_fuses(layer, kernels)) {
        return layer->sees_sample ? MB_SPREAD : kernels->conv_layout;
    }
    return layer->sees_sample ? MB_BYTE_PANELS : MB_WORD_PANELS;
}

/* Lay out the head that is asked for. Returns the layer whose sums it reads, or n_layers. */
static uint32_t lay_out_any_head(mb_model *model, const mb_blob_view *view,
                                 const mb_options *options, mb_head_plan *head, mb_cursor *c,
                                 mb_plan *plan) {
    if (mb_counts(model)) {
        mb_head *counting = &head->counting;
        mb_take_head(counting, view);
        lay_out_head(model, counting, c, plan);
        return counting->source == MB_HEAD_SUMS ? counting->layer : model->n_layers;
    }
    if (model->head_kind == MB_HEAD_TRACKING) {
        mb_tracker *tracking = &head->tracking;
        mb_take_tracker(tracking, model, view, options);
        lay_out_tracker(model, tracking, c, plan);
        return tracking->source == MB_HEAD_SUMS ? tracking->layer : model->n_layers;
    }
    return model->n_layers;
}

/* A layer, as the blob and the options have it; its offsets are left to what follows. */
static void take_layer(const mb_model *model, const mb_layer_view *from, uint32_t index,
                       bool panels, mb_layer *layer) {
    mb_zero(layer, sizeof *layer);
    layer->n_in = from->n_in;
    layer->n_out = from->n_out;
    layer->words = from->words;
    layer->n_positions = from->n_positions;
    layer->window = from->window;
    layer->learns = index >= model->first_learning;
    layer->sees_sample = index == 0;
    layer->blob_weights_at = from->weights_at;
    layer->blob_threshold_at = from->threshold_at;
    layer->blob_norm_at = from->norm_at;
    layer->level_row_bytes = mb_level_row_bytes(from->n_in, model->state_bits);
    layer->layout = panels ? panel_layout(layer, mb_kernels_of(model)) : MB_ROWS;
}

int mb_lay_out(const mb_blob_view *view, const mb_options *options, mb_model *model,
               mb_layer *layers, mb_parts *parts, mb_plan *plan) {
    mb_zero(plan, sizeof *plan);
    int error = mb_take_options(model, view, options);
    if (error != MB_OK) {
        return error;
    }
    for (uint32_t i = 0; i < model->n_layers; i++) {
        take_layer(model, &view->layers[i], i, options->panels != 0, &layers[i]);
    }
    mb_cursor c = {0};
    mb_take(&c, sizeof(mb_model) + sizeof(mb_layer) * (uint64_t)model->n_layers, MB_ALIGNMENT,
            &plan->model_bytes);
    mb_lay_out_tables(model, &c, plan);
    if (model->first_learning < model->n_layers) {
        lay_out_learnt(model, layers, &c, plan);
        mb_lay_out_blocks(model, &parts->contexts, &c, plan);
        lay_out_learning(model, layers, &c, plan);
        mb_lay_out_derived(model, layers, &parts->contexts, &c, plan);
    }
    uint32_t read_sums = lay_out_any_head(model, view, options, &parts->head, &c, plan);
    if (view->front.n_channels > 0) {
        lay_out_front(model, &view->front, &parts->front, &c, plan);
    }
    lay_out_activations(model, layers, read_sums, &c, plan);
    lay_out_patch(model, layers, &c, plan);
    mb_take(&c, 0, MB_ALIGNMENT, &plan->activation_bytes);
    if (c.end > UINT32_MAX) {
        return MB_ERR_BUDGET;
    }
    plan->arena_bytes = (uint32_t)c.end;
    model->arena_bytes = plan->arena_bytes;
    return MB_OK;
}

int mb_measure(const mb_blob_view *view, const mb_options *options, mb_plan *plan) {
    mb_model model;
    mb_layer layers[MB_MAX_LAYERS];
    mb_parts parts;
    return mb_lay_out(view, options, &model, layers, &parts, plan);
}
