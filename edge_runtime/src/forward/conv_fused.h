/* conv_fused.h: convolutions that rest, from bits or a sample to bits, for conv.c, arena.c and open.c. */
#ifndef MB_CONV_FUSED_H
#define MB_CONV_FUSED_H

#include "../internal.h"
#include "../kernels/list.h"

/* Whether layer `index`, in panels, takes this way with this set: patches are not too long. */
static inline bool mb_fuses(const mb_layer *layer, uint32_t index, const mb_kernels *kernels) {
#if defined(MB_KERNELS_SWAR)
    (void)layer, (void)index, (void)kernels;
    return false; /* so that a microcontroller's flash does not hold it */
#else
    uint32_t most = index == 0 ? MB_SPREAD_INPUTS : MB_PATCH_BITS;
    return mb_convolves(layer) && !layer->learns && layer->n_in <= most &&
           kernels->convolve_bits != NULL;
#endif
}

static inline bool mb_runs_fused(const mb_layer *layer, uint32_t index, const mb_kernels *kernels) {
    return layer->layout != MB_ROWS && mb_fuses(layer, index, kernels);
}

/* Room for weights of 8-bit samples spread to bytes, and their limits behind them. */
uint32_t mb_spread_bytes(const mb_layer *layer);

/* Fill it. */
void mb_spread_weights(const mb_model *model, const mb_layer *layer);

/* Scratch at patch_at for such a layer: a padded map, or some gathered patches, and bits. */
uint32_t mb_fused_bytes(const mb_layer *layer);

/* From the bits of the layer below, or a sample, to the bits of layer `index`. */
void mb_convolve_fused(const mb_model *model, uint32_t index, const void *input);

#endif /* MB_CONV_FUSED_H */
