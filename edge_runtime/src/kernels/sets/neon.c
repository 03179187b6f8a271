/* neon.c: kernels for Arm with NEON, registers of 16 bytes. Every 64-bit processor has it. Under
 * 32-bit Linux the kernel is asked, and only the functions of this file are compiled for it: the
 * rest of a program runs on processors without. There NEON takes denormal floats for zero, so that
 * it computes integers only.
 */
#include "../list.h"

#if defined(MB_KERNELS_NEON)

#include "../kernels.h"

#include <arm_neon.h>
#if !defined(__aarch64__)
#include "swar.h"

#include <sys/auxv.h>
#endif

#if defined(__ARM_NEON)
#define MB_TARGET
#elif defined(__clang__)
#define MB_TARGET __attribute__((target("neon")))
#elif __ARM_ARCH >= 7
#define MB_TARGET __attribute__((target("fpu=neon")))
#else
#define MB_TARGET __attribute__((target("arch=armv7-a,fpu=neon")))
#endif

#define VEC_BYTES 16u
#define COUNT_WORDS 31u /* of at most 8 ones per byte */

typedef uint8x16_t vec;

#define V static inline __attribute__((always_inline)) MB_TARGET

V uint16x8_t as16(vec a) { return vreinterpretq_u16_u8(a); }
V uint32x4_t as32(vec a) { return vreinterpretq_u32_u8(a); }
V vec of16(uint16x8_t a) { return vreinterpretq_u8_u16(a); }
V vec of32(uint32x4_t a) { return vreinterpretq_u8_u32(a); }

/* ---- what 64-bit Arm has, and how 32-bit Arm goes without ------------------------------------ */

#if defined(__aarch64__)

V vec v_look_up(vec table, vec i) { return vqtbl1q_u8(table, i); }
V uint32_t sum_lanes(uint32x4_t a) { return vaddvq_u32(a); }

/* The sums of the first and of the last 8 bytes, each in a byte. */
V uint64_t sum_halves(vec a) {
    return (uint64_t)vaddv_u8(vget_low_u8(a)) | (uint64_t)vaddv_u8(vget_high_u8(a)) << 8;
}

#else

V vec v_look_up(vec table, vec i) {
    uint8x8x2_t both = {{vget_low_u8(table), vget_high_u8(table)}};
    return vcombine_u8(vtbl2_u8(both, vget_low_u8(i)), vtbl2_u8(both, vget_high_u8(i)));
}

V uint32_t sum_lanes(uint32x4_t a) {
    uint32x2_t pairs = vpadd_u32(vget_low_u32(a), vget_high_u32(a));
    return vget_lane_u32(vpadd_u32(pairs, pairs), 0);
}

V uint64_t sum_halves(vec a) {
    uint8x8_t pairs = vpadd_u8(vget_low_u8(a), vget_high_u8(a)), fours = vpadd_u8(pairs, pairs);
    return vget_lane_u16(vreinterpret_u16_u8(vpadd_u8(fours, fours)), 0);
}

#endif

/* ---- integers -------------------------------------------------------------------------------- */

V vec v_load(const void *at) { return vld1q_u8((const uint8_t *)at); }
V void v_store(void *at, vec a) { vst1q_u8((uint8_t *)at, a); }
V vec v_zero(void) { return vdupq_n_u8(0); }
V vec v_xor(vec a, vec b) { return veorq_u8(a, b); }
V vec v_and(vec a, vec b) { return vandq_u8(a, b); }
V vec v_add8(vec a, vec b) { return vaddq_u8(a, b); }
V vec v_min8(vec a, vec b) { return vminq_u8(a, b); }
V vec v_add16(vec a, vec b) { return of16(vaddq_u16(as16(a), as16(b))); }
V vec v_add32(vec a, vec b) { return of32(vaddq_u32(as32(a), as32(b))); }
V vec v_sub16(vec a, vec b) { return of16(vsubq_u16(as16(a), as16(b))); }
V vec v_sub32(vec a, vec b) { return of32(vsubq_u32(as32(a), as32(b))); }
V vec v_set32(const uint32_t *at) { return of32(vdupq_n_u32(*at)); }
V vec v_table(const void *at) { return v_load(at); }

#define v_keep(a) __asm__("" : "+w"(a))

/* Macros, because the count must be a constant. */
#define v_shl16(a, n) of16(vshlq_n_u16(as16(a), n))
#define v_shr16(a, n) of16(vshrq_n_u16(as16(a), n))
#define v_shr32(a, n) of32(vshrq_n_u32(as32(a), n))

V vec v_pack8(vec a, vec b) { return vcombine_u8(vmovn_u16(as16(a)), vmovn_u16(as16(b))); }

V vec v_rows(const uint8_t *at, const uint8_t *next) {
    (void)next;
    return v_load(at);
}

V vec v_sum8(vec a) { return of32(vpaddlq_u16(vpaddlq_u8(a))); }
V vec v_count(vec a) { return vcntq_u8(a); }
V vec v_add_count(vec a, vec b) { return vaddq_u8(a, b); }
V vec v_widen(vec a) { return v_sum8(a); }

V void v_add_4_rows(int32_t *sums, uint16x4_t rows) {
    v_store(sums, of32(vaddw_u16(as32(v_load(sums)), rows)));
}

V void v_add_rows(int32_t *sums, vec even, vec odd) {
    uint16x8x2_t rows = vzipq_u16(as16(even), as16(odd));
    v_add_4_rows(sums, vget_low_u16(rows.val[0]));
    v_add_4_rows(sums + 4, vget_high_u16(rows.val[0]));
    v_add_4_rows(sums + 8, vget_low_u16(rows.val[1]));
    v_add_4_rows(sums + 12, vget_high_u16(rows.val[1]));
}

V vec v_test16(vec a, vec bit) { return of16(vtstq_u16(as16(a), as16(bit))); }

V vec v_add_pairs(vec sum, vec mask, vec pair) {
    int16x8_t errors = vreinterpretq_s16_u8(v_and(mask, pair));
    return vreinterpretq_u8_s32(vpadalq_s16(vreinterpretq_s32_u8(sum), errors));
}

/* One bit a 32-bit lane that is all ones or zero. */
V uint32_t lane_bits(uint32x4_t lanes) {
    static const uint32_t bit[4] = {1, 2, 4, 8};
    return sum_lanes(vandq_u32(lanes, vld1q_u32(bit)));
}

V uint32_t v_at_least(vec a, vec b) {
    return lane_bits(vcgeq_s32(vreinterpretq_s32_u8(a), vreinterpretq_s32_u8(b)));
}

V vec v_min32(vec a, vec b) { return of32(vminq_u32(as32(a), as32(b))); }

V vec v_set16(const void *at) {
    uint16_t two;
    __builtin_memcpy(&two, at, sizeof two);
    return of16(vdupq_n_u16(two));
}

V vec v_add_dots(vec sum, vec a, vec b) {
    uint16x8_t first = vandq_u16(as16(a), vdupq_n_u16(0xff)), second = vshrq_n_u16(as16(a), 8);
    int16x8_t other = vreinterpretq_s16_u8(b), one = vshrq_n_s16(vshlq_n_s16(other, 8), 8);
    uint16x8_t signed_one = vreinterpretq_u16_s16(one);
    uint16x8_t signed_other = vreinterpretq_u16_s16(vshrq_n_s16(other, 8));
    return of16(vmlaq_u16(vmlaq_u16(as16(sum), first, signed_one), second, signed_other));
}

V vec v_min16(vec a, vec b) {
    return of16(vreinterpretq_u16_s16(vminq_s16(vreinterpretq_s16_u8(a), vreinterpretq_s16_u8(b))));
}

V uint64_t v_at_least16(vec a, vec b, vec c, vec d) {
    static const uint8_t bits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint16x8_t low = vcgeq_s16(vreinterpretq_s16_u8(a), vreinterpretq_s16_u8(b));
    uint16x8_t high = vcgeq_s16(vreinterpretq_s16_u8(c), vreinterpretq_s16_u8(d));
    uint8x16_t set = vandq_u8(of16(vbslq_u16(vdupq_n_u16(0xff), low, high)), vld1q_u8(bits));
    return sum_halves(set);
}

V vec v_mul32(vec a, vec b) { return of32(vmulq_u32(as32(a), as32(b))); }

/* ---- floats ---------------------------------------------------------------------------------- */

#if defined(__aarch64__)

typedef float32x4_t vecf;

V vecf f_load(const float *at) { return vld1q_f32(at); }
V void f_store(float *at, vecf a) { vst1q_f32(at, a); }
V vecf f_set(float x) { return vdupq_n_f32(x); }
V vecf f_add(vecf a, vecf b) { return vaddq_f32(a, b); }
V vecf f_sub(vecf a, vecf b) { return vsubq_f32(a, b); }
V vecf f_mul(vecf a, vecf b) { return vmulq_f32(a, b); }
V vecf f_div(vecf a, vecf b) { return vdivq_f32(a, b); }
V vecf f_sqrt(vecf a) { return vsqrtq_f32(a); }
V vecf f_from_int32(vec a) { return vcvtq_f32_s32(vreinterpretq_s32_u8(a)); }
V vecf f_at_least(vecf a, vecf b) { return vbslq_f32(vcgeq_f32(a, b), a, b); }
V vecf f_at_most(vecf a, vecf b) { return vbslq_f32(vcleq_f32(a, b), a, b); }
V vecf f_unless_below(vecf a, vecf b) { return vbslq_f32(vcaltq_f32(a, b), f_set(0.0f), a); }
V uint32_t f_not_negative(vecf a) { return lane_bits(vcgezq_f32(a)); }

static bool runs(void) { return true; }

#else

#define NO_FLOATS
#define IN_ROWS(kernel) mb_##kernel##_swar
#define HAS_NEON \
    (1ul << 12) /* in AT_HWCAP: Linux calls it HWCAP_NEON, C libraries what they like */

static bool runs(void) { return (getauxval(AT_HWCAP) & HAS_NEON) != 0; }

#endif

#include "../lanes/lanes.h"

MB_LANE_KERNELS(neon);

#else
typedef int mb_no_neon; /* a file of ISO C is not empty */
#endif
