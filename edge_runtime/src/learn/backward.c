/* backward.c: the error of a layer's outputs on its way back, in float: through sign and
 * normalisation, then rounded to int16. A dense layer has one position, a convolution all positions
 * of its map. */
#include "backward.h"

#include "../arith.h"
#include "../kernels/hidden_norm.h"

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

/* The errors of a map: each channel has many positions. */
static void pass_map_norm(const mb_hidden_norm *norm, const mb_layer *layer, const int32_t *sums,
                          float *error) {
    uint32_t n = layer->n_out, n_values = mb_values(layer);
    float share = 1.0f / (float)layer->n_positions;
    for (uint32_t j = 0; j < n; j++) {
        mb_channel_sums channel = {0.0f, 0.0f, 0.0f, 0.0f};
        for (uint32_t at = j; at < n_values; at += n) {
            error[at] = mb_pass_error(norm, &channel, j, sums[at], error[at]);
        }
        mb_follow_channel(norm, &channel, j, share);
    }
}

void mb_pass_norm(mb_model *model, const mb_layer *layer, float *error) {
    const int32_t *sums = (const int32_t *)mb_in_arena(model, layer->sums_at);
    const mb_kernels *kernels = mb_kernels_of(model);
    uint32_t n = layer->n_out;
    float *mean = (float *)mb_in_arena(model, layer->running_at), *var = mean + n;
    float *inv_std = (float *)mb_in_arena(model, layer->inv_std_at);
    const float *gamma = mb_norm(model, layer).gamma;
    mb_hidden_norm norm = {
        gamma, inv_std, mean, var, var + n, var + 2 * n, model->norm_rate, model->error_rate};
    if (layer->n_positions == 1) {
        kernels->pass_norm(error, sums, &norm, n);
    } else {
        pass_map_norm(&norm, layer, sums, error);
    }
    kernels->inverse_roots(inv_std, var, model->eps, n);
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
        /* Signs cannot be foreseen, so no branch asks: half of that sign is added. */
        float half = mb_bits_float((mb_float_bits(scaled) & 0x80000000u) | 0x3f000000u);
        d[j] = (int16_t)(int32_t)(scaled + half);
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
