/* conv.c: convolution, a position at a time; conv_fused.c does more at once where no layer learns. What the kernel
 * sees is gathered into one row, which the dense kernels then multiply with the weights of all channels. No
 * map of sums is kept but in layers that learn: max-pooling compares the sums of a window as they come. */
#include "conv.h"

#include "bit_rows.h"
#include "conv_fused.h"

/* ---- what a kernel sees --------------------------------------------------------------------- */

/* A row of the kernel on the map: pixels left of it, inside from column `start` on, and right of it. */
typedef struct kernel_span {
    uint32_t left, inside, right, start;
} kernel_span;

static kernel_span span_of(const mb_window *window, uint32_t column) {
    uint32_t first = column * window->stride, kernel = window->kernel;
    kernel_span span = {0, 0, 0, 0};
    span.left = first < window->before ? window->before - first : 0;
    span.left = span.left < kernel ? span.left : kernel;
    span.start = first + span.left - window->before;
    uint32_t there = span.start < window->in_columns ? window->in_columns - span.start : 0;
    span.inside = kernel - span.left < there ? kernel - span.left : there;
    span.right = kernel - span.left - span.inside;
    return span;
}

void mb_gather_bits(uint32_t *patch, const mb_layer *layer, const uint32_t *map, uint32_t row,
                    uint32_t column) {
    const mb_window *window = &layer->window;
    uint32_t channels = mb_channels(layer);
    kernel_span span = span_of(window, column);
    mb_bit_writer out = {patch, 0};
    for (uint32_t a = 0; a < window->kernel; a++) {
        uint32_t y = row * window->stride + a - window->before; /* wraps above the map */
        if (y >= window->in_rows) {
            mb_put_ones(&out, window->kernel * channels);
            continue;
        }
        mb_put_ones(&out, span.left * channels);
        uint32_t at = (y * window->in_columns + span.start) * channels;
        mb_put_copy(&out, map, at, span.inside * channels);
        mb_put_ones(&out, span.right * channels);
    }
}

static uint8_t *put_bytes(uint8_t *out, uint8_t value, uint32_t n) {
    while (n-- > 0) {
        *out++ = value;
    }
    return out;
}

static void gather_bytes(uint8_t *out, const uint8_t *map, const mb_window *window,
                         uint32_t channels, uint32_t row, uint32_t column, uint8_t one) {
    kernel_span span = span_of(window, column);
    for (uint32_t a = 0; a < window->kernel; a++) {
        uint32_t y = row * window->stride + a - window->before;
        if (y >= window->in_rows) {
            out = put_bytes(out, one, window->kernel * channels);
            continue;
        }
        out = put_bytes(out, one, span.left * channels);
        mb_copy(out, map + (size_t)(y * window->in_columns + span.start) * channels,
                span.inside * channels);
        out = put_bytes(out + span.inside * channels, one, span.right * channels);
    }
}

/* row[i] += error * (x[i] - zero point) for n inputs inside of the map, and error where the map is padded. */
static uint32_t *add_inside(uint32_t *restrict row, const uint8_t *restrict x, uint32_t n,
                            uint32_t error, uint8_t sign, uint32_t zero) {
    for (uint32_t i = 0; i < n; i++) {
        row[i] += error * ((uint32_t)(x[i] ^ sign) - zero);
    }
    return row + n;
}

static uint32_t *add_padding(uint32_t *row, uint32_t n, uint32_t error) {
    for (uint32_t i = 0; i < n; i++) {
        row[i] += error;
    }
    return row + n;
}

void mb_add_sample(uint32_t *to, const mb_model *model, const uint8_t *sample, int32_t error) {
    uint8_t sign = model->input_signed ? 0x80u : 0;
    uint32_t zero = (uint32_t)model->zero_point + sign;
    add_inside(to, sample, model->n_inputs, (uint32_t)error, sign, zero);
}

void mb_add_patch(uint32_t *to, const mb_model *model, const uint8_t *sample, uint32_t row,
                  uint32_t column, int32_t error) {
    const mb_layer *layer = mb_layers(model);
    const mb_window *window = &layer->window;
    uint32_t channels = mb_channels(layer), times = (uint32_t)error;
    uint8_t sign = model->input_signed ? 0x80u : 0;
    uint32_t zero = (uint32_t)model->zero_point + sign;
    kernel_span span = span_of(window, column);
    for (uint32_t a = 0; a < window->kernel; a++) {
        uint32_t y = row * window->stride + a - window->before;
        if (y >= window->in_rows) {
            to = add_padding(to, window->kernel * channels, times);
            continue;
        }
        const uint8_t *from = sample + (size_t)(y * window->in_columns + span.start) * channels;
        to = add_padding(to, span.left * channels, times);
        to = add_inside(to, from, span.inside * channels, times, sign, zero);
        to = add_padding(to, span.right * channels, times);
    }
}

const void *mb_gather(const mb_model *model, uint32_t index, const void *input, uint32_t row,
                      uint32_t column) {
    const mb_layer *layer = &mb_layers(model)[index];
    const mb_window *window = &layer->window;
    void *patch = mb_at(model, model->patch_at);
    if (index == 0) {
        gather_bytes((uint8_t *)patch, (const uint8_t *)input, window, mb_channels(layer), row,
                     column, (uint8_t)(model->zero_point + 1));
    } else {
        mb_gather_bits((uint32_t *)patch, layer, (const uint32_t *)input, row, column);
    }
    return patch;
}

/* ---- forward -------------------------------------------------------------------------------- */

static void sums_at(const mb_model *model, uint32_t index, const void *input, uint32_t row,
                    uint32_t column, int32_t *sums) {
    const mb_kernels *kernels = mb_kernels_of(model);
    mb_matrix weights = mb_weights(model, &mb_layers(model)[index]);
    const void *patch = mb_gather(model, index, input, row, column);
    if (index == 0) {
        kernels->dense_bytes(sums, &weights, (const uint8_t *)patch, model->input_signed,
                             model->zero_point);
    } else {
        kernels->dense_bits(sums, &weights, (const uint32_t *)patch);
    }
}

/* The larger of two sums, the first of equal ones, and which it is; without branches, which nothing predicts. */
static void keep_largest(int32_t *restrict largest, uint8_t *restrict winners,
                         const int32_t *restrict sums, uint32_t n, uint8_t k) {
    for (uint32_t j = 0; winners != NULL && j < n; j++) {
        winners[j] = sums[j] > largest[j] ? k : winners[j];
    }
    for (uint32_t j = 0; j < n; j++) {
        largest[j] = sums[j] > largest[j] ? sums[j] : largest[j];
    }
}

/* Largest sum of each channel in the window of pooling of one output position; the first among equal ones.
 *   largest (n_out), winners (n_out) or NULL */
static void pooled_sums(const mb_model *model, uint32_t index, const void *input, uint32_t row,
                        uint32_t column, int32_t *largest, uint8_t *winners) {
    const mb_layer *layer = &mb_layers(model)[index];
    uint32_t pool = layer->window.pool;
    int32_t *sums = (int32_t *)mb_at(model, model->window_at);
    sums_at(model, index, input, row * pool, column * pool, largest);
    if (winners != NULL) {
        mb_zero(winners, layer->n_out);
    }
    for (uint32_t k = 1; k < pool * pool; k++) {
        sums_at(model, index, input, row * pool + k / pool, column * pool + k % pool, sums);
        keep_largest(largest, winners, sums, layer->n_out, (uint8_t)k);
    }
}

/* Normalisation and sign of the sums of one position: folded into thresholds, or with running values. */
static void put_signs(mb_bit_writer *out, const mb_model *model, const mb_layer *layer,
                      const mb_norm_view *norm, const int32_t *sums) {
    const int32_t *thresholds = (const int32_t *)mb_in_blob(model, layer->blob_threshold_at);
    const uint32_t *flips = (const uint32_t *)thresholds + layer->n_out;
    for (uint32_t start = 0; start < layer->n_out; start += 32u) {
        uint32_t n = layer->n_out - start < 32u ? layer->n_out - start : 32u;
        uint32_t word = layer->learns ? 0 : flips[start / 32u];
        for (uint32_t b = 0; b < n; b++) {
            uint32_t j = start + b;
            bool above = layer->learns ? mb_scaled(norm, mb_normalised(norm, sums[j], j), j) >= 0.0f
                                       : sums[j] >= thresholds[j];
            word ^= (uint32_t)above << b;
        }
        mb_put_bits(out, word, n);
    }
}

/* The same where every position starts on a word. */
static void put_words(mb_bit_writer *out, const mb_model *model, const mb_layer *layer,
                      const mb_norm_view *norm, const int32_t *sums) {
    const mb_kernels *kernels = mb_kernels_of(model);
    uint32_t *bits = &out->words[out->at / 32u];
    if (layer->learns) {
        kernels->bits_by_norm(bits, sums, norm, layer->n_out);
    } else {
        const int32_t *at = (const int32_t *)mb_in_blob(model, layer->blob_threshold_at);
        kernels->bits_by_threshold(bits, sums, at, layer->n_out);
    }
    out->at += layer->n_out;
}

void mb_convolve(const mb_model *model, uint32_t index, const void *input) {
    const mb_layer *layer = &mb_layers(model)[index];
    const mb_window *window = &layer->window;
    if (mb_runs_fused(layer, index, mb_kernels_of(model))) {
        mb_convolve_fused(model, index, input);
        return;
    }
    int32_t *sums = (int32_t *)mb_at(model, layer->sums_at);
    uint8_t *winners =
        layer->learns && window->pool > 1 ? (uint8_t *)mb_at(model, layer->winners_at) : NULL;
    mb_norm_view norm = {NULL, NULL, NULL, NULL};
    if (layer->learns) {
        norm = mb_norm(model, layer);
    }
    mb_bit_writer out = {(uint32_t *)mb_at(model, layer->bits_at), 0};
    for (uint32_t p = 0; p < layer->n_positions; p++) {
        uint32_t row = p / window->out_columns, column = p % window->out_columns;
        pooled_sums(model, index, input, row, column, sums, winners);
        (layer->n_out % 32u == 0 ? put_words : put_signs)(&out, model, layer, &norm, sums);
        if (layer->learns) {
            sums += layer->n_out;
            winners = winners == NULL ? NULL : winners + layer->n_out;
        }
    }
}
