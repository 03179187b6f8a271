/* batch.h: what is kept of the samples of one step, mb_options.batch of them.
 *
 * With a batch of 1 nothing is kept: inputs and errors are read where the forward and backward pass
 * left them, and the errors of a layer are overwritten by those that it sends back.
 */
#ifndef MB_BATCH_H
#define MB_BATCH_H

#include "../layer.h"

/* Where a layer's values of sample s lie: slot 0 is what the forward pass leaves, which the next
 * sample overwrites; a batch has one slot per sample after it. */
static inline size_t mb_slot(const mb_model *model, uint32_t s) {
    return model->batch > 1 ? (size_t)1 + s : 0;
}

/* Packed activations of a layer for sample s, (mb_words(n_values)). */
static inline uint32_t *mb_kept_bits(const mb_model *model, const mb_layer *layer, uint32_t s) {
    return (uint32_t *)mb_in_arena(model, layer->bits_at) +
           mb_slot(model, s) * mb_words(mb_values(layer));
}

/* Where in its window of pooling each sum of sample s was, (n_positions, n_out); NULL without
 * pooling. */
static inline uint8_t *mb_kept_winners(const mb_model *model, const mb_layer *layer, uint32_t s) {
    return mb_pools(layer) ? (uint8_t *)mb_in_arena(model, layer->winners_at) +
                                 mb_slot(model, s) * mb_values(layer)
                           : NULL;
}

/* What a layer saw of sample s: the sample, or the bits of the layer below. `samples` (n,
 * n_inputs). */
static inline const void *mb_kept_input(const mb_model *model, const mb_layer *layer,
                                        const uint8_t *samples, uint32_t s) {
    return layer->sees_sample ? (const void *)(samples + (size_t)s * model->n_inputs)
                              : mb_kept_bits(model, layer - 1, s);
}

/* What 1 in the errors of layer `index` stands for, one float per sample; in batches. */
static inline float *mb_kept_units(const mb_model *model, uint32_t index) {
    return (float *)mb_in_arena(model, model->errors_at) +
           (size_t)(index - model->first_learning) * model->batch;
}

/* Errors of layer `index`, (batch, n_values) int16. */
static inline int16_t *mb_kept_errors(const mb_model *model, uint32_t index) {
    if (model->batch == 1) {
        return (int16_t *)mb_in_arena(model, model->errors_at);
    }
    int16_t *errors = (int16_t *)(void *)mb_kept_units(model, model->n_layers);
    for (uint32_t i = model->first_learning; i < index; i++) {
        errors += (size_t)model->batch * mb_values(&mb_layers(model)[i]);
    }
    return errors;
}

#endif /* MB_BATCH_H */
