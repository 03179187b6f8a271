/* dense.h: the sums of a dense layer, by one thread or several. */
#ifndef MB_DENSE_H
#define MB_DENSE_H

#include "../internal.h"

/* Sums of a layer: its weights times `input`, the sample or the bits of the layer below.
 *   sums (n_out), in panels rounded up to whole panels */
void mb_dense_sums(const mb_model *model, const mb_layer *layer, const void *input, int32_t *sums);

#endif /* MB_DENSE_H */
