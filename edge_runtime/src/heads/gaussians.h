/* gaussians.h: fading counts of a tracking head, which is naive Bayes of the last thousand samples:
 * a count per class, and mean and variance of each scaled value in it. */
#ifndef MB_GAUSSIANS_H
#define MB_GAUSSIANS_H

#include "../internal.h"

/* Score of a class without samples. */
#define MB_NO_SAMPLES (-1.0e9f)

/* Scores of the features in the arena, (n_classes). */
void mb_counts_answer(mb_model *model, float *scores);

/* Count the features in the arena as a sample of class `label`. */
void mb_counts_learn(mb_model *model, uint32_t label);

#endif /* MB_GAUSSIANS_H */
