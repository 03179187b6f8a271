/* immintrin.h: instructions of x86 in portable C (SIMDe), so that tests run sets that this
 * processor has not. Takes the place of the compiler's header; every_set.h is to be included before
 * it. */
#ifndef MB_EMULATED_IMMINTRIN_H
#define MB_EMULATED_IMMINTRIN_H

#define SIMDE_NO_NATIVE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

/* An instruction that SIMDe does not have. The lanes that are converted hold numbers from 0 to
 * below 2^32. */
static inline simde__m512i mb_maskz_cvttps_epu32(simde__mmask16 mask, simde__m512 a) {
    simde__m512_private from = simde__m512_to_private(a);
    simde__m512i_private to = simde__m512i_to_private(simde_mm512_setzero_si512());
    for (int lane = 0; lane < 16; lane++) {
        to.u32[lane] = mask >> lane & 1 ? (uint32_t)from.f32[lane] : 0;
    }
    return simde__m512i_from_private(to);
}
#define _mm512_maskz_cvttps_epu32(mask, a) mb_maskz_cvttps_epu32(mask, a)

/* Kernels use it only to keep the compiler from moving what is in a register; here nothing is in
 * one. */
#define __asm__(...) (void)0

#endif /* MB_EMULATED_IMMINTRIN_H */
