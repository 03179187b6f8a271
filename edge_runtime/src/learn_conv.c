/* learn_conv.c: one step of metaplastic learning in a convolution.
 *
 * A weight's gradient is a sum over all positions of error times what the kernel saw there, with
 * max-pooling at the sum that won its window (the first of equal ones). Row by row it is formed in one
 * scratch row of int32, exact, and its moves are drawn like those of learn_dense.c. The mean square of the
 * gradients is known when all rows are done, so the rate is that of the steps before; the first step of all
 * only measures.
 */
#include "arith.h"
#include "conv.h"
#include "errors.h"
#include "hidden.h"
#include "random.h"

#define SIZE_BITS 15u /* of gradients, when candidates are drawn */

/* Bits that hold n. */
static uint32_t bit_length(uint32_t n) {
    uint32_t length = 0;
    for (; n != 0; n >>= 1) {
        length++;
    }
    return length;
}

uint32_t mb_conv_error_bits(const mb_layer *layer, uint32_t index) {
    uint32_t bits = 31u - bit_length(layer->n_positions - 1u) - (index == 0 ? 8u : 0);
    return bits < MB_ERROR_BITS ? bits : MB_ERROR_BITS;
}

/* Row and column, before pooling, of the sum that channel j handed on at position p. */
typedef struct place {
    uint32_t row, column;
} place;

static place place_of(const mb_layer *layer, uint32_t p, uint32_t winner) {
    const mb_window *window = &layer->window;
    place at = {p / window->out_columns * window->pool + winner / window->pool,
                p % window->out_columns * window->pool + winner % window->pool};
    return at;
}

static const uint8_t *winners_of(const mb_model *model, const mb_layer *layer) {
    return layer->window.pool > 1 ? (const uint8_t *)mb_at(model, layer->winners_at) : NULL;
}

/* ---- errors on their way down --------------------------------------------------------------- */

/* Add what a kernel sends back from one place to the errors of the map that it saw. */
static void scatter(uint32_t *back, const uint32_t *row, const mb_layer *layer, place at) {
    const mb_window *window = &layer->window;
    uint32_t kernel = window->kernel, channels = layer->n_in / (kernel * kernel);
    for (uint32_t tap = 0; tap < kernel * kernel; tap++, row += channels) {
        uint32_t y = at.row * window->stride + tap / kernel - window->before;
        uint32_t x = at.column * window->stride + tap % kernel - window->before;
        if (y < window->in_rows && x < window->in_columns) { /* what lies before the map wraps */
            uint32_t *to = back + (size_t)(y * window->in_columns + x) * channels;
            for (uint32_t c = 0; c < channels; c++) {
                to[c] += row[c];
            }
        }
    }
}

/* The errors of channels whose largest sum was at place k of its window, the others 0: no branch tells them
 * apart, because nothing predicts it. NULL where all are 0. */
static const int16_t *errors_at(const mb_model *model, const mb_layer *layer,
                                const int16_t *restrict d, const uint8_t *restrict winners,
                                uint32_t k) {
    int16_t *restrict masked = (int16_t *)mb_at(model, model->masked_at);
    const int16_t *errors = winners == NULL ? d : masked;
    uint32_t any = 0;
    for (uint32_t j = 0; winners != NULL && j < layer->n_out; j++) {
        masked[j] = winners[j] == k ? d[j] : 0;
    }
    for (uint32_t j = 0; j < layer->n_out; j++) {
        any |= (uint16_t)errors[j];
    }
    return any != 0 ? errors : NULL;
}

static void send_back(const mb_model *model, const mb_layer *layer, const int16_t *d,
                      uint32_t *back) {
    uint32_t *row = (uint32_t *)mb_at(model, model->gradient_at);
    const uint8_t *winners = winners_of(model, layer);
    uint32_t in_window = (uint32_t)layer->window.pool * layer->window.pool;
    mb_matrix weights = mb_weights(model, layer);
    for (uint32_t p = 0; p < layer->n_positions; p++) {
        for (uint32_t k = 0; k < in_window; k++) {
            const int16_t *errors = errors_at(model, layer, d, winners, k);
            if (errors != NULL) {
                mb_kernels_of(model)->back(row, &weights, errors);
                scatter(back, row, layer, place_of(layer, p, k));
            }
        }
        d += layer->n_out;
        winners = winners == NULL ? NULL : winners + layer->n_out;
    }
}

/* ---- gradients and moves -------------------------------------------------------------------- */

/* What the kernel saw at all places that pooling compared, window after window, as packed rows. */
static mb_matrix gather_patches(const mb_model *model, uint32_t index, const void *input) {
    const mb_layer *layer = &mb_layers(model)[index];
    uint32_t in_window = (uint32_t)layer->window.pool * layer->window.pool;
    uint8_t *to = (uint8_t *)mb_at(model, model->patches_at);
    mb_matrix patches = {to, layer->n_in, layer->n_positions * in_window, layer->words,
                         layer->layout};
    for (uint32_t row = 0; row < patches.n_out; row++) {
        place at = place_of(layer, row / in_window, row % in_window);
        const uint8_t *patch = (const uint8_t *)mb_gather(model, index, input, at.row, at.column);
        mb_row_walk walk = mb_walk_row(patches.layout, patches.words, row);
        for (uint32_t byte = 0; byte < 4u * patches.words; byte += 4u) {
            mb_copy(to + mb_walk_to(&walk, byte), patch + byte, 4);
        }
    }
    return patches;
}

/* The gradient of all weights of channel j into the scratch row: the sum of the patches times the errors of
 * the sums that won, like errors that go back through weights. */
static void form_gradient(const mb_model *model, const mb_layer *layer, const mb_matrix *patches,
                          const int16_t *d, uint32_t j) {
    const uint8_t *winners = winners_of(model, layer);
    uint32_t in_window = patches->n_out / layer->n_positions;
    int16_t *errors = (int16_t *)mb_at(model, model->masked_at);
    mb_zero(errors, (size_t)2 * patches->n_out);
    for (uint32_t p = 0; p < layer->n_positions; p++) {
        size_t value = (size_t)p * layer->n_out + j;
        errors[p * in_window + (winners == NULL ? 0 : winners[value])] = d[value];
    }
    uint32_t *row = (uint32_t *)mb_at(model, model->gradient_at);
    mb_kernels_of(model)->back(row, patches, errors);
}

/* The same for a sample of 8-bit values, patch by patch: their rows are short. */
static void form_byte_gradient(const mb_model *model, const mb_layer *layer, const void *input,
                               const int16_t *d, uint32_t j) {
    const uint8_t *winners = winners_of(model, layer);
    uint32_t *row = (uint32_t *)mb_at(model, model->gradient_at);
    mb_zero(row, (size_t)4 * layer->n_in);
    for (uint32_t p = 0; p < layer->n_positions; p++) {
        size_t value = (size_t)p * layer->n_out + j;
        int32_t error = d[value];
        if (error == 0) {
            continue;
        }
        place at = place_of(layer, p, winners == NULL ? 0 : winners[value]);
        mb_add_patch(row, model, (const uint8_t *)input, at.row, at.column, error);
    }
}

static uint32_t magnitude(int32_t value) { return (uint32_t)(value < 0 ? -value : value); }

/* Scale a gradient to 15 bits. Returns its largest size then; `squares` gets their sum. */
static uint32_t scale_gradient(int32_t *row, uint32_t n, uint32_t *shift, uint64_t *squares) {
    uint32_t largest = 0;
    for (uint32_t i = 0; i < n; i++) {
        largest = magnitude(row[i]) > largest ? magnitude(row[i]) : largest;
    }
    uint32_t length = bit_length(largest);
    *shift = length > SIZE_BITS ? length - SIZE_BITS : 0;
    *squares = 0;
    for (uint32_t i = 0; i < n; i++) {
        int32_t size = (int32_t)(magnitude(row[i]) >> *shift);
        *squares += (uint64_t)((uint32_t)size * (uint32_t)size);
        row[i] = row[i] < 0 ? -size : size;
    }
    return largest >> *shift;
}

/* Move weights of a row, whose largest gradient, `bound`, is expected to move by p levels. Along the sum of
 * |gradient| one candidate lies in each stretch of equal length, somewhere. */
static void move_row(mb_mover *mover, const mb_row *row, const int32_t *gradient, uint32_t n,
                     uint32_t bound, float p) {
    if (p < 7.62939453125e-6f) { /* 2^-17: a stretch fits 32 bits */
        return;
    }
    uint32_t stretch = (uint32_t)((float)bound / (p > 0.5f ? 0.5f : p));
    uint32_t random = mb_count_on(&mover->counter);
    uint32_t at = (uint32_t)((uint64_t)(random >> 16) * stretch >> 16), ahead = at;
    for (uint32_t i = 0; i < n; i++) { /* `ahead`: from weight i to the next candidate */
        uint32_t size = magnitude(gradient[i]);
        while (ahead < size) {
            mb_try_move(mover, row, i, gradient[i] < 0, random & 0xffffu);
            uint64_t next = (uint64_t)ahead + (stretch - at);
            random = mb_count_on(&mover->counter);
            at = (uint32_t)((uint64_t)(random >> 16) * stretch >> 16);
            next += at;
            ahead =
                next > UINT32_MAX ? UINT32_MAX : (uint32_t)next; /* all |gradient|: below 2^31 */
        }
        ahead -= size;
    }
}

static void move_kernels(mb_model *model, uint32_t index, const void *input, const int16_t *d,
                         float unit) {
    const mb_layer *layer = &mb_layers(model)[index];
    int32_t *gradient = (int32_t *)mb_at(model, model->gradient_at);
    float *rms = (float *)mb_at(model, layer->rms_at);
    float rate = *rms < 1e-30f ? 0.0f : (model->step / mb_sqrt(*rms)) * unit, total = 0.0f;
    mb_mover mover = mb_start_moving(model, layer);
    mb_row row = {(uint8_t *)mb_at(model, layer->levels_at),
                  (uint8_t *)mb_at(model, layer->signs_at),
                  model->state_bits,
                  {0, 0, 0}};
    mb_matrix patches = {NULL, 0, 0, 0, 0};
    if (index > 0) {
        patches = gather_patches(model, index, input);
    }
    for (uint32_t j = 0; j < layer->n_out; j++, row.levels += layer->level_row_bytes) {
        uint32_t shift;
        uint64_t squares;
        if (index > 0) {
            form_gradient(model, layer, &patches, d, j);
        } else {
            form_byte_gradient(model, layer, input, d, j);
        }
        uint32_t bound = scale_gradient(gradient, layer->n_in, &shift, &squares);
        if (bound > 0) {
            float factor = mb_pow2((int32_t)shift);
            total = total + (float)squares * (factor * factor);
            float p = (rate * (float)bound) * factor;
            row.walk = mb_walk_row(layer->layout, layer->words, j);
            move_row(&mover, &row, gradient, layer->n_in, bound, p);
        }
    }
    float mean_square = (total / (float)(layer->n_in * layer->n_out)) * (unit * unit);
    *rms = *rms == 0.0f ? mean_square : mb_running_mean(*rms, mean_square, model->rms_rate);
    mb_stop_moving(model, &mover);
}

void mb_learn_convolution(mb_model *model, uint32_t index, const void *input, const int16_t *d,
                          float unit, uint32_t *back) {
    const mb_layer *layer = &mb_layers(model)[index];
    if (back != NULL) {
        mb_zero(back, (size_t)4 * mb_values(layer - 1));
        send_back(model, layer, d, back);
    }
    if (unit != 0.0f) {
        move_kernels(model, index, input, d, unit);
    }
}
