/* avx512.h: registers of 64 bytes, as both kernel sets with AVX-512 have them. A file that includes
 * it has defined MB_TARGET; it adds how it counts ones.
 */
#ifndef MB_KERNELS_AVX512_H
#define MB_KERNELS_AVX512_H

#include "../kernels.h"
#include "x86.h"

#include <immintrin.h>

#define VEC_BYTES 64u

typedef __m512i vec;
typedef __m512 vecf;

#define V static inline __attribute__((always_inline)) MB_TARGET

/* Macros, because compilers disagree on the type of the count. */
#define v_shl16(a, n) _mm512_slli_epi16(a, n)
#define v_shr16(a, n) _mm512_srli_epi16(a, n)
#define v_shr32(a, n) _mm512_srli_epi32(a, n)

V vec v_load(const void *at) { return _mm512_loadu_si512(at); }
V void v_store(void *at, vec a) { _mm512_storeu_si512(at, a); }
V vec v_zero(void) { return _mm512_setzero_si512(); }
V vec v_xor(vec a, vec b) { return _mm512_xor_si512(a, b); }
V vec v_and(vec a, vec b) { return _mm512_and_si512(a, b); }
V vec v_add8(vec a, vec b) { return _mm512_add_epi8(a, b); }
#define v_keep(a) __asm__("" : "+v"(a))

V vec v_min8(vec a, vec b) { return _mm512_min_epu8(a, b); }
V vec v_add16(vec a, vec b) { return _mm512_add_epi16(a, b); }
V vec v_add32(vec a, vec b) { return _mm512_add_epi32(a, b); }
V vec v_sub16(vec a, vec b) { return _mm512_sub_epi16(a, b); }
V vec v_sub32(vec a, vec b) { return _mm512_sub_epi32(a, b); }
V vec v_set32(const uint32_t *at) { return _mm512_set1_epi32((int)*at); }
V vec v_look_up(vec table, vec i) { return _mm512_shuffle_epi8(table, i); }
V vec v_pack8(vec a, vec b) { return _mm512_packus_epi16(a, b); }

V vec v_table(const void *at) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)at));
}

V vec v_rows(const uint8_t *at, const uint8_t *next) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)at)),
                              _mm256_loadu_si256((const __m256i *)next), 1);
}

V vec v_sum8(vec a) {
    return _mm512_madd_epi16(_mm512_maddubs_epi16(a, _mm512_set1_epi8(1)), _mm512_set1_epi16(1));
}

V void v_add_16_rows(int32_t *sums, __m256i rows) {
    v_store(sums, v_add32(v_load(sums), _mm512_cvtepu16_epi32(rows)));
}

V void v_add_rows(int32_t *sums, vec even, vec odd) {
    vec low = _mm512_unpacklo_epi16(even, odd), high = _mm512_unpackhi_epi16(even, odd);
    /* Each 16 bytes of `low` are eight rows, and of `high` the next eight. */
    const vec first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const vec last = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    vec rows0 = _mm512_permutex2var_epi64(low, first, high);
    vec rows32 = _mm512_permutex2var_epi64(low, last, high);
    v_add_16_rows(sums, _mm512_castsi512_si256(rows0));
    v_add_16_rows(sums + 16, _mm512_extracti64x4_epi64(rows0, 1));
    v_add_16_rows(sums + 32, _mm512_castsi512_si256(rows32));
    v_add_16_rows(sums + 48, _mm512_extracti64x4_epi64(rows32, 1));
}

V vec v_test16(vec a, vec bit) { return _mm512_movm_epi16(_mm512_test_epi16_mask(a, bit)); }

V vec v_add_pairs(vec sum, vec mask, vec pair) { /* the mask is -1 where it is set */
    return v_sub32(sum, _mm512_madd_epi16(mask, pair));
}

V uint32_t v_at_least(vec a, vec b) { return _mm512_cmpge_epi32_mask(a, b); }

V vec v_set16(const void *at) {
    int16_t two;
    __builtin_memcpy(&two, at, sizeof two);
    return _mm512_set1_epi16(two);
}

V vec v_add_dots(vec sum, vec a, vec b) { return v_add16(sum, _mm512_maddubs_epi16(a, b)); }

V vec v_min16(vec a, vec b) { return _mm512_min_epi16(a, b); }

V uint64_t v_at_least16(vec a, vec b, vec c, vec d) {
    vec low = _mm512_movm_epi16(_mm512_cmpge_epi16_mask(a, b));
    vec high = _mm512_movm_epi16(_mm512_cmpge_epi16_mask(c, d));
    return _mm512_movepi8_mask(_mm512_mask_blend_epi8(0xaaaaaaaaaaaaaaaau, low, high));
}

V vecf f_load(const float *at) { return _mm512_loadu_ps(at); }
V void f_store(float *at, vecf a) { _mm512_storeu_ps(at, a); }
V vecf f_set(float x) { return _mm512_set1_ps(x); }
V vecf f_add(vecf a, vecf b) { return _mm512_add_ps(a, b); }
V vecf f_sub(vecf a, vecf b) { return _mm512_sub_ps(a, b); }
V vecf f_mul(vecf a, vecf b) { return _mm512_mul_ps(a, b); }
V vecf f_div(vecf a, vecf b) { return _mm512_div_ps(a, b); }
V vecf f_sqrt(vecf a) { return _mm512_sqrt_ps(a); }
V vecf f_from_int32(vec a) { return _mm512_cvtepi32_ps(a); }
V vecf f_at_least(vecf a, vecf b) { return _mm512_max_ps(a, b); }
V vecf f_at_most(vecf a, vecf b) { return _mm512_min_ps(a, b); }

V vecf f_unless_below(vecf a, vecf b) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(_mm512_abs_ps(a), b, _CMP_NLT_UQ), a);
}

V uint32_t f_not_negative(vecf a) { return _mm512_cmp_ps_mask(a, f_set(0.0f), _CMP_GE_OQ); }

V vec v_mul32(vec a, vec b) { return _mm512_mullo_epi32(a, b); }

#define MB_CPU_AVX 1u << 28                            /* leaf 1, ecx */
#define MB_CPU_AVX512 (1u << 16 | 1u << 17 | 1u << 30) /* leaf 7, ebx: F, DQ, BW */
#define MB_CPU_VPOPCNTDQ (1u << 14)                    /* leaf 7, ecx */

#endif /* MB_KERNELS_AVX512_H */
