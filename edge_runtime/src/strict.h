/* strict.h: float arithmetic that every compiler does alike; included before any function.
 *
 * Equal bits everywhere need exactly one rounding per operation. Compilers may break it by fusing a
 * multiplication and an addition, which GCC does by default outside -std=c99, or by computing in a
 * wider type. The first is switched off here, so that no build of the core needs a flag for it; the
 * second and -ffast-math are refused. Clang has no macro for most parts of -ffast-math, such as
 * -freciprocal-math: there they are switched off, which it can do for x86, and elsewhere from
 * version 18 on; before, reassociation alone.
 */
#ifndef MB_STRICT_H
#define MB_STRICT_H

#include <float.h>

#if defined(__clang__)
#if defined(__x86_64__) || defined(__i386__)
#pragma float_control(precise, on)
#else
#pragma clang fp reassociate(off)
#if __clang_major__ >= 18
#pragma clang fp reciprocal(off)
#endif
#endif
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

/* 0 computes float in float. So does 16, which GCC reports for processors that compute in _Float16
 * too. */
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16
#error "float arithmetic must be done in float: on 32-bit x86 compile with -msse2 -mfpmath=sse"
#endif
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    defined(__NO_SIGNED_ZEROS__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "-ffast-math and parts of it change results: metabit promises the same bits everywhere"
#endif

#endif /* MB_STRICT_H */
