/* conv.h: convolutions, for infer.c and learn.c. */
#ifndef MB_CONV_H
#define MB_CONV_H

#include "internal.h"

/* One convolutional layer of the forward pass: from `input`, the sample or the bits of the layer below, to
 * bits. A layer that learns keeps its pooled sums, and where in each window of pooling they were. */
void mb_convolve(const mb_model *model, uint32_t index, const void *input);

/* What the kernel of layer `index` sees at one position of its sums, before pooling: (n_in) bytes of a
 * sample in layer 0, else (words) packed bits, padding bits zero. Valid until the next call. */
const void *mb_gather(const mb_model *model, uint32_t index, const void *input, uint32_t row,
                      uint32_t column);

/* The same for bits, into `patch`. */
void mb_gather_bits(uint32_t *patch, const mb_layer *layer, const uint32_t *map, uint32_t row,
                    uint32_t column);

/* Add an error times what the kernel of layer 0 sees of a sample, to `to` (n_in). */
void mb_add_patch(uint32_t *to, const mb_model *model, const uint8_t *sample, uint32_t row,
                  uint32_t column, int32_t error);

/* Bits of the errors of a convolution, so that its gradients fit 32 bits with their sign: at most 15,
 * fewer behind 8-bit maps of over 256 positions. */
uint32_t mb_conv_error_bits(const mb_layer *layer, uint32_t index);

/* One step of a convolution: send the errors d of its pooled sums (n_positions, n_out) back through the old
 * signs into `back` unless that is NULL, then move hidden weights. `unit` is what 1 in d stands for. */
void mb_learn_convolution(mb_model *model, uint32_t index, const void *input, const int16_t *d,
                          float unit, uint32_t *back);

#endif /* MB_CONV_H */
