/* head_biases.h: what a counting head derives from its means and weights. */
#ifndef MB_HEAD_BIASES_H
#define MB_HEAD_BIASES_H

#include "../internal.h"

/* Steps of a mean per step of a feature. */
#define MB_MEAN_UNIT 128

/* Compute the bias of class c anew: minus half of weights times mean, plus prior times
 * ln(samples), plus its bonus. */
void mb_head_bias(mb_model *model, uint32_t c);

/* The same for all classes. */
void mb_head_biases(mb_model *model);

#endif /* MB_HEAD_BIASES_H */
