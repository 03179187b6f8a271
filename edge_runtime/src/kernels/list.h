/* list.h: the kernel sets of this build, best first. Dispatcher, tests and benchmarks all read this
 * list. On a host the best set that runs is taken when a model is opened; the build for a
 * microcontroller has a single set, so that no other takes flash.
 */
#ifndef MB_KERNEL_LIST_H
#define MB_KERNEL_LIST_H

/* 32-bit Arm that may have NEON, a system to ask whether it has, and a compiler that gives NEON to
 * single functions, as older ones of Clang do not. */
#if defined(__GNUC__) && defined(__ARM_ARCH_ISA_ARM) && defined(__ARM_FP) && defined(__linux__) && \
    __STDC_HOSTED__ && (defined(__ARM_NEON) || !defined(__clang__) || __clang_major__ >= 22)
#define MB_32_BIT_ARM_LINUX
#endif

#if defined(__GNUC__) && defined(__x86_64__)
#define MB_KERNEL_LIST(X) X(avx512vpopcnt) X(avx512bw) X(avx2) X(ssse3) X(scalar)
#elif defined(__GNUC__) && defined(__aarch64__)
#define MB_KERNELS_NEON
#define MB_KERNEL_LIST(X) X(neon) X(scalar)
#elif defined(MB_32_BIT_ARM_LINUX)
#define MB_KERNELS_NEON
#define MB_KERNELS_SWAR
#define MB_KERNEL_LIST(X) X(neon) X(swar) X(scalar)
#elif defined(__GNUC__) && defined(__ARM_FEATURE_MVE)
#define MB_KERNELS_SWAR
#define MB_KERNEL_LIST(X) X(mve)
#elif defined(__GNUC__) && defined(__arm__)
#define MB_KERNELS_SWAR
#define MB_KERNEL_LIST(X) X(swar)
#elif defined(__GNUC__) && defined(__riscv) && __riscv_xlen == 32
#define MB_KERNELS_SWAR
#if defined(__linux__)
#define MB_KERNEL_LIST(X) X(swar) X(scalar)
#else
#define MB_KERNEL_LIST(X) X(swar)
#endif
#elif defined(__wasm_simd128__)
#define MB_KERNEL_LIST(X) X(wasm) X(scalar)
#else
#define MB_KERNEL_LIST(X) X(scalar)
#endif

#endif /* MB_KERNEL_LIST_H */
