/* gradients.c: one step of a layer whose gradients are formed: convolutions, and all layers in
 * batches.
 *
 * The gradient of a weight is a sum over the positions of a map in all samples of the step: of the
 * error there times what the weight saw. With max-pooling, that is at the sum that won its window.
 * A dense layer has one position. Row by row the gradient is formed in one scratch row of int32,
 * exact, and moves are drawn from it as in dense_moves.c. The mean square of the gradients is known
 * only when all rows are done, so the step size follows from the steps before; the very first step
 * moves no weight and only measures.
 */
#include "gradients.h"

#include "../arith.h"
#include "../forward/patches.h"
#include "../random.h"
#include "../rule/centre.h"
#include "batch.h"
#include "moves.h"

#define SIZE_BITS 15u /* of gradients, when candidates are drawn */

/* The samples of a step. */
typedef struct step_samples {
    const uint8_t *bytes; /* (n, n_inputs) */
    uint32_t n;
} step_samples;

/* ---- gradients ------------------------------------------------------------------------------ */

/* What the weights of a layer saw at place `at` of sample s, packed. */
static const uint8_t *seen(const mb_model *model, const mb_layer *layer,
                           const step_samples *samples, uint32_t s, mb_place at) {
    const void *input = mb_kept_input(model, layer, samples->bytes, s);
    return (const uint8_t *)(mb_convolves(layer) ? mb_gather(model, layer, input, at) : input);
}

/* The same at all places of all samples, window after window, as packed rows. */
static mb_matrix gather_patches(const mb_model *model, const mb_layer *layer,
                                const step_samples *samples) {
    uint32_t in_window = mb_window_sums(layer), in_sample = layer->n_positions * in_window;
    uint8_t *to = (uint8_t *)mb_in_arena(model, model->patches_at);
    mb_matrix patches = {to, layer->n_in, samples->n * in_sample, layer->words, layer->layout};
    for (uint32_t row = 0; row < patches.n_out; row++) {
        uint32_t place = row % in_sample;
        mb_place at = {0, 0};
        if (mb_convolves(layer)) {
            at = mb_place_of(layer, place / in_window, place % in_window);
        }
        const uint8_t *patch = seen(model, layer, samples, row / in_sample, at);
        mb_row_walk walk = mb_walk_row(patches.layout, patches.words, row);
        for (uint32_t byte = 0; byte < 4u * patches.words; byte += 4u) {
            mb_copy(to + mb_walk_to(&walk, byte), patch + byte, 4);
        }
    }
    return patches;
}

/* The gradient of all weights of channel j into the scratch row: the sum over patches of patch
 * times error, where that sum won its window. It is the same product as errors that go back through
 * weights. */
static void form_gradient(const mb_model *model, const mb_layer *layer, const mb_matrix *patches,
                          uint32_t n_samples, const int16_t *d, uint32_t j) {
    const uint8_t *winners = mb_kept_winners(model, layer, 0);
    uint32_t in_window = mb_window_sums(layer);
    int16_t *errors = (int16_t *)mb_in_arena(model, model->masked_at);
    mb_zero(errors, (size_t)2 * patches->n_out);
    for (uint32_t p = 0; p < n_samples * layer->n_positions; p++) {
        size_t value = (size_t)p * layer->n_out + j;
        errors[p * in_window + (winners == NULL ? 0 : winners[value])] = d[value];
    }
    uint32_t *row = (uint32_t *)mb_in_arena(model, model->gradient_at);
    mb_kernels_of(model)->back(row, patches, errors);
}

/* The same for samples of 8-bit values, patch by patch; in a dense layer, inputs less their
 * means. */
static void form_byte_gradient(const mb_model *model, const mb_layer *layer,
                               const step_samples *samples, const int16_t *d, uint32_t j) {
    const uint8_t *winners = mb_kept_winners(model, layer, 0);
    uint32_t *row = (uint32_t *)mb_in_arena(model, model->gradient_at);
    mb_zero(row, (size_t)4 * layer->n_in);
    int32_t errors = 0; /* of all samples together */
    for (uint32_t p = 0; p < samples->n * layer->n_positions; p++) {
        size_t value = (size_t)p * layer->n_out + j;
        errors += d[value];
        const uint8_t *sample = samples->bytes + (size_t)(p / layer->n_positions) * model->n_inputs;
        if (d[value] == 0) {
            continue;
        }
        if (mb_convolves(layer)) {
            mb_place at =
                mb_place_of(layer, p % layer->n_positions, winners == NULL ? 0 : winners[value]);
            mb_add_patch(row, model, layer, sample, at, d[value]);
        } else {
            mb_add_sample(row, model, sample, d[value]);
        }
    }
    const int32_t *means = mb_means_seen_by(model, layer);
    for (uint32_t i = 0; means != NULL && i < layer->n_in; i++) {
        row[i] -= (uint32_t)(errors * mb_whole_mean(means[i]));
    }
}

/* ---- moves ---------------------------------------------------------------------------------- */

/* Scale a gradient to 15 bits. Returns its largest size then; `squares` gets their sum. */
static uint32_t scale_gradient(int32_t *row, uint32_t n, uint32_t *shift, uint64_t *squares) {
    uint32_t largest = 0;
    for (uint32_t i = 0; i < n; i++) {
        largest = mb_magnitude(row[i]) > largest ? mb_magnitude(row[i]) : largest;
    }
    uint32_t length = mb_bit_length(largest);
    *shift = length > SIZE_BITS ? length - SIZE_BITS : 0;
    *squares = 0;
    for (uint32_t i = 0; i < n; i++) {
        int32_t size = (int32_t)(mb_magnitude(row[i]) >> *shift);
        *squares += (uint64_t)((uint32_t)size * (uint32_t)size);
        row[i] = row[i] < 0 ? -size : size;
    }
    return largest >> *shift;
}

/* What changes with the sign of a weight whose inputs are centred. */
typedef struct row_centre {
    const int32_t *means; /* of the inputs, or NULL */
    float *row_mean;      /* running mean of the row's sums */
} row_centre;

/* Move weights of a row, of which the one with the largest gradient, `bound`, is expected to move
 * by p levels. The running sum of |gradient| is cut into stretches of equal length, and one
 * candidate lies in each, at a random place. */
static void move_row(mb_mover *mover, const mb_row *row, const row_centre *centre,
                     const int32_t *gradient, uint32_t n, uint32_t bound, float p) {
    if (p < 7.62939453125e-6f) { /* 2^-17: a stretch fits 32 bits */
        return;
    }
    uint32_t stretch = (uint32_t)((float)bound / (p > 0.5f ? 0.5f : p));
    uint32_t random = mb_count_on(&mover->counter);
    uint32_t at = (uint32_t)((uint64_t)(random >> 16) * stretch >> 16), ahead = at;
    for (uint32_t i = 0; i < n; i++) { /* `ahead`: from weight i to the next candidate */
        uint32_t size = mb_magnitude(gradient[i]);
        while (ahead < size) {
            uint32_t rises = gradient[i] < 0;
            if (mb_try_move(mover, row, i, rises, random & 0xffffu) && centre->means != NULL) {
                mb_keep_centred(centre->row_mean, centre->means[i], rises);
            }
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

void mb_move_rows(mb_model *model, mb_layer *layer, const uint8_t *samples, uint32_t n,
                  const int16_t *d, float unit) {
    const step_samples step = {samples, n};
    int32_t *gradient = (int32_t *)mb_in_arena(model, model->gradient_at);
    float rate = mb_rate(model, layer, unit), total = 0.0f;
    mb_mover mover = mb_start_moving(model, layer);
    mb_row row = {(uint8_t *)mb_in_arena(model, layer->levels_at),
                  (uint8_t *)mb_in_arena(model, layer->signs_at),
                  model->state_bits,
                  {0, 0, 0}};
    row_centre centre = {mb_means_seen_by(model, layer),
                         (float *)mb_in_arena(model, layer->running_at)};
    mb_matrix patches = {NULL, 0, 0, 0, 0};
    if (!layer->sees_sample) {
        patches = gather_patches(model, layer, &step);
    }
    for (uint32_t j = 0; j < layer->n_out;
         j++, row.levels += layer->level_row_bytes, centre.row_mean++) {
        uint32_t shift;
        uint64_t squares;
        if (layer->sees_sample) {
            form_byte_gradient(model, layer, &step, d, j);
        } else {
            form_gradient(model, layer, &patches, n, d, j);
        }
        uint32_t bound = scale_gradient(gradient, layer->n_in, &shift, &squares);
        if (bound > 0) {
            float factor = mb_pow2((int32_t)shift);
            total = total + (float)squares * (factor * factor);
            float p = (rate * (float)bound) * factor;
            row.walk = mb_walk_row(layer->layout, layer->words, j);
            move_row(&mover, &row, &centre, gradient, layer->n_in, bound, p);
        }
    }
    float mean_square = (total / (float)(layer->n_in * layer->n_out)) * (unit * unit);
    mb_follow_rms(model, layer, mean_square);
    mb_stop_moving(model, layer, &mover);
}
