/* status.c: counters and gauges of a learning model. */
#include "../metaplasticity.h"
#include "../rule/contexts.h"
#include "../rule/record.h"

/* A share of 24 bits, in 16. */
static uint16_t in_16_bits(uint32_t share) {
    uint32_t rounded = share >> (MB_RECORD_BITS - 16u);
    return (uint16_t)(rounded < 65535u ? rounded : 65535u);
}

/* The mean of n entries of a table, rounded. */
static uint16_t mean_of(uint64_t sum, uint32_t n) {
    return (uint16_t)(uint32_t)((float)sum / (float)n + 0.5f);
}

/* What the hidden weights say, by layer and of all. */
static void gauge_layers(const mb_model *model, mb_status *status) {
    uint64_t open = 0;
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        const mb_layer *layer = &mb_layers(model)[i];
        uint32_t n_weights = layer->n_out * layer->n_in, at = i - model->first_learning;
        mb_gauge gauge = mb_plasticity(model, layer);
        status->n_weights += n_weights;
        status->n_consolidated += gauge.n_consolidated;
        status->layer_plasticity[at] = mean_of(gauge.open, n_weights);
        status->layer_at_end[at] = mean_of((uint64_t)gauge.n_at_end * 65535u, n_weights);
        open += gauge.open;
    }
    if (status->n_weights > 0) {
        status->plasticity = mean_of(open, status->n_weights);
    }
}

/* Contexts, and the samples of all of them. */
static void count_contexts(const mb_model *model, mb_status *status) {
    if (!mb_has_contexts(model)) {
        return;
    }
    const mb_router *router = mb_router_of(model);
    const mb_contexts *contexts = mb_contexts_of(model);
    status->n_contexts = router->n_open;
    status->context = router->current;
    status->n_waited = router->n_waited;
    status->n_steps = router->n_samples;
    status->n_learnt = 0;
    for (uint32_t k = 0; k < router->n_open; k++) {
        uint32_t block_at = contexts->blocks_at + k * mb_block_bytes(model);
        uint32_t more = ((const mb_learnt *)mb_in_arena(model, block_at))->n_learnt;
        uint32_t room = UINT32_MAX - status->n_learnt;
        status->n_learnt += more < room ? more : room;
    }
}

int mb_get_status(const mb_model *model, mb_status *status) {
    if (model == NULL || status == NULL) {
        return MB_ERR_INPUT;
    }
    mb_zero(status, sizeof *status);
    if (!mb_learns(model)) {
        return MB_OK;
    }
    const mb_learnt *learnt = (const mb_learnt *)mb_in_arena(model, model->learnt_at);
    const mb_record *record = mb_record_of(model);
    status->n_steps = learnt->n_steps;
    status->n_learnt = learnt->n_learnt;
    status->learn_layers = model->n_layers - model->first_learning;
    status->state_bits = model->state_bits;
    status->last_writes = model->last_writes;
    status->last_flips = model->last_flips;
    status->n_judged = record->n_judged;
    status->accuracy = in_16_bits(record->right);
    status->n_drifts = record->n_drifts;
    status->is_drifting = record->n_drifts > 0 && record->n_since < MB_DRIFTING_FOR;
    gauge_layers(model, status);
    count_contexts(model, status);
    return MB_OK;
}

int mb_get_recalls(const mb_model *model, uint16_t *recalls) {
    if (model == NULL || recalls == NULL) {
        return MB_ERR_INPUT;
    }
    if (!mb_learns(model)) {
        return MB_ERR_NO_STATE;
    }
    mb_copy(recalls, mb_recalls(model), (size_t)2 * model->n_outputs);
    return MB_OK;
}
