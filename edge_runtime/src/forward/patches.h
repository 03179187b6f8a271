/* patches.h: what the kernel of a convolution sees at one position of its sums, before pooling. */
#ifndef MB_PATCHES_H
#define MB_PATCHES_H

#include "../layer.h"

/* The patch at one place: (n_in) bytes where the layer sees the sample, otherwise (words) packed
 * bits whose padding bits are zero. Valid until the next call. */
const void *mb_gather(const mb_model *model, const mb_layer *layer, const void *input,
                      mb_place place);

/* The same for bits, into `patch`. */
void mb_gather_bits(uint32_t *patch, const mb_layer *layer, const uint32_t *map, mb_place place);

/* Add an error times a patch of a sample to `to` (n_in). */
void mb_add_patch(uint32_t *to, const mb_model *model, const mb_layer *layer, const uint8_t *sample,
                  mb_place place, int32_t error);

/* Add an error times a whole sample to `to` (n_inputs). */
void mb_add_sample(uint32_t *to, const mb_model *model, const uint8_t *sample, int32_t error);

#endif /* MB_PATCHES_H */
