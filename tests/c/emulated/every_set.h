/* every_set.h: takes the place of kernels/x86.h where instructions are emulated: every set runs.
 * The compiler is kept from using their instructions for anything else. */
#ifndef MB_KERNELS_X86_H
#define MB_KERNELS_X86_H

#include <stdbool.h>
#include <stdint.h>

#define target(instructions)

#define MB_X86_STATE_YMM 0
#define MB_X86_STATE_ZMM 0

typedef struct mb_x86_needs {
    uint32_t leaf1_ecx, leaf7_ebx, leaf7_ecx, state;
} mb_x86_needs;

static inline bool mb_x86_has(mb_x86_needs needs) {
    (void)needs;
    return true;
}

#endif /* MB_KERNELS_X86_H */
