/* lanes_learn.h: random numbers of a learning step, many at once; part of lanes.h. Every operation
 * is one of random.h's, in its order: the same bits.
 */
#ifndef MB_KERNELS_LANES_LEARN_H
#define MB_KERNELS_LANES_LEARN_H

#include "../../random.h"

static MB_TARGET void v_draw(uint32_t *draws, uint32_t counter, uint32_t n) {
    static const uint32_t stride = LANES * MB_COUNTER_STEP, one = MB_MIX_1, other = MB_MIX_2;
    uint32_t first[LANES], t = 0;
    for (uint32_t i = 0; i < LANES; i++) {
        first[i] = counter + (i + 1u) * MB_COUNTER_STEP;
    }
    vec counters = v_load(first);
    for (; t + LANES <= n; t += LANES) {
        vec z = v_mul32(v_xor(counters, v_shr32(counters, 16)), v_set32(&one));
        z = v_mul32(v_xor(z, v_shr32(z, 13)), v_set32(&other));
        v_store(draws + t, v_xor(z, v_shr32(z, 16)));
        counters = v_add32(counters, v_set32(&stride));
    }
    mb_draw_scalar(draws + t, counter + t * MB_COUNTER_STEP, n - t);
}

#endif /* MB_KERNELS_LANES_LEARN_H */
