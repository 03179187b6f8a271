/* learn.c: one step of metaplastic learning, on one sample or a batch.
 *
 * Each sample of the step goes forward as in forward.c. If it is worth learning (rule/worth.h),
 * then, from the output down to the lowest layer that learns:
 *
 *   1. the error of a layer's outputs passes its sign (only where |y| <= 1) and its normalisation,
 *      from which the running means of the error and of error * normalised are subtracted: the part
 *      that batch statistics would remove, kept online (float, per channel);
 *   2. it is rounded to int16 with one power-of-two exponent for the layer;
 *   3. it is sent back through the old signs (int32, exact).
 *
 * Running values follow sample by sample. Hidden weights move from the errors of 2, row by row: of
 * one sample (dense_moves.c), each layer as soon as its errors have gone back, so that the next
 * layer's can take their place; of a batch (gradients.c) when all samples have been sent back
 * through the same weights. Then all errors of a layer have the largest of their exponents.
 */
#include "../forward/forward.h"
#include "../forward/scores.h"
#include "../heads/heads.h"
#include "../layer.h"
#include "../rule/centre.h"
#include "../rule/contexts.h"
#include "../rule/record.h"
#include "../rule/ring.h"
#include "../rule/worth.h"
#include "backward.h"
#include "backward_conv.h"
#include "batch.h"
#include "dense_moves.h"
#include "gradients.h"

static void to_float(float *out, const uint32_t *in, uint32_t n, float unit) {
    for (uint32_t j = 0; j < n; j++) { /* in place: in and out are the same memory */
        int32_t sum = (int32_t)in[j];
        out[j] = (float)sum * unit;
    }
}

/* In a batch: copy what the forward pass of sample s left, and its moves need. */
static void keep_forward(const mb_model *model, uint32_t s) {
    uint32_t below = model->first_learning > 0 ? model->first_learning - 1u : 0;
    for (uint32_t i = below; i < model->n_layers; i++) {
        const mb_layer *layer = &mb_layers(model)[i];
        if (layer != mb_output_layer(model)) {
            mb_copy(mb_kept_bits(model, layer, s), mb_in_arena(model, layer->bits_at),
                    (size_t)4 * mb_words(mb_values(layer)));
        }
        if (layer->learns && mb_pools(layer)) {
            mb_copy(mb_kept_winners(model, layer, s), mb_in_arena(model, layer->winners_at),
                    mb_values(layer));
        }
    }
}

/* Move the hidden weights of a layer by the errors d (n, n_values) of n samples. */
static void move(mb_model *model, mb_layer *layer, const uint8_t *samples, uint32_t n,
                 const int16_t *d, float unit) {
    if (unit == 0.0f) { /* nothing to learn here */
        return;
    }
    if (mb_forms_gradients(model, layer)) {
        mb_move_rows(model, layer, samples, n, d, unit);
    } else {
        mb_move_dense(model, layer, mb_kept_input(model, layer, samples, 0), d, unit);
    }
}

/* Send errors of a layer back through its signs, as float errors of the layer below. */
static void send_back(const mb_model *model, const mb_layer *layer, const int16_t *d, float unit) {
    uint32_t *row = (uint32_t *)mb_in_arena(model, model->row_at);
    if (mb_convolves(layer)) {
        mb_send_back_map(model, layer, d, row);
    } else {
        mb_matrix weights = mb_weights(model, layer);
        mb_kernels_of(model)->back(row, &weights, d);
    }
    to_float((float *)mb_in_arena(model, model->row_at), row, mb_values(layer - 1), unit);
}

/* In a batch: sample s has no errors. */
static void keep_no_errors(const mb_model *model, uint32_t s) {
    for (uint32_t i = model->first_learning; i < model->n_layers; i++) {
        uint32_t n_values = mb_values(&mb_layers(model)[i]);
        mb_zero(mb_kept_errors(model, i) + (size_t)s * n_values, (size_t)2 * n_values);
        mb_kept_units(model, i)[s] = 0.0f;
    }
}

/* Count a sample that is learnt, and let the means of the inputs follow it. */
static void begin_learning(const mb_model *model, const uint8_t *sample) {
    mb_learnt *learnt = (mb_learnt *)mb_in_arena(model, model->learnt_at);
    learnt->n_learnt += learnt->n_learnt < UINT32_MAX;
    if (mb_centres(model)) {
        mb_follow_inputs(model, sample);
    }
}

/* Send errors of the logits of sample s back. Without a batch, weights move on the way. */
static void send_errors_back(mb_model *model, const uint8_t *sample, float *error, uint32_t s) {
    for (uint32_t i = model->n_layers; i-- > model->first_learning;) {
        mb_layer *layer = &mb_layers(model)[i];
        uint32_t n_values = mb_values(layer);
        int16_t *d = mb_kept_errors(model, i) + (size_t)s * n_values;
        if (layer == mb_output_layer(model)) {
            mb_pass_output_norm(model, error);
        } else {
            mb_pass_sign(model, layer, error);
            mb_pass_norm(model, layer, error);
        }
        uint32_t bits = mb_convolves(layer) ? mb_conv_error_bits(model, layer) : MB_ERROR_BITS;
        float unit = mb_quantize_errors(d, error, n_values, bits);
        if (unit == 0.0f) { /* nothing to learn here, nor below; running values still follow */
            mb_zero(d, (size_t)2 * n_values);
        }
        if (i > model->first_learning) {
            send_back(model, layer, d, unit);
        }
        if (model->batch > 1) {
            mb_kept_units(model, i)[s] = unit;
        } else {
            move(model, layer, sample, 1, d, unit);
        }
    }
}

/* Send sample s of a step forward, and, unless it has to wait, its errors back if it is worth
 * learning. Returns what was predicted. */
static int32_t pass(mb_model *model, const uint8_t *sample, uint32_t label, uint32_t s,
                    bool waits) {
    float *error = (float *)mb_in_arena(model, model->row_at);
    mb_forward(model, sample);
    if (model->batch > 1) {
        keep_forward(model, s);
    }
    int32_t predicted = mb_read_scores(model, NULL);
    mb_judge(model, label, (uint32_t)predicted);
    if (!waits && mb_is_worth_learning(model, label)) {
        begin_learning(model, sample);
        mb_output_error(model, error, label);
        send_errors_back(model, sample, error, s);
    } else if (model->batch > 1) {
        keep_no_errors(model, s);
    }
    return predicted;
}

/* Latent replay: keep the sample that was learnt last, as the lowest layer that learns saw it, and
 * learn some that are kept again. They are not judged, and count in no share of their label. */
static void replay(mb_model *model, uint32_t label) {
    float *error = (float *)mb_in_arena(model, model->row_at);
    const mb_layer *below = &mb_layers(model)[model->first_learning - 1u];
    void *seen = mb_in_arena(model, below->bits_at), *kept = mb_keep_in_ring(model, label);
    if (kept != NULL) {
        mb_copy(kept, seen, model->ring_entry_bytes);
    }
    for (uint32_t r = 0; r < MB_REPLAYS; r++) {
        mb_copy(seen, mb_draw_from_ring(model, &label), model->ring_entry_bytes);
        mb_forward_from(model, model->first_learning, NULL);
        if (!mb_is_sure(model, label)) {
            begin_learning(model, NULL);
            mb_output_error(model, error, label);
            send_errors_back(model, NULL, error, 0);
        }
    }
}

/* Move the weights of all layers by the errors of a batch of n samples, which have been kept. */
static void move_batch(mb_model *model, const uint8_t *samples, uint32_t n) {
    for (uint32_t i = model->n_layers; i-- > model->first_learning;) {
        mb_layer *layer = &mb_layers(model)[i];
        int16_t *d = mb_kept_errors(model, i);
        float unit = mb_align_errors(d, mb_kept_units(model, i), n, mb_values(layer));
        move(model, layer, samples, n, d, unit);
    }
}

/* Samples that came; the number stops at its end. */
static void count_samples(mb_learnt *learnt, uint32_t n) {
    learnt->n_steps = learnt->n_steps > UINT32_MAX - n ? UINT32_MAX : learnt->n_steps + n;
}

/* One step on n samples, at most a batch. */
static void learn_step(mb_model *model, const uint8_t *samples, const int32_t *labels, uint32_t n,
                       int32_t *predicted) {
    bool waits = mb_has_contexts(model) && !mb_route(model, samples, (uint32_t)labels[0]);
    mb_learnt *learnt = (mb_learnt *)mb_in_arena(model, model->learnt_at);
    model->last_writes = 0;
    model->last_flips = 0;
    model->novelty = mb_novelty_share(model);
    for (uint32_t s = 0; s < n; s++) {
        const uint8_t *sample = samples + (size_t)s * model->n_inputs;
        int32_t before = pass(model, sample, (uint32_t)labels[s], s, waits);
        if (predicted != NULL) {
            predicted[s] = before;
        }
    }
    if (model->batch > 1) {
        move_batch(model, samples, n);
    } else if (model->ring_slots > 0) {
        replay(model, (uint32_t)labels[0]);
    }
    count_samples(learnt, n);
}

/* Teach the head alone: the layers below it only make its features. */
static void teach_head(mb_model *model, const uint8_t *samples, const int32_t *labels, size_t n,
                       int32_t *predicted) {
    mb_learnt *learnt = (mb_learnt *)mb_in_arena(model, model->learnt_at);
    for (size_t i = 0; i < n; i++, samples += model->n_inputs) {
        mb_forward(model, samples);
        int32_t said = mb_head_teach(model, samples, (uint32_t)labels[i]);
        if (predicted != NULL) {
            predicted[i] = said;
        }
        mb_judge(model, (uint32_t)labels[i], (uint32_t)said);
        count_samples(learnt, 1);
    }
}

int mb_learn(mb_model *model, const void *samples, const int32_t *labels, size_t n,
             int32_t *predicted) {
    if (model == NULL || (n > 0 && (samples == NULL || labels == NULL))) {
        return MB_ERR_INPUT;
    }
    if (!mb_learns(model)) {
        return MB_ERR_NO_STATE;
    }
    for (size_t i = 0; i < n; i++) {
        if (labels[i] < 0 || (uint32_t)labels[i] >= model->n_outputs) {
            return MB_ERR_INPUT;
        }
    }
    model->is_changed = 1;
    if (model->head_kind != 0) {
        teach_head(model, (const uint8_t *)samples, labels, n, predicted);
        return MB_OK;
    }
    for (size_t i = 0; i < n; i += model->batch) {
        uint32_t n_here = n - i < model->batch ? (uint32_t)(n - i) : model->batch;
        learn_step(model, (const uint8_t *)samples + i * model->n_inputs, labels + i, n_here,
                   predicted != NULL ? predicted + i : NULL);
    }
    if (mb_has_contexts(model)) {
        mb_enter_context(model, mb_router_of(model)->current);
    }
    return MB_OK;
}
