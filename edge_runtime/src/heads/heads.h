/* heads.h: the head that answers in place of the network's last layer, whichever it is. */
#ifndef MB_HEADS_H
#define MB_HEADS_H

#include "../internal.h"

/* Answer for the sample that went forward last. Returns the label; scores stay in the arena. */
int32_t mb_head_predict(mb_model *model, const uint8_t *sample);

/* Scores of the last answer, (n_outputs) float. */
const float *mb_head_scores(const mb_model *model);

/* Learn the sample that went forward last as one of class `label`. Returns what the head said
 * before. */
int32_t mb_head_teach(mb_model *model, const uint8_t *sample, uint32_t label);

/* See the sample that went forward last without its label. */
void mb_head_see(mb_model *model, const uint8_t *sample);

#endif /* MB_HEADS_H */
