/* activate.h: normalisation and sign, from the sums of a hidden layer to bits. */
#ifndef MB_ACTIVATE_H
#define MB_ACTIVATE_H

#include "../layer.h"

/* Bits of one position: with running values where the layer learns, otherwise folded into
 * thresholds.
 *   bits (mb_words(n_out)), sums (n_out) */
static inline void mb_activate(const mb_model *model, const mb_layer *layer, uint32_t *bits,
                               const int32_t *sums) {
    const mb_kernels *kernels = mb_kernels_of(model);
    if (layer->learns) {
        mb_norm_view norm = mb_norm(model, layer);
        kernels->bits_by_norm(bits, sums, &norm, layer->n_out);
    } else {
        kernels->bits_by_threshold(bits, sums, mb_thresholds(model, layer), layer->n_out);
    }
}

#endif /* MB_ACTIVATE_H */
