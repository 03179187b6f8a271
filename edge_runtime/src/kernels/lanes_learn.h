/* lanes_learn.h: arithmetic and random numbers of a learning step, many at once; part of lanes.h. Every
 * operation is one of arith.h's or random.h's, in its order: the same bits.
 */
#ifndef MB_KERNELS_LANES_LEARN_H
#define MB_KERNELS_LANES_LEARN_H

#include "../random.h"

static MB_TARGET void v_inverse_roots(float *inv_std, const float *var, float eps, uint32_t n) {
    uint32_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        f_store(inv_std + j, f_div(f_set(1.0f), f_sqrt(f_add(f_load(var + j), f_set(eps)))));
    }
    mb_inverse_roots_scalar(inv_std + j, var + j, eps, n - j);
}

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
