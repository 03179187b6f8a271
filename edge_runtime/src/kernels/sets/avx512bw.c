/* avx512bw.c: kernels for x86-64 with AVX-512 F, DQ and BW (Skylake-X to Cooper Lake). Ones are
 * counted by looking nibbles up.
 */
#if defined(__GNUC__) && defined(__x86_64__)

#define MB_TARGET __attribute__((target("avx512f,avx512bw,avx512dq")))
#define CONV_LOOKS_UP
#define COUNT_WORDS 31u /* of at most 8 ones per byte */

#include "avx512.h"

V vec v_count(vec a) {
    static const uint8_t ones_in[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
    const vec ones = v_table(ones_in), nibble = _mm512_set1_epi8(15);
    return v_add8(v_look_up(ones, v_and(a, nibble)), v_look_up(ones, v_and(v_shr16(a, 4), nibble)));
}

V vec v_add_count(vec a, vec b) { return v_add8(a, b); }
V vec v_widen(vec a) { return v_sum8(a); }

#include "../lanes/lanes.h"

static bool runs(void) {
    return mb_x86_has((mb_x86_needs){MB_CPU_AVX, MB_CPU_AVX512, 0, MB_X86_STATE_ZMM});
}

MB_LANE_KERNELS(avx512bw);

#else
typedef int mb_no_avx512bw; /* a file of ISO C is not empty */
#endif
