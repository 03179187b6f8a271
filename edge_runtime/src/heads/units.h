/* units.h: what of a tracking head learns by gradients: a hidden layer, and two softmax heads on
 * it. */
#ifndef MB_UNITS_H
#define MB_UNITS_H

#include "../internal.h"

/* The last n_units features, from the first 2d + 1: rectified sums of hidden units. */
void mb_units_answer(mb_model *model);

/* Scores of the quick head and of the slow one, (n_classes) each. */
void mb_softmax_answer(mb_model *model, float *quick, float *slow);

/* Move the hidden units against the error of the mixture, (n_classes). */
void mb_units_learn(mb_model *model, const float *error);

/* Move one head against its own error, (n_classes): MB_QUICK or MB_SLOW. */
void mb_softmax_move(mb_model *model, uint32_t which, const float *error, float step);

#endif /* MB_UNITS_H */
