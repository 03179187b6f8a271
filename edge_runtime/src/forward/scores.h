/* scores.h: logits of the output layer, as integers that sort alike. */
#ifndef MB_SCORES_H
#define MB_SCORES_H

#include "../layer.h"

/* The bits of a logit as an integer that sorts alike; -0 becomes 0. */
int32_t mb_score_of_logit(float logit);

/* Score of class j, from the sum of its channel. */
int32_t mb_score(const mb_norm_view *norm, int32_t sum, uint32_t j);

/* Scores of the last forward pass into `scores` (n_outputs, may be NULL). Returns the label. */
int32_t mb_read_scores(const mb_model *model, int32_t *scores);

#endif /* MB_SCORES_H */
