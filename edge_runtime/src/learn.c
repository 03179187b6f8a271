/* learn.c: one step of metaplastic learning on one sample.
 *
 * Forward as in infer.c; then, from the output down to the lowest layer that learns:
 *
 *   1. the error of a layer's outputs passes its sign (only where |y| <= 1) and its normalisation,
 *      from which the running means of the error and of error * normalised are subtracted: the part
 *      that batch statistics would remove, kept online (float, per channel);
 *   2. it is rounded to int16 with one power-of-two exponent for the layer;
 *   3. it is sent back through the old signs (int32, exact), and the hidden weights are updated row by
 *      row.
 *
 * learn_dense.c and learn_conv.c do the second half of 3.
 */
#include "arith.h"
#include "conv.h"
#include "dense.h"
#include "errors.h"
#include "hidden.h"
#include "internal.h"

static void to_float(float *out, const uint32_t *in, uint32_t n, float unit) {
    for (uint32_t j = 0; j < n; j++) { /* in place: in and out are the same memory */
        int32_t sum = (int32_t)in[j];
        out[j] = (float)sum * unit;
    }
}

static int32_t learn_one(mb_model *model, const uint8_t *sample, uint32_t label) {
    mb_learnt *learnt = (mb_learnt *)mb_at(model, model->learnt_at);
    int16_t *d = (int16_t *)mb_at(model, model->errors_at);
    uint32_t *row = (uint32_t *)mb_at(model, model->row_at);
    float *error = (float *)mb_at(model, model->row_at);
    model->last_writes = 0;
    model->last_flips = 0;
    mb_forward(model, sample);
    int32_t predicted = mb_read_scores(model, NULL);
    mb_output_error(model, error, label);
    for (uint32_t i = model->n_layers; i-- > model->first_learning;) {
        const mb_layer *layer = &mb_layers(model)[i], *below = i > 0 ? layer - 1 : NULL;
        const void *input = below == NULL ? sample : mb_at(model, below->bits_at);
        bool convolves = mb_convolves(layer);
        if (i + 1u < model->n_layers) {
            mb_pass_sign(model, layer, error);
        }
        mb_pass_norm(model, layer, error);
        uint32_t bits = convolves ? mb_conv_error_bits(layer, i) : MB_ERROR_BITS;
        float unit = mb_quantize_errors(d, error, mb_values(layer), bits);
        uint32_t *back = i > model->first_learning ? row : NULL;
        if (unit == 0.0f) { /* nothing to learn here, nor below; running values still follow */
            mb_zero(d, (size_t)2 * mb_values(layer));
        }
        (convolves ? mb_learn_convolution : mb_learn_dense)(model, i, input, d, unit, back);
        if (back != NULL) {
            to_float(error, back, mb_values(below), unit);
        }
    }
    learnt->n_steps++;
    return predicted;
}

int mb_learn(mb_model *model, const void *samples, const int32_t *labels, size_t n,
             int32_t *predicted) {
    if (model == NULL || (n > 0 && (samples == NULL || labels == NULL))) {
        return MB_ERR_INPUT;
    }
    if (model->first_learning == model->n_layers) {
        return MB_ERR_NO_STATE;
    }
    for (size_t i = 0; i < n; i++) {
        if (labels[i] < 0 || (uint32_t)labels[i] >= model->n_outputs) {
            return MB_ERR_INPUT;
        }
    }
    const uint8_t *sample = (const uint8_t *)samples;
    for (size_t i = 0; i < n; i++, sample += model->n_inputs) {
        int32_t before = learn_one(model, sample, (uint32_t)labels[i]);
        if (predicted != NULL) {
            predicted[i] = before;
        }
    }
    return MB_OK;
}

int mb_get_status(const mb_model *model, mb_status *status) {
    if (model == NULL || status == NULL) {
        return MB_ERR_INPUT;
    }
    mb_zero(status, sizeof *status);
    if (model->first_learning == model->n_layers) {
        return MB_OK;
    }
    status->n_steps = ((const mb_learnt *)mb_at(model, model->learnt_at))->n_steps;
    status->learn_layers = model->n_layers - model->first_learning;
    status->state_bits = model->state_bits;
    status->last_writes = model->last_writes;
    status->last_flips = model->last_flips;
    for (uint32_t k = model->first_learning; k < model->n_layers; k++) {
        const mb_layer *layer = &mb_layers(model)[k];
        const uint16_t *table = (const uint16_t *)mb_at(model, layer->table_at);
        mb_row row = {
            (uint8_t *)mb_at(model, layer->levels_at), NULL, model->state_bits, {0, 0, 0}};
        for (uint32_t j = 0; j < layer->n_out; j++, row.levels += layer->level_row_bytes) {
            for (uint32_t i = 0; i < layer->n_in; i++) {
                status->n_consolidated += table[mb_level_size(&row, i)] < 1310u;
            }
        }
        status->n_weights += layer->n_out * layer->n_in;
    }
    return MB_OK;
}
