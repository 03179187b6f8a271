/* fused_layout.h: memory of the convolutions that forward/conv_fused.c runs: which ones those are,
 * their weights, and their scratch. */
#ifndef MB_FUSED_LAYOUT_H
#define MB_FUSED_LAYOUT_H

#include "../kernels/list.h"
#include "../layer.h"

/* Whether a layer, in panels, is run that way with this kernel set: it does not learn, and patches
 * are not too long. */
static inline bool mb_fuses(const mb_layer *layer, const mb_kernels *kernels) {
#if defined(MB_KERNELS_SWAR)
    (void)layer, (void)kernels;
    return false; /* so that a microcontroller's flash does not hold it */
#else
    uint32_t longest = layer->sees_sample ? MB_SPREAD_INPUTS : MB_PATCH_BITS;
    return mb_convolves(layer) && !layer->learns && layer->n_in <= longest &&
           kernels->convolve_bits != NULL;
#endif
}

static inline bool mb_runs_fused(const mb_layer *layer, const mb_kernels *kernels) {
    return layer->layout != MB_ROWS && mb_fuses(layer, kernels);
}

/* ---- weights of samples: spread to bytes, and their limits after them ------------------------ */

/* Bytes of both. */
uint32_t mb_spread_bytes(const mb_layer *layer);

/* Fill them from the weights and thresholds in the blob. */
void mb_spread_weights(const mb_model *model, const mb_layer *layer);

/* Where they are. */
mb_spread mb_spread_of(const mb_model *model, const mb_layer *layer);

/* ---- scratch at patch_at: a padded map or some gathered patches, then bits ------------------- */

/* A map of pixels of whole bytes, with its padding. */
typedef struct mb_padded {
    uint32_t pixel_bytes, row_bytes, bytes;
} mb_padded;

mb_padded mb_padded_map(const mb_layer *layer);

/* Whether patches are read in place, in the padded map. */
bool mb_reads_map(const mb_layer *layer);

/* Outputs that one call of the kernel takes. */
uint32_t mb_outputs_at_once(const mb_layer *layer);

/* Where the bits of outputs begin that do not fill words. */
uint32_t mb_fused_bits_start(const mb_layer *layer);

/* Bytes of the whole scratch. */
uint32_t mb_fused_bytes(const mb_layer *layer);

#endif /* MB_FUSED_LAYOUT_H */
