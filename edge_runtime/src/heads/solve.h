/* solve.h: weights of a counting head from its counts. */
#ifndef MB_SOLVE_H
#define MB_SOLVE_H

#include "../internal.h"

/* Sum of the diagonal of the products. */
int64_t mb_trace(const mb_model *model, const mb_head *head);

/* Squared distance of the features in the arena from the mean of a class, in deviations of samples
 * of one class: d . (products + ridge)^-1 d. 0 while nothing is known of those. */
float mb_head_distance(const mb_model *model, uint32_t label);

/* Bring the weights of all classes with samples nearer to (products + ridge)^-1 mean, and
 * compute biases anew. */
void mb_head_solve(mb_model *model);

#endif /* MB_SOLVE_H */
