/* counting.h: a head that learns from one sample to the next, and forgets nothing.
 *
 * It is a linear discriminant on running counts. Each class has a mean of features; all classes
 * share one matrix of products of deviations from the mean of the own class. Weights follow from
 * both (solve.h), every few samples. Counts hardly depend on the order of samples, so what came
 * first is not overwritten. docs/LEARNING.md is its specification, reference/heads.py its twin.
 */
#ifndef MB_COUNTING_H
#define MB_COUNTING_H

#include "../internal.h"

/* Score the features in the arena; scores stay there as floats. Returns the label. */
int32_t mb_head_answer(mb_model *model);

/* Learn the features in the arena as a sample of class `label`. */
void mb_head_learn(mb_model *model, uint32_t label);

/* Let the features in the arena, whose class nobody tells, feed the products. */
void mb_head_observe(mb_model *model);

#endif /* MB_COUNTING_H */
