/* conv_fused.h: convolutions that rest, from bits to bits, for conv.c and arena.c. */
#ifndef MB_CONV_FUSED_H
#define MB_CONV_FUSED_H

#include "internal.h"
#include "kernels/list.h"

/* Whether layer `index`, in panels, takes this way with this set: behind another, patches not too long. */
static inline bool mb_fuses(const mb_layer *layer, uint32_t index, const mb_kernels *kernels) {
#if defined(MB_KERNELS_SWAR)
    (void)layer, (void)index, (void)kernels;
    return false; /* so that a microcontroller's flash does not hold it */
#else
    return index > 0 && mb_convolves(layer) && !layer->learns && layer->n_in <= MB_PATCH_BITS &&
           kernels->convolve_bits != NULL;
#endif
}

static inline bool mb_runs_fused(const mb_layer *layer, uint32_t index, const mb_kernels *kernels) {
    return layer->layout != MB_ROWS && mb_fuses(layer, index, kernels);
}

/* Scratch at patch_at for such a layer: a padded map, or some gathered patches and their bits. */
uint32_t mb_fused_bytes(const mb_layer *layer);

/* From the bits of the layer below to those of layer `index`. */
void mb_convolve_fused(const mb_model *model, uint32_t index, const uint32_t *input);

#endif /* MB_CONV_FUSED_H */
