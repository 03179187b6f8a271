/* patches.c: what the kernel of a convolution sees at one position: pixels of a map, and padding,
 * of +1 in bits and of the integer that means one in samples. */
#include "patches.h"

#include "bit_rows.h"

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

void mb_gather_bits(uint32_t *patch, const mb_layer *layer, const uint32_t *map, mb_place place) {
    const mb_window *window = &layer->window;
    uint32_t channels = mb_channels(layer);
    kernel_span span = span_of(window, place.column);
    mb_bit_writer out = {patch, 0};
    for (uint32_t a = 0; a < window->kernel; a++) {
        uint32_t y = place.row * window->stride + a - window->before; /* wraps above the map */
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

static void gather_bytes(uint8_t *out, const mb_layer *layer, const uint8_t *map, mb_place place,
                         uint8_t one) {
    const mb_window *window = &layer->window;
    uint32_t channels = mb_channels(layer);
    kernel_span span = span_of(window, place.column);
    for (uint32_t a = 0; a < window->kernel; a++) {
        uint32_t y = place.row * window->stride + a - window->before;
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

/* row[i] += error * (distance of x[i] from zero) for n inputs inside of the map; padding adds the
 * error itself. */
static uint32_t *add_inside(uint32_t *restrict row, const uint8_t *restrict x, uint32_t n,
                            uint32_t error, mb_as_uint8 type) {
    for (uint32_t i = 0; i < n; i++) {
        row[i] += error * (uint32_t)mb_centred(type, x[i]);
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
    add_inside(to, sample, model->n_inputs, (uint32_t)error, model->sample_type);
}

void mb_add_patch(uint32_t *to, const mb_model *model, const mb_layer *layer, const uint8_t *sample,
                  mb_place place, int32_t error) {
    const mb_window *window = &layer->window;
    uint32_t channels = mb_channels(layer), times = (uint32_t)error;
    kernel_span span = span_of(window, place.column);
    for (uint32_t a = 0; a < window->kernel; a++) {
        uint32_t y = place.row * window->stride + a - window->before;
        if (y >= window->in_rows) {
            to = add_padding(to, window->kernel * channels, times);
            continue;
        }
        const uint8_t *from = sample + (size_t)(y * window->in_columns + span.start) * channels;
        to = add_padding(to, span.left * channels, times);
        to = add_inside(to, from, span.inside * channels, times, model->sample_type);
        to = add_padding(to, span.right * channels, times);
    }
}

const void *mb_gather(const mb_model *model, const mb_layer *layer, const void *input,
                      mb_place place) {
    void *patch = mb_in_arena(model, model->patch_at);
    if (layer->sees_sample) {
        gather_bytes((uint8_t *)patch, layer, (const uint8_t *)input, place,
                     (uint8_t)((model->sample_type.zero + 1u) ^ model->sample_type.flip));
    } else {
        mb_gather_bits((uint32_t *)patch, layer, (const uint32_t *)input, place);
    }
    return patch;
}
