/* options.c: mb_options, checked and put into a model. */
#include "options.h"

int mb_take_options(mb_model *model, const mb_blob_view *view, const mb_options *options) {
    uint32_t n_layers = view->info.n_layers;
    mb_zero(model, sizeof *model);
    uint32_t learning = options->learn_layers < n_layers ? options->learn_layers : n_layers;
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
    /* A head learns on features that stay as they are, so the layers below it do not learn. */
    if (options->head > 1 || (options->head != 0 && learning > 0)) {
        return MB_ERR_INPUT;
    }
    if (options->head != 0 && view->head.kind == 0) {
        return MB_ERR_NO_STATE;
    }
    model->isa = mb_choose_kernels(options->isa);
    if (model->isa == 0 || options->panels > 1 || options->batch > MB_MAX_BATCH) {
        return MB_ERR_INPUT;
    }
    const mb_runner *runner = options->runner;
    if (runner != NULL && (runner->run == NULL || runner->n_threads == 0)) {
        return MB_ERR_INPUT;
    }
    model->runner.pointer = runner;
    model->state_bits = (uint16_t)(learning > 0 ? bits : 0);
    model->batch = (uint16_t)(learning > 0 && options->batch > 1 ? options->batch : 1);
    model->first_learning = n_layers - learning;
    model->n_layers = n_layers;
    model->n_inputs = view->info.n_inputs;
    model->n_outputs = options->head ? view->info.n_classes : view->info.n_outputs;
    model->sample_type = mb_sample_type(view->info.input_signed, view->info.zero_point);
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

bool mb_take_head(mb_head *head, const mb_blob_view *view, const mb_options *options) {
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
    head->affine_at = from->affine_at;
    return options->head != 0;
}
