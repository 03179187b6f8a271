/* forward.c: the forward pass, from a sample to scores. */
#include "../arith.h"
#include "../internal.h"
#include "conv.h"
#include "dense.h"
#include "metabit_bench.h"

mb_norm_view mb_norm(const mb_model *model, const mb_layer *layer) {
    mb_norm_view norm;
    const float *exported = (const float *)mb_in_blob(model, layer->blob_norm_at);
    norm.mean = layer->learns ? (const float *)mb_at(model, layer->running_at) : exported;
    norm.inv_std = (const float *)mb_at(model, layer->inv_std_at);
    norm.gamma = exported + 2 * (size_t)layer->n_out;
    norm.beta = exported + 3 * (size_t)layer->n_out;
    return norm;
}

mb_matrix mb_weights(const mb_model *model, const mb_layer *layer) {
    mb_matrix weights = {NULL, layer->n_in, layer->n_out, layer->words, MB_ROWS};
    if (layer->signs_at != 0) {
        weights.at = (const uint8_t *)mb_at(model, layer->signs_at);
        weights.layout = layer->layout;
    } else {
        weights.at = (const uint8_t *)mb_in_blob(model, layer->blob_weights_at);
    }
    return weights;
}

/* One layer: from `input`, the sample or the bits of the layer below, to sums and, but for the output
 * layer, bits. */
static void run_layer(const mb_model *model, uint32_t index, const void *input) {
    const mb_layer *layer = &mb_layers(model)[index];
    if (mb_convolves(layer)) {
        mb_convolve(model, index, input);
        return;
    }
    int32_t *sums = (int32_t *)mb_at(model, layer->sums_at);
    uint32_t *bits = (uint32_t *)mb_at(model, layer->bits_at);
    const mb_kernels *kernels = mb_kernels_of(model);
    mb_dense_sums(model, index, input, sums);
    if (index + 1u == model->n_layers) {
        return;
    }
    if (layer->learns) {
        mb_norm_view norm = mb_norm(model, layer);
        kernels->bits_by_norm(bits, sums, &norm, layer->n_out);
    } else {
        const int32_t *at = (const int32_t *)mb_in_blob(model, layer->blob_threshold_at);
        kernels->bits_by_threshold(bits, sums, at, layer->n_out);
    }
}

/* What a layer reads: the sample, or the bits of the layer below. */
static const void *input_of(const mb_model *model, uint32_t index, const void *sample) {
    return index == 0 ? sample : mb_at(model, mb_layers(model)[index - 1u].bits_at);
}

void mb_forward(mb_model *model, const uint8_t *sample) {
    for (uint32_t i = 0; i < model->n_layers; i++) {
        run_layer(model, i, input_of(model, i, sample));
    }
}

uint32_t mb_isa_used(const mb_model *model) { return model != NULL ? model->isa : 0; }

int mb_run_layer(mb_model *model, uint32_t layer, const void *sample, size_t n) {
    if (model == NULL || sample == NULL || layer >= model->n_layers) {
        return MB_ERR_INPUT;
    }
    for (size_t i = 0; i < n; i++) {
        run_layer(model, layer, input_of(model, layer, sample));
    }
    return MB_OK;
}

/* Bits of a positive float sort as an integer; those of a negative one are mirrored. -0 becomes 0. */
static int32_t score_of(float logit) {
    uint32_t bits = mb_float_bits(logit);
    return bits & 0x80000000u ? -(int32_t)(bits & 0x7fffffffu) : (int32_t)bits;
}

float mb_score_to_logit(int32_t score) {
    return score < 0 ? mb_bits_float(0x80000000u | (0u - (uint32_t)score))
                     : mb_bits_float((uint32_t)score);
}

int32_t mb_read_scores(mb_model *model, int32_t *scores) {
    const mb_layer *output = &mb_layers(model)[model->n_layers - 1u];
    const int32_t *sums = (const int32_t *)mb_at(model, output->sums_at);
    mb_norm_view norm = mb_norm(model, output);
    int32_t best = 0, best_score = 0;
    for (uint32_t j = 0; j < output->n_out; j++) {
        int32_t score = score_of(mb_scaled(&norm, mb_normalised(&norm, sums[j], j), j));
        if (j == 0 || score > best_score) {
            best = (int32_t)j;
            best_score = score;
        }
        if (scores != NULL) {
            scores[j] = score;
        }
    }
    return best;
}

int mb_predict(mb_model *model, const void *samples, size_t n, int32_t *labels, int32_t *scores) {
    if (model == NULL || (samples == NULL && n > 0)) {
        return MB_ERR_INPUT;
    }
    const uint8_t *sample = (const uint8_t *)samples;
    for (size_t i = 0; i < n; i++, sample += model->n_inputs) {
        mb_forward(model, sample);
        int32_t label = mb_read_scores(model, scores ? scores + i * model->n_outputs : NULL);
        if (labels != NULL) {
            labels[i] = label;
        }
    }
    return MB_OK;
}

int mb_self_test(void *arena, size_t arena_bytes, const void *blob, size_t blob_bytes) {
    static const mb_options infer = MB_OPTIONS_INFER;
    mb_blob_view view;
    mb_model *model;
    int error = mb_view(&view, blob, blob_bytes, infer.bank);
    if (error == MB_OK) {
        error = mb_open_view(&model, arena, arena_bytes, &view, &infer);
    }
    if (error != MB_OK) {
        return error;
    }
    const mb_layer *output = &mb_layers(model)[model->n_layers - 1u];
    const int32_t *sums = (const int32_t *)mb_at(model, output->sums_at);
    mb_norm_view norm = mb_norm(model, output);
    const uint8_t *scores = view.bytes + view.golden_at + 8u;
    const uint8_t *samples = scores + (size_t)4 * view.info.n_golden * model->n_outputs;
    for (uint32_t i = 0; i < view.info.n_golden; i++) {
        mb_forward(model, samples + (size_t)i * model->n_inputs);
        for (uint32_t j = 0; j < model->n_outputs; j++, scores += 4) {
            int32_t expected;
            mb_copy(&expected, scores, sizeof expected);
            if (score_of(mb_scaled(&norm, mb_normalised(&norm, sums[j], j), j)) != expected) {
                return MB_ERR_MISMATCH;
            }
        }
    }
    return MB_OK;
}
