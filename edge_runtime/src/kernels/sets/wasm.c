/* wasm.c: kernels for WebAssembly with SIMD128, registers of 16 bytes. A module is accepted with
 * all its instructions or not at all, so the choice is made when it is compiled (-msimd128). */
#if defined(__wasm_simd128__)

#include "../kernels.h"

#include <wasm_simd128.h>

#define MB_TARGET
#define VEC_BYTES 16u
#define COUNT_WORDS 31u /* of at most 8 ones per byte */

typedef v128_t vec;
typedef v128_t vecf;

#define V static inline __attribute__((always_inline))

V vec v_load(const void *at) { return wasm_v128_load(at); }
V void v_store(void *at, vec a) { wasm_v128_store(at, a); }
V vec v_zero(void) { return wasm_i32x4_const(0, 0, 0, 0); }
V vec v_xor(vec a, vec b) { return wasm_v128_xor(a, b); }
V vec v_and(vec a, vec b) { return wasm_v128_and(a, b); }
V vec v_add8(vec a, vec b) { return wasm_i8x16_add(a, b); }
V vec v_min8(vec a, vec b) { return wasm_u8x16_min(a, b); }
V vec v_add16(vec a, vec b) { return wasm_i16x8_add(a, b); }
V vec v_add32(vec a, vec b) { return wasm_i32x4_add(a, b); }
V vec v_sub16(vec a, vec b) { return wasm_i16x8_sub(a, b); }
V vec v_sub32(vec a, vec b) { return wasm_i32x4_sub(a, b); }
V vec v_min32(vec a, vec b) { return wasm_i32x4_min(a, b); }
V vec v_shl16(vec a, uint32_t n) { return wasm_i16x8_shl(a, n); }
V vec v_shr16(vec a, uint32_t n) { return wasm_u16x8_shr(a, n); }
V vec v_shr32(vec a, uint32_t n) { return wasm_u32x4_shr(a, n); }
V vec v_mul32(vec a, vec b) { return wasm_i32x4_mul(a, b); }
V vec v_set32(const uint32_t *at) { return wasm_v128_load32_splat(at); }
V vec v_look_up(vec table, vec i) { return wasm_i8x16_swizzle(table, i); }
V vec v_pack8(vec a, vec b) { return wasm_u8x16_narrow_i16x8(a, b); }
V vec v_table(const void *at) { return v_load(at); }

#define v_keep(a) ((void)(a)) /* as the machine orders it that compiles the module */

V vec v_rows(const uint8_t *at, const uint8_t *next) {
    (void)next;
    return v_load(at);
}

V vec v_sum8(vec a) {
    return wasm_u32x4_extadd_pairwise_u16x8(wasm_u16x8_extadd_pairwise_u8x16(a));
}

V vec v_count(vec a) { return wasm_i8x16_popcnt(a); }
V vec v_add_count(vec a, vec b) { return v_add8(a, b); }
V vec v_widen(vec a) { return v_sum8(a); }

V void v_add_8_rows(int32_t *sums, vec rows) {
    v_store(sums, v_add32(v_load(sums), wasm_u32x4_extend_low_u16x8(rows)));
    v_store(sums + 4, v_add32(v_load(sums + 4), wasm_u32x4_extend_high_u16x8(rows)));
}

V void v_add_rows(int32_t *sums, vec even, vec odd) {
    v_add_8_rows(sums, wasm_i16x8_shuffle(even, odd, 0, 8, 1, 9, 2, 10, 3, 11));
    v_add_8_rows(sums + 8, wasm_i16x8_shuffle(even, odd, 4, 12, 5, 13, 6, 14, 7, 15));
}

V vec v_test16(vec a, vec bit) { return wasm_i16x8_eq(v_and(a, bit), bit); }

V vec v_add_pairs(vec sum, vec mask, vec pair) { /* the mask is -1 where it is set */
    return v_sub32(sum, wasm_i32x4_dot_i16x8(mask, pair));
}

V uint32_t v_at_least(vec a, vec b) { return wasm_i32x4_bitmask(wasm_i32x4_ge(a, b)); }

V vec v_set16(const void *at) { return wasm_v128_load16_splat(at); }

V vec v_add_dots(vec sum, vec a, vec b) {
    vec one = wasm_i16x8_mul(v_and(a, wasm_i16x8_splat(0xff)), wasm_i16x8_shr(v_shl16(b, 8), 8));
    vec other = wasm_i16x8_mul(v_shr16(a, 8), wasm_i16x8_shr(b, 8));
    return v_add16(sum, v_add16(one, other));
}

V vec v_min16(vec a, vec b) { return wasm_i16x8_min(a, b); }

V uint64_t v_at_least16(vec a, vec b, vec c, vec d) {
    vec low = wasm_i16x8_ge(a, b), high = wasm_i16x8_ge(c, d);
    return wasm_i8x16_bitmask(wasm_v128_bitselect(low, high, wasm_i16x8_splat(0xff)));
}

V vecf f_load(const float *at) { return wasm_v128_load(at); }
V void f_store(float *at, vecf a) { wasm_v128_store(at, a); }
V vecf f_set(float x) { return wasm_f32x4_splat(x); }
V vecf f_add(vecf a, vecf b) { return wasm_f32x4_add(a, b); }
V vecf f_sub(vecf a, vecf b) { return wasm_f32x4_sub(a, b); }
V vecf f_mul(vecf a, vecf b) { return wasm_f32x4_mul(a, b); }
V vecf f_div(vecf a, vecf b) { return wasm_f32x4_div(a, b); }
V vecf f_sqrt(vecf a) { return wasm_f32x4_sqrt(a); }
V vecf f_from_int32(vec a) { return wasm_f32x4_convert_i32x4(a); }
V vecf f_at_least(vecf a, vecf b) { return wasm_v128_bitselect(a, b, wasm_f32x4_ge(a, b)); }
V vecf f_at_most(vecf a, vecf b) { return wasm_v128_bitselect(a, b, wasm_f32x4_le(a, b)); }
V vecf f_unless_below(vecf a, vecf b) {
    return wasm_v128_andnot(a, wasm_f32x4_lt(wasm_f32x4_abs(a), b));
}
V uint32_t f_not_negative(vecf a) { return wasm_i32x4_bitmask(wasm_f32x4_ge(a, f_set(0.0f))); }

#include "../lanes/lanes.h"

static bool runs(void) { return true; }

MB_LANE_KERNELS(wasm);

#else
typedef int mb_no_wasm; /* a file of ISO C is not empty */
#endif
