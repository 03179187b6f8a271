/* ssse3.c: kernels for x86-64 with SSSE3, registers of 16 bytes: every such processor since
 * 2006. */
#if defined(__GNUC__) && defined(__x86_64__)

#include "../kernels.h"
#include "x86.h"

#include <immintrin.h>

#define MB_TARGET __attribute__((target("ssse3")))
#define VEC_BYTES 16u
#define CONV_LOOKS_UP
#define COUNT_WORDS 31u /* of at most 8 ones per byte */

typedef __m128i vec;
typedef __m128 vecf;

#define V static inline __attribute__((always_inline)) MB_TARGET

V vec v_load(const void *at) { return _mm_loadu_si128((const __m128i *)at); }
V void v_store(void *at, vec a) { _mm_storeu_si128((__m128i *)at, a); }
V vec v_zero(void) { return _mm_setzero_si128(); }
V vec v_xor(vec a, vec b) { return _mm_xor_si128(a, b); }
V vec v_and(vec a, vec b) { return _mm_and_si128(a, b); }
V vec v_add8(vec a, vec b) { return _mm_add_epi8(a, b); }
V vec v_min8(vec a, vec b) { return _mm_min_epu8(a, b); }
V vec v_add16(vec a, vec b) { return _mm_add_epi16(a, b); }
V vec v_add32(vec a, vec b) { return _mm_add_epi32(a, b); }
V vec v_sub16(vec a, vec b) { return _mm_sub_epi16(a, b); }
V vec v_sub32(vec a, vec b) { return _mm_sub_epi32(a, b); }
V vec v_shl16(vec a, int n) { return _mm_slli_epi16(a, n); }
V vec v_shr16(vec a, int n) { return _mm_srli_epi16(a, n); }
V vec v_set32(const uint32_t *at) { return _mm_set1_epi32((int)*at); }
V vec v_look_up(vec table, vec i) { return _mm_shuffle_epi8(table, i); }
V vec v_pack8(vec a, vec b) { return _mm_packus_epi16(a, b); }
V vec v_table(const void *at) { return v_load(at); }

V vec v_rows(const uint8_t *at, const uint8_t *next) {
    (void)next;
    return v_load(at);
}

V vec v_sum8(vec a) {
    return _mm_madd_epi16(_mm_maddubs_epi16(a, _mm_set1_epi8(1)), _mm_set1_epi16(1));
}

V vec v_count(vec a) {
    const vec ones = _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const vec nibble = _mm_set1_epi8(15);
    return v_add8(v_look_up(ones, v_and(a, nibble)), v_look_up(ones, v_and(v_shr16(a, 4), nibble)));
}

V vec v_add_count(vec a, vec b) { return v_add8(a, b); }
V vec v_widen(vec a) { return v_sum8(a); }

V void v_add_rows(int32_t *sums, vec even, vec odd) {
    vec low = _mm_unpacklo_epi16(even, odd), high = _mm_unpackhi_epi16(even, odd);
    v_store(sums, v_add32(v_load(sums), _mm_unpacklo_epi16(low, v_zero())));
    v_store(sums + 4, v_add32(v_load(sums + 4), _mm_unpackhi_epi16(low, v_zero())));
    v_store(sums + 8, v_add32(v_load(sums + 8), _mm_unpacklo_epi16(high, v_zero())));
    v_store(sums + 12, v_add32(v_load(sums + 12), _mm_unpackhi_epi16(high, v_zero())));
}

V vec v_test16(vec a, vec bit) { return _mm_cmpeq_epi16(v_and(a, bit), bit); }

V vec v_add_pairs(vec sum, vec mask, vec pair) { /* the mask is -1 where it is set */
    return v_sub32(sum, _mm_madd_epi16(mask, pair));
}

V uint32_t v_at_least(vec a, vec b) {
    return (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(_mm_cmpgt_epi32(b, a))) ^ 0xfu;
}

V vec v_set16(const void *at) {
    int16_t two;
    __builtin_memcpy(&two, at, sizeof two);
    return _mm_set1_epi16(two);
}

V vec v_add_dots(vec sum, vec a, vec b) { return v_add16(sum, _mm_maddubs_epi16(a, b)); }

V vec v_min16(vec a, vec b) { return _mm_min_epi16(a, b); }

V uint64_t v_at_least16(vec a, vec b, vec c, vec d) {
    vec low = _mm_cmpgt_epi16(b, a), high = _mm_cmpgt_epi16(d, c);
    vec less = _mm_or_si128(_mm_srli_epi16(low, 8), _mm_slli_epi16(high, 8));
    return (uint32_t)_mm_movemask_epi8(less) ^ 0xffffu;
}

#define v_keep(a) __asm__("" : "+x"(a))

V vecf f_load(const float *at) { return _mm_loadu_ps(at); }
V void f_store(float *at, vecf a) { _mm_storeu_ps(at, a); }
V vecf f_set(float x) { return _mm_set1_ps(x); }
V vecf f_add(vecf a, vecf b) { return _mm_add_ps(a, b); }
V vecf f_sub(vecf a, vecf b) { return _mm_sub_ps(a, b); }
V vecf f_mul(vecf a, vecf b) { return _mm_mul_ps(a, b); }
V vecf f_div(vecf a, vecf b) { return _mm_div_ps(a, b); }
V vecf f_sqrt(vecf a) { return _mm_sqrt_ps(a); }
V vecf f_from_int32(vec a) { return _mm_cvtepi32_ps(a); }

V vecf f_at_least(vecf a, vecf b) { return _mm_max_ps(a, b); }
V vecf f_at_most(vecf a, vecf b) { return _mm_min_ps(a, b); }

V vecf f_unless_below(vecf a, vecf b) {
    return _mm_andnot_ps(_mm_cmplt_ps(_mm_andnot_ps(f_set(-0.0f), a), b), a);
}

V uint32_t f_not_negative(vecf a) {
    return (uint32_t)_mm_movemask_ps(_mm_cmpge_ps(a, _mm_setzero_ps()));
}

V vec v_shr32(vec a, int n) { return _mm_srli_epi32(a, n); }

V vec v_mul32(vec a, vec b) { /* only even lanes are multiplied */
    const vec low = _mm_set1_epi64x(0xffffffff);
    vec odd = _mm_mul_epu32(_mm_srli_epi64(a, 32), _mm_srli_epi64(b, 32));
    return _mm_or_si128(_mm_and_si128(_mm_mul_epu32(a, b), low), _mm_slli_epi64(odd, 32));
}

#include "../lanes/lanes.h"

static bool runs(void) { return mb_x86_has((mb_x86_needs){1u << 9 /* SSSE3 */, 0, 0, 0}); }

MB_LANE_KERNELS(ssse3);

#else
typedef int mb_no_ssse3; /* a file of ISO C is not empty */
#endif
