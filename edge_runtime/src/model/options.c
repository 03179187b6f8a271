/* options.c: mb_options, checked and put into a model. */
#include "options.h"

#include "../arith.h"
#include "../file/tracker_section.h"

/* How many layers learn: MB_ALL_LAYERS, or any number that is too large, is all of them. */
static uint32_t layers_that_learn(const mb_blob_view *view, const mb_options *options) {
    uint32_t n_layers = view->info.n_layers;
    return options->learn_layers < n_layers ? options->learn_layers : n_layers;
}

/* MB_OK if the blob can be opened so; an isa that does not run is left to mb_choose_kernels(). */
static int check(const mb_blob_view *view, const mb_options *options) {
    uint32_t n_layers = view->info.n_layers, learning = layers_that_learn(view, options);
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
    /* A head learns on features that stay as they are, so the layers below it do not learn. */
    if (options->head > MB_HEAD_COUNTING_SMALL || (options->head != 0 && learning > 0)) {
        return MB_ERR_INPUT;
    }
    if (options->units > MB_MAX_UNITS || !(options->trust >= 0.0f && options->trust <= 2.0f)) {
        return MB_ERR_INPUT;
    }
    bool counts = options->head == MB_HEAD_COUNTING || options->head == MB_HEAD_COUNTING_SMALL;
    if (counts && view->head.kind == 0) {
        return MB_ERR_NO_STATE;
    }
    /* A first layer sees samples, which are too large to keep many of. */
    bool replays = options->head == MB_HEAD_TRACKING || (learning > 0 && learning < n_layers);
    if (options->replay > MB_MAX_REPLAY ||
        (options->replay > 0 && (!replays || options->batch > 1))) {
        return MB_ERR_INPUT;
    }
    bool whole = learning == n_layers && options->batch <= 1;
    if (options->contexts > MB_MAX_CONTEXTS || (options->contexts > 1 && !whole)) {
        return MB_ERR_INPUT;
    }
    if (options->panels > 1 || options->batch > MB_MAX_BATCH) {
        return MB_ERR_INPUT;
    }
    const mb_runner *runner = options->runner;
    return runner != NULL && (runner->run == NULL || runner->n_threads == 0) ? MB_ERR_INPUT : MB_OK;
}

int mb_take_options(mb_model *model, const mb_blob_view *view, const mb_options *options) {
    uint32_t n_layers = view->info.n_layers, learning = layers_that_learn(view, options);
    uint32_t bits = options->state_bits ? options->state_bits : view->info.state_bits;
    mb_zero(model, sizeof *model);
    int error = check(view, options);
    if (error != MB_OK) {
        return error;
    }
    model->isa = mb_choose_kernels(options->isa);
    if (model->isa == 0) {
        return MB_ERR_INPUT;
    }
    model->n_contexts = (uint16_t)(options->contexts > 1 ? options->contexts : 1);
    model->runner.pointer = options->runner;
    model->state_bits = (uint8_t)(learning > 0 ? bits : 0);
    model->batch = (uint16_t)(learning > 0 && options->batch > 1 ? options->batch : 1);
    model->first_learning = n_layers - learning;
    model->n_layers = n_layers;
    model->n_inputs = view->info.n_inputs;
    bool spare = options->head != 0 && view->info.n_classes != 0;
    model->n_outputs = spare ? view->info.n_classes : view->info.n_outputs;
    model->head_kind = options->head;
    model->ring_slots = options->replay;
    if (model->ring_slots > 0 && model->n_outputs > MB_MAX_CLASSES) { /* labels are bytes */
        return MB_ERR_INPUT;
    }
    model->sample_type = mb_sample_type(view->info.input_signed, view->info.zero_point);
    model->identity = view->identity;
    model->bank = options->bank;
    model->eps = view->eps;
    /* A level of 4 bits is sixteen of 8 bits. But a step as much smaller would learn too little:
     * of a sixteenth, an eighth, a quarter, a half and the whole, the half was best on streams.
     * Steps of a batch of B are as long as B steps of independent gradients. */
    float step = options->step_levels >= 0.0f ? options->step_levels : view->step_levels;
    step = bits == 4 ? step * 0.5f : step;
    model->step = step * mb_sqrt((float)model->batch);
    model->norm_rate = view->norm_rate;
    model->error_rate = view->error_rate;
    model->rms_rate = view->rms_rate;
    return MB_OK;
}

void mb_take_head(mb_head *head, const mb_blob_view *view) {
    const mb_head_view *from = &view->head;
    mb_zero(head, sizeof *head);
    head->source = from->source;
    head->layer = from->layer;
    head->n_source = from->n_source;
    head->n_units = from->n_units;
    head->folds = from->folds;
    head->n_scores = from->n_scores;
    head->n_classes = from->n_classes;
    head->n_features = from->n_units + from->n_scores;
    head->cap = from->cap;
    head->every = from->every;
    head->still = from->still;
    head->ridge = from->ridge;
    head->prior = from->prior;
    head->limit = from->limit;
    head->affine_at = from->affine_at;
    head->bonus_at = from->bonus_at;
    head->home_products_at = from->products_at;
}

void mb_take_tracker(mb_tracker *head, const mb_model *model, const mb_blob_view *view,
                     const mb_options *options) {
    mb_zero(head, sizeof *head);
    mb_tracked_values seen = mb_what_is_tracked(view, model->n_outputs);
    bool wide = view->info.n_inputs > MB_TRACKED_INPUTS;
    head->source = seen.source;
    head->layer = seen.layer;
    head->n_source = seen.n_source;
    head->n_values = seen.n_values;
    head->n_classes = model->n_outputs;
    head->n_units = view->tracker.kept_at != 0 ? view->tracker.n_units : wide ? 0 : options->units;
    head->trust = options->trust;
}
