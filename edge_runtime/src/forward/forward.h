/* forward.h: the forward pass. */
#ifndef MB_FORWARD_H
#define MB_FORWARD_H

#include "../internal.h"

/* Run all layers on one sample; sums and activations stay in the arena. */
void mb_forward(mb_model *model, const uint8_t *sample);

/* Run the layers from `first` on, on the activations that lie in the arena, or on the sample where
 * it is the first of all. */
void mb_forward_from(mb_model *model, uint32_t first, const uint8_t *sample);

#endif /* MB_FORWARD_H */
