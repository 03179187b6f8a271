/* lanes_floats.h: normalisation of sums, many at once; part of lanes.h. Every operation is one of
 * kernels.h's or arith.h's, in its order: the same bits, where registers of floats round as IEEE
 * 754 says.
 */
#ifndef MB_KERNELS_LANES_FLOATS_H
#define MB_KERNELS_LANES_FLOATS_H

static MB_TARGET void v_bits_by_norm(uint32_t *bits, const int32_t *sums, const mb_norm_view *norm,
                                     uint32_t n) {
    uint32_t j = 0;
    for (; j + 32u <= n; j += 32u) {
        uint32_t word = 0;
        for (uint32_t i = 0; i < 32u; i += LANES) {
            uint32_t at = j + i;
            vecf y = f_sub(f_from_int32(v_load(sums + at)), f_load(norm->mean + at));
            y = f_mul(y, f_load(norm->inv_std + at));
            y = f_add(f_mul(y, f_load(norm->gamma + at)), f_load(norm->beta + at));
            word |= f_not_negative(y) << i;
        }
        bits[j / 32u] = word;
    }
    if (j < n) {
        mb_norm_view rest = {norm->mean + j, norm->inv_std + j, norm->gamma + j, norm->beta + j};
        mb_bits_by_norm_scalar(bits + j / 32u, sums + j, &rest, n - j);
    }
}

static MB_TARGET void v_inverse_roots(float *inv_std, const float *var, float eps, uint32_t n) {
    uint32_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        f_store(inv_std + j, f_div(f_set(1.0f), f_sqrt(f_add(f_load(var + j), f_set(eps)))));
    }
    mb_inverse_roots_scalar(inv_std + j, var + j, eps, n - j);
}

#endif /* MB_KERNELS_LANES_FLOATS_H */
