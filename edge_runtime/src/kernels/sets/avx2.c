/* avx2.c: kernels for x86-64 with AVX2, registers of 32 bytes. Ones are counted by looking nibbles
 * up. */
#if defined(__GNUC__) && defined(__x86_64__)

#include "../kernels.h"
#include "x86.h"

#include <immintrin.h>

#define MB_TARGET __attribute__((target("avx2")))
#define VEC_BYTES 32u
#define CONV_LOOKS_UP
#define COUNT_WORDS 31u /* of at most 8 ones per byte */

typedef __m256i vec;
typedef __m256 vecf;

#define V static inline __attribute__((always_inline)) MB_TARGET

V vec v_load(const void *at) { return _mm256_loadu_si256((const __m256i *)at); }
V void v_store(void *at, vec a) { _mm256_storeu_si256((__m256i *)at, a); }
V vec v_zero(void) { return _mm256_setzero_si256(); }
V vec v_xor(vec a, vec b) { return _mm256_xor_si256(a, b); }
V vec v_and(vec a, vec b) { return _mm256_and_si256(a, b); }
V vec v_add8(vec a, vec b) { return _mm256_add_epi8(a, b); }
V vec v_min8(vec a, vec b) { return _mm256_min_epu8(a, b); }
V vec v_add16(vec a, vec b) { return _mm256_add_epi16(a, b); }
V vec v_add32(vec a, vec b) { return _mm256_add_epi32(a, b); }
V vec v_sub16(vec a, vec b) { return _mm256_sub_epi16(a, b); }
V vec v_sub32(vec a, vec b) { return _mm256_sub_epi32(a, b); }
V vec v_shl16(vec a, int n) { return _mm256_slli_epi16(a, n); }
V vec v_shr16(vec a, int n) { return _mm256_srli_epi16(a, n); }
V vec v_set32(const uint32_t *at) { return _mm256_set1_epi32((int)*at); }
V vec v_look_up(vec table, vec i) { return _mm256_shuffle_epi8(table, i); }
V vec v_pack8(vec a, vec b) { return _mm256_packus_epi16(a, b); }

V vec v_table(const void *at) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)at));
}

V vec v_rows(const uint8_t *at, const uint8_t *next) {
    (void)next;
    return v_load(at);
}

V vec v_sum8(vec a) {
    return _mm256_madd_epi16(_mm256_maddubs_epi16(a, _mm256_set1_epi8(1)), _mm256_set1_epi16(1));
}

V vec v_count(vec a) {
    const vec ones = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, /* twice */
                                      0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const vec nibble = _mm256_set1_epi8(15);
    return v_add8(v_look_up(ones, v_and(a, nibble)), v_look_up(ones, v_and(v_shr16(a, 4), nibble)));
}

V vec v_add_count(vec a, vec b) { return v_add8(a, b); }
V vec v_widen(vec a) { return v_sum8(a); }

V void v_add_8_rows(int32_t *sums, __m128i rows) {
    v_store(sums, v_add32(v_load(sums), _mm256_cvtepu16_epi32(rows)));
}

V void v_add_rows(int32_t *sums, vec even, vec odd) {
    vec low = _mm256_unpacklo_epi16(even, odd), high = _mm256_unpackhi_epi16(even, odd);
    v_add_8_rows(sums, _mm256_castsi256_si128(low));
    v_add_8_rows(sums + 8, _mm256_castsi256_si128(high));
    v_add_8_rows(sums + 16, _mm256_extracti128_si256(low, 1));
    v_add_8_rows(sums + 24, _mm256_extracti128_si256(high, 1));
}

V vec v_test16(vec a, vec bit) { return _mm256_cmpeq_epi16(v_and(a, bit), bit); }

V vec v_add_pairs(vec sum, vec mask, vec pair) { /* the mask is -1 where it is set */
    return v_sub32(sum, _mm256_madd_epi16(mask, pair));
}

V uint32_t v_at_least(vec a, vec b) {
    __m256 less = _mm256_castsi256_ps(_mm256_cmpgt_epi32(b, a));
    return (uint32_t)_mm256_movemask_ps(less) ^ 0xffu;
}

V vec v_set16(const void *at) {
    int16_t two;
    __builtin_memcpy(&two, at, sizeof two);
    return _mm256_set1_epi16(two);
}

V vec v_add_dots(vec sum, vec a, vec b) { return v_add16(sum, _mm256_maddubs_epi16(a, b)); }

V vec v_min16(vec a, vec b) { return _mm256_min_epi16(a, b); }

V uint64_t v_at_least16(vec a, vec b, vec c, vec d) {
    vec low = _mm256_cmpgt_epi16(b, a), high = _mm256_cmpgt_epi16(d, c);
    vec less = _mm256_blendv_epi8(low, high, _mm256_set1_epi16((int16_t)0xff00));
    return ~(uint32_t)_mm256_movemask_epi8(less);
}

#define v_keep(a) __asm__("" : "+x"(a))

V vecf f_load(const float *at) { return _mm256_loadu_ps(at); }
V void f_store(float *at, vecf a) { _mm256_storeu_ps(at, a); }
V vecf f_set(float x) { return _mm256_set1_ps(x); }
V vecf f_add(vecf a, vecf b) { return _mm256_add_ps(a, b); }
V vecf f_sub(vecf a, vecf b) { return _mm256_sub_ps(a, b); }
V vecf f_mul(vecf a, vecf b) { return _mm256_mul_ps(a, b); }
V vecf f_div(vecf a, vecf b) { return _mm256_div_ps(a, b); }
V vecf f_sqrt(vecf a) { return _mm256_sqrt_ps(a); }
V vecf f_from_int32(vec a) { return _mm256_cvtepi32_ps(a); }

V vecf f_at_least(vecf a, vecf b) { return _mm256_max_ps(a, b); }
V vecf f_at_most(vecf a, vecf b) { return _mm256_min_ps(a, b); }

V vecf f_unless_below(vecf a, vecf b) {
    vecf size = _mm256_andnot_ps(f_set(-0.0f), a);
    return _mm256_andnot_ps(_mm256_cmp_ps(size, b, _CMP_LT_OQ), a);
}

V uint32_t f_not_negative(vecf a) {
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_GE_OQ));
}

V vec v_shr32(vec a, int n) { return _mm256_srli_epi32(a, n); }
V vec v_mul32(vec a, vec b) { return _mm256_mullo_epi32(a, b); }

#include "../lanes/lanes.h"

static bool runs(void) {
    return mb_x86_has((mb_x86_needs){1u << 28 /* AVX */, 1u << 5 /* AVX2 */, 0, MB_X86_STATE_YMM});
}

MB_LANE_KERNELS(avx2);

#else
typedef int mb_no_avx2; /* a file of ISO C is not empty */
#endif
