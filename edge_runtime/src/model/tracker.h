/* tracker.h: what a tracking head starts with, derives, and takes from a saved state. */
#ifndef MB_TRACKER_H
#define MB_TRACKER_H

#include "../arith.h"
#include "../internal.h"

/* A variance of a class that has few samples, drawn towards 1. */
static inline float mb_smoothed(float square, float shrink) {
    float smooth = square + shrink * (1.0f - square);
    return smooth < 0.001f ? 0.001f : smooth;
}

/* Fill the head of a model just opened: random hidden units, zero elsewhere. */
void mb_tracker_start(mb_model *model, uint32_t seed);

/* Compute anew what the score of class c takes from its variances. */
void mb_tracker_log(mb_model *model, uint32_t c);

/* The same for all classes. */
void mb_tracker_logs(mb_model *model);

/* Whether n bytes of a state image, at this offset of the learnt block, can do no harm. Both are
 * multiples of 4 where floats lie. */
bool mb_tracker_is_sane(const mb_model *model, uint32_t at, const uint8_t *bytes, uint32_t n);

#endif /* MB_TRACKER_H */
