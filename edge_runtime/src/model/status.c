/* status.c: counters and gauges of a learning model. */
#include "../metaplasticity.h"

int mb_get_status(const mb_model *model, mb_status *status) {
    if (model == NULL || status == NULL) {
        return MB_ERR_INPUT;
    }
    mb_zero(status, sizeof *status);
    if (!mb_learns(model)) {
        return MB_OK;
    }
    status->n_steps = ((const mb_learnt *)mb_in_arena(model, model->learnt_at))->n_steps;
    status->learn_layers = model->n_layers - model->first_learning;
    status->state_bits = model->state_bits;
    status->last_writes = model->last_writes;
    status->last_flips = model->last_flips;
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        const mb_layer *layer = &mb_layers(model)[i];
        uint32_t n_weights = layer->n_out * layer->n_in;
        status->n_weights += n_weights;
        status->n_consolidated += n_weights - mb_plasticity(model, layer);
    }
    return MB_OK;
}
