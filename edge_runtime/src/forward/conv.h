/* conv.h: convolutions, for forward.c and learn.c. */
#ifndef MB_CONV_H
#define MB_CONV_H

#include "../internal.h"

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

/* Add an error times a whole sample to `to` (n_inputs). */
void mb_add_sample(uint32_t *to, const mb_model *model, const uint8_t *sample, int32_t error);

/* Bits of the errors of a convolution, so that its gradients fit 32 bits with their sign: at most 15,
 * fewer behind 8-bit maps of over 256 positions in all samples of a step. */
uint32_t mb_conv_error_bits(const mb_model *model, const mb_layer *layer, uint32_t index);

/* Row and column, before pooling, of a sum of a convolution. */
typedef struct mb_place {
    uint32_t row, column;
} mb_place;

/* Where the sum was that was handed on at position p, from place `winner` of its window. */
mb_place mb_place_of(const mb_layer *layer, uint32_t p, uint32_t winner);

/* Send the errors d of the last sample's pooled sums (n_positions, n_out) back through the signs into `back`,
 * int32 a value of the layer below. */
void mb_send_back_map(const mb_model *model, const mb_layer *layer, const int16_t *d,
                      uint32_t *back);

#endif /* MB_CONV_H */
