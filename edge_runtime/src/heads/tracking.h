/* tracking.h: a head that follows a stream whose meaning drifts, with nothing to set.
 *
 * Four experts give scores of the same sample, and their sum decides, each with a share that is
 * learnt too. A quick and a slow softmax regression see the scaled values, their sizes, and a small
 * hidden layer that learns (units.h). Fading counts see the scaled values alone (gaussians.h).
 * The network gives its own scores; where it was trained, it answers alone at first. Values are
 * scaled by what the device has measured (scaling.h). docs/LEARNING.md is the specification,
 * reference/tracking.py the twin.
 */
#ifndef MB_TRACKING_H
#define MB_TRACKING_H

#include "../internal.h"

/* Score the sample that went forward last; scores stay in the arena as floats. Returns the
 * label. */
int32_t mb_track_answer(mb_model *model, const uint8_t *sample);

/* Learn the sample that was answered last as one of class `label`. */
void mb_track_learn(mb_model *model, uint32_t label);

/* Keep the sample that was learnt last, and learn some that are kept again: rule/ring.h. */
void mb_track_replay(mb_model *model, uint32_t label);

#endif /* MB_TRACKING_H */
