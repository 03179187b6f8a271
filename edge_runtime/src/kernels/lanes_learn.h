/* lanes_learn.h: float arithmetic of a learning step, many channels at once; part of lanes.h. Every operation
 * is one of arith.h's, in its order: the same bits.
 */
#ifndef MB_KERNELS_LANES_LEARN_H
#define MB_KERNELS_LANES_LEARN_H

static MB_TARGET void v_inverse_roots(float *inv_std, const float *var, float eps, uint32_t n) {
    uint32_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        f_store(inv_std + j, f_div(f_set(1.0f), f_sqrt(f_add(f_load(var + j), f_set(eps)))));
    }
    mb_inverse_roots_scalar(inv_std + j, var + j, eps, n - j);
}

static MB_TARGET void v_skip_scales(uint32_t *scales, const float *p, uint32_t n) {
    uint32_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        vecf chance = f_load(p + j);
        vecf s = f_div(chance, f_sub(f_set(2.0f), chance));
        vecf q = f_mul(s, s);
        vecf y = f_set(1.0f / 11.0f);
        y = f_add(f_mul(y, q), f_set(1.0f / 9.0f));
        y = f_add(f_mul(y, q), f_set(1.0f / 7.0f));
        y = f_add(f_mul(y, q), f_set(0.2f));
        y = f_add(f_mul(y, q), f_set(1.0f / 3.0f));
        y = f_add(f_mul(y, q), f_set(1.0f));
        y = f_mul(f_add(s, s), y);
        vecf scale = f_mul(f_div(f_set(0.693147181f), y), f_set(4096.0f));
        v_store(scales + j, f_to_uint32(scale, f_less(chance, f_set(9.5367431640625e-7f))));
    }
    mb_skip_scales_scalar(scales + j, p + j, n - j);
}

#endif /* MB_KERNELS_LANES_LEARN_H */
