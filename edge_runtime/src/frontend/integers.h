/* integers.h: shifts, roots, logarithms and sines of integers; trainer/frontend/integers.py is
 * their twin. */
#ifndef MB_INTEGERS_H
#define MB_INTEGERS_H

#include <stdint.h>

/* Steps of a whole turn, and what 1 is, in the table of sines. */
#define MB_TURN 1024u
#define MB_ONE 16384

/* value / 2^shift, rounded to the nearest integer, halves upward; |value| < 2^62, shift <= 40. */
static inline int64_t mb_shifted(int64_t value, uint32_t shift) {
    value += (int64_t)(((uint64_t)1 << shift) >> 1);
    return value >= 0 ? (int64_t)((uint64_t)value >> shift)
                      : -1 - (int64_t)((uint64_t)(-1 - value) >> shift);
}

/* value between -limit and limit. */
static inline int64_t mb_limited(int64_t value, int32_t limit) {
    return value < -limit ? -limit : value > limit ? limit : value;
}

/* The square root, rounded down. */
uint32_t mb_root(uint64_t value);

/* log2(1 + |value|) in steps of 1/256; |value| < 2^30. */
int32_t mb_log2(int32_t value);

/* 16384 sin(2 pi k / 1024) and 16384 cos(2 pi k / 1024), for any k. */
int32_t mb_sine(uint32_t k);
int32_t mb_cosine(uint32_t k);

#endif /* MB_INTEGERS_H */
