/* conv_fused.h: convolutions that do not learn, from bits or a sample to bits. */
#ifndef MB_CONV_FUSED_H
#define MB_CONV_FUSED_H

#include "../internal.h"

/* From the bits of the layer below, or a sample, to the bits of a layer that mb_runs_fused(). */
void mb_convolve_fused(const mb_model *model, const mb_layer *layer, const void *input);

#endif /* MB_CONV_FUSED_H */
