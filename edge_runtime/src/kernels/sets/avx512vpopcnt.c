/* avx512vpopcnt.c: kernels for x86-64 with AVX-512 VPOPCNTDQ (Ice Lake, Zen 4 and later), which
 * counts the ones of 32-bit lanes in one instruction.
 */
#if defined(__GNUC__) && defined(__x86_64__)

#define MB_TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vpopcntdq")))
#define COUNT_WORDS 0xffffffffu /* a 32-bit lane does not fill up */

#include "avx512.h"

V vec v_count(vec a) { return _mm512_popcnt_epi32(a); }
V vec v_add_count(vec a, vec b) { return v_add32(a, b); }
V vec v_widen(vec a) { return a; }
V vec v_min32(vec a, vec b) { return _mm512_min_epi32(a, b); }

#include "../lanes/lanes.h"

static bool runs(void) {
    return mb_x86_has(
        (mb_x86_needs){MB_CPU_AVX, MB_CPU_AVX512, MB_CPU_VPOPCNTDQ, MB_X86_STATE_ZMM});
}

MB_LANE_KERNELS(avx512vpopcnt);

#else
typedef int mb_no_avx512vpopcnt; /* a file of ISO C is not empty */
#endif
