/* dense.h: learning of a dense layer, for learn.c. */
#ifndef MB_DENSE_H
#define MB_DENSE_H

#include "internal.h"

/* One step: send the errors d (n_out) back through the old signs into `back` unless that is NULL, then move
 * hidden weights. `unit` is what 1 in d stands for. */
void mb_learn_dense(mb_model *model, uint32_t index, const void *input, const int16_t *d,
                    float unit, uint32_t *back);

#endif /* MB_DENSE_H */
