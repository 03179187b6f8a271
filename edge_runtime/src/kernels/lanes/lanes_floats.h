/* lanes_floats.h: normalisation of sums, many at once; part of lanes.h. Every operation is one of
 * kernels.h's or arith.h's, in its order: the same bits, where registers of floats round as IEEE
 * 754 says.
 */
#ifndef MB_KERNELS_LANES_FLOATS_H
#define MB_KERNELS_LANES_FLOATS_H

#include "../hidden_norm.h"

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

MB_INLINE vecf v_settled(vecf x) {
    x = f_at_most(f_at_least(x, f_set(-MB_MOST)), f_set(MB_MOST));
    return f_unless_below(x, f_set(MB_LEAST));
}

/* What a running value becomes that moves towards `value`. */
MB_INLINE void v_follow(float *at, vecf value, vecf rate) {
    vecf old = f_load(at);
    f_store(at, v_settled(f_add(old, f_mul(rate, f_sub(value, old)))));
}

static MB_TARGET void v_pass_norm(float *error, const int32_t *sums, const mb_hidden_norm *norm,
                                  uint32_t n) {
    const vecf rate = f_set(norm->norm_rate), keep = f_set(1.0f - norm->norm_rate);
    const vecf error_rate = f_set(norm->error_rate), zero = f_set(0.0f);
    uint32_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        vecf inv_std = f_load(norm->inv_std + j), mean = f_load(norm->mean + j);
        vecf delta = f_sub(f_from_int32(v_load(sums + j)), mean);
        vecf normalised = f_mul(delta, inv_std);
        vecf e = f_mul(f_load(error + j), f_load(norm->gamma + j));
        vecf product = f_mul(normalised, f_load(norm->mean_product + j));
        vecf corrected = f_sub(f_sub(e, f_load(norm->mean_error + j)), product);
        f_store(error + j, f_mul(corrected, inv_std));
        v_follow(norm->mean_error + j, f_add(zero, e), error_rate);
        v_follow(norm->mean_product + j, f_add(zero, f_mul(e, normalised)), error_rate);
        f_store(norm->mean + j, v_settled(f_add(mean, f_mul(rate, f_add(zero, delta)))));
        vecf square = f_mul(rate, f_add(zero, f_mul(delta, delta)));
        vecf spread = v_settled(f_mul(keep, f_add(f_load(norm->var + j), square)));
        f_store(norm->var + j, f_at_least(spread, f_set(MB_LEAST_VARIANCE)));
    }
    mb_hidden_norm rest = {norm->gamma + j, norm->inv_std + j,    norm->mean + j,
                           norm->var + j,   norm->mean_error + j, norm->mean_product + j,
                           norm->norm_rate, norm->error_rate};
    mb_pass_norm_scalar(error + j, sums + j, &rest, n - j);
}

static MB_TARGET void v_inverse_roots(float *inv_std, const float *var, float eps, uint32_t n) {
    uint32_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        f_store(inv_std + j, f_div(f_set(1.0f), f_sqrt(f_add(f_load(var + j), f_set(eps)))));
    }
    mb_inverse_roots_scalar(inv_std + j, var + j, eps, n - j);
}

#endif /* MB_KERNELS_LANES_FLOATS_H */
