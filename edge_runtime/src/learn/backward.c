/* backward.c: the error of a layer's outputs on its way back, in float: through sign and
 * normalisation, then rounded to int16. A dense layer has one position, a convolution all positions
 * of its map. */
#include "backward.h"

#include "../arith.h"

void mb_output_error(mb_model *model, float *error, uint32_t label) {
    const mb_layer *output = mb_output_layer(model);
    const int32_t *sums = (const int32_t *)mb_in_arena(model, output->sums_at);
    mb_norm_view norm = mb_norm(model, output);
    float largest = 0.0f, total = 0.0f;
    for (uint32_t j = 0; j < output->n_out; j++) {
        error[j] = mb_scaled(&norm, mb_normalised(&norm, sums[j], j), j);
        largest = j == 0 || error[j] > largest ? error[j] : largest;
    }
    for (uint32_t j = 0; j < output->n_out; j++) {
        error[j] = mb_exp(error[j] - largest);
        total = total + error[j];
    }
    for (uint32_t j = 0; j < output->n_out; j++) {
        error[j] = error[j] / total;
    }
    error[label] = error[label] - 1.0f;
}

void mb_pass_sign(const mb_model *model, const mb_layer *layer, float *error) {
    const int32_t *sums = (const int32_t *)mb_in_arena(model, layer->sums_at);
    mb_norm_view norm = mb_norm(model, layer);
    for (uint32_t p = 0; p < layer->n_positions; p++) {
        for (uint32_t j = 0; j < layer->n_out; j++, sums++, error++) {
            float y = mb_scaled(&norm, mb_normalised(&norm, *sums, j), j);
            *error = mb_absolute(y) <= 1.0f ? *error : 0.0f;
        }
    }
}

#define BIAS_RATE 0.004f
#define LEAST_VARIANCE 1.0f /* sums are integers: less carries nothing */

void mb_pass_output_norm(mb_model *model, float *error) {
    const mb_layer *layer = mb_output_layer(model);
    mb_norm_view norm = mb_norm(model, layer);
    float *mean = (float *)mb_in_arena(model, layer->running_at);
    for (uint32_t j = 0; j < layer->n_out; j++) {
        float e = error[j] * norm.gamma[j];
        mean[j] = mb_settled(mean[j] + (BIAS_RATE * e) / norm.inv_std[j]);
        error[j] = e * norm.inv_std[j];
    }
}

void mb_pass_norm(mb_model *model, const mb_layer *layer, float *error) {
    const int32_t *sums = (const int32_t *)mb_in_arena(model, layer->sums_at);
    mb_norm_view norm = mb_norm(model, layer);
    uint32_t n = layer->n_out, n_values = mb_values(layer);
    float *mean = (float *)mb_in_arena(model, layer->running_at);
    float *var = mean + n, *mean_error = var + n, *mean_product = mean_error + n;
    float *inv_std = (float *)mb_in_arena(model, layer->inv_std_at);
    float keep = 1.0f - model->norm_rate, share = 1.0f / (float)layer->n_positions;
    for (uint32_t j = 0; j < n; j++) {
        float errors = 0.0f, products = 0.0f, deltas = 0.0f, squares = 0.0f;
        for (uint32_t at = j; at < n_values; at += n) {
            float normalised = mb_normalised(&norm, sums[at], j);
            float e = error[at] * norm.gamma[j];
            float corrected = (e - mean_error[j]) - normalised * mean_product[j];
            error[at] = corrected * inv_std[j];
            float delta = (float)sums[at] - mean[j];
            errors = errors + e;
            products = products + e * normalised;
            deltas = deltas + delta;
            squares = squares + delta * delta;
        }
        mean_error[j] = mb_running_mean(mean_error[j], errors * share, model->error_rate);
        mean_product[j] = mb_running_mean(mean_product[j], products * share, model->error_rate);
        mean[j] = mb_settled(mean[j] + model->norm_rate * (deltas * share));
        float spread = mb_settled(keep * (var[j] + model->norm_rate * (squares * share)));
        var[j] = spread >= LEAST_VARIANCE ? spread : LEAST_VARIANCE;
    }
    mb_kernels_of(model)->inverse_roots(inv_std, var, model->eps, n);
}

float mb_quantize_errors(int16_t *d, const float *error, uint32_t n, uint32_t bits) {
    float largest = 0.0f;
    for (uint32_t j = 0; j < n; j++) {
        largest = mb_absolute(error[j]) > largest ? mb_absolute(error[j]) : largest;
    }
    if (!(largest >= 1e-30f && largest <= 1e30f)) {
        return 0.0f;
    }
    int32_t exponent = (int32_t)bits - 1 - mb_exponent(largest);
    float scale = mb_pow2(exponent), limit = (float)((1 << bits) - 1);
    for (uint32_t j = 0; j < n; j++) {
        float scaled = error[j] * scale;
        scaled = scaled >= -limit ? scaled : -limit;
        scaled = scaled <= limit ? scaled : limit;
        d[j] = (int16_t)(int32_t)(scaled < 0.0f ? scaled - 0.5f : scaled + 0.5f);
    }
    return mb_pow2(-exponent);
}

float mb_align_errors(int16_t *d, const float *units, uint32_t n, uint32_t n_values) {
    float largest = 0.0f;
    for (uint32_t s = 0; s < n; s++) {
        largest = units[s] > largest ? units[s] : largest;
    }
    for (uint32_t s = 0; s < n; s++, d += n_values) {
        /* A unit of 0 has errors of 0; from 16 on nothing is left of 15 bits. */
        int32_t apart = units[s] > 0.0f ? mb_exponent(largest) - mb_exponent(units[s]) : 0;
        int32_t shift = apart < 16 ? apart : 16, half = (1 << shift) >> 1;
        for (uint32_t j = 0; j < n_values; j++) {
            int32_t size = ((int32_t)mb_magnitude(d[j]) + half) >> shift;
            d[j] = (int16_t)(d[j] < 0 ? -size : size);
        }
    }
    return largest;
}
