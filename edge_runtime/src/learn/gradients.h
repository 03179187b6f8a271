/* gradients.h: moves of hidden weights whose gradients are formed. */
#ifndef MB_GRADIENTS_H
#define MB_GRADIENTS_H

#include "../internal.h"

/* Move hidden weights of a layer row by row: `samples` (n, n_inputs) belong to the step, d (n,
 * n_values) are their errors, and 1 in d stands for `unit`. */
void mb_move_rows(mb_model *model, mb_layer *layer, const uint8_t *samples, uint32_t n,
                  const int16_t *d, float unit);

#endif /* MB_GRADIENTS_H */
