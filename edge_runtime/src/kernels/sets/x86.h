/* x86.h: what the kernel sets of x86-64 share: is an instruction set there, and may it be used? */
#ifndef MB_KERNELS_X86_H
#define MB_KERNELS_X86_H

#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>

/* Parts of the register state that the operating system saves (XCR0): without it, the instructions
 * of wide registers trap, whatever the processor has. */
#define MB_X86_STATE_YMM 0x06u /* and xmm */
#define MB_X86_STATE_ZMM 0xe6u /* and ymm, and the mask registers */

/* Bits of cpuid leaf 1 (ecx), and of leaf 7 (ebx, ecx) for sets with wide registers. */
typedef struct mb_x86_needs {
    uint32_t leaf1_ecx, leaf7_ebx, leaf7_ecx;
    uint32_t state; /* of the registers, 0: xmm, which x86-64 always has */
} mb_x86_needs;

/* A virtual machine leaves the processor for every cpuid, some 10 us each: none is asked in vain.
 * Leaf 1 is there on every x86-64, and leaf 7 where the state of wide registers can be saved, which
 * leaf 13 describes. */
static inline bool mb_x86_has(mb_x86_needs needs) {
    uint32_t a, b, c, d, low, high;
    const uint32_t osxsave = needs.state ? 1u << 27 : 0;
    __cpuid(1, a, b, c, d);
    if (~c & (needs.leaf1_ecx | osxsave)) {
        return false;
    }
    if (needs.state == 0) {
        return true;
    }
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if (~low & needs.state) {
        return false;
    }
    __cpuid_count(7, 0, a, b, c, d);
    return !(~b & needs.leaf7_ebx) && !(~c & needs.leaf7_ecx);
}

#endif /* MB_KERNELS_X86_H */
