/* dense_moves.h: learning of a dense layer, for learn.c. */
#ifndef MB_DENSE_MOVES_H
#define MB_DENSE_MOVES_H

#include "../internal.h"

/* Move hidden weights by the errors d (n_out) of one sample, of which the layer saw `input`. `unit`
 * is what 1 in d stands for. */
void mb_move_dense(mb_model *model, mb_layer *layer, const void *input, const int16_t *d,
                   float unit);

#endif /* MB_DENSE_MOVES_H */
