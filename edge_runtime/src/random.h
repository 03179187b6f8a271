/* random.h: random numbers, inline because learning draws a few thousand per step.
 *
 * A learning run replays exactly, so the order of draws is part of the specification, as much as
 * the arithmetic. The generator that is saved with the learnt state is xoshiro128++ (Blackman and
 * Vigna 2019). From it every layer gets the start of a counter in each step. The numbers that move
 * the layer's weights are that counter, advanced and mixed (MurmurHash3's finalizer, Appleby 2011):
 * each number by itself, so that wide registers make many at once.
 */
#ifndef MB_RANDOM_H
#define MB_RANDOM_H

#include <stdint.h>

static inline uint32_t mb_rotate_left(uint32_t x, unsigned k) { return x << k | x >> (32u - k); }

/* 32 uniform bits. */
static inline uint32_t mb_random(uint32_t s[4]) {
    uint32_t result = mb_rotate_left(s[0] + s[3], 7) + s[0];
    uint32_t t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = mb_rotate_left(s[3], 11);
    return result;
}

#define MB_COUNTER_STEP 0x9e3779b9u
#define MB_MIX_1 0x85ebca6bu
#define MB_MIX_2 0xc2b2ae35u

/* 32 uniform bits from a counter, which advances by one step. */
static inline uint32_t mb_count_on(uint32_t *counter) {
    uint32_t z = *counter += MB_COUNTER_STEP;
    z = (z ^ (z >> 16)) * MB_MIX_1;
    z = (z ^ (z >> 13)) * MB_MIX_2;
    return z ^ (z >> 16);
}

#endif /* MB_RANDOM_H */
