/* conv.h: a convolution, one position at a time. */
#ifndef MB_CONV_H
#define MB_CONV_H

#include "../internal.h"

/* One convolutional layer of the forward pass: from `input`, the sample or the bits of the layer
 * below, to bits. A layer that learns keeps its pooled sums, and where in each window of pooling
 * they were. */
void mb_convolve(const mb_model *model, const mb_layer *layer, const void *input);

#endif /* MB_CONV_H */
