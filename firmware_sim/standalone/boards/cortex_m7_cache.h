/* cortex_m7_cache.h: the data cache of a Cortex-M7 forgets what flash held before it was erased or
 * written. On other cores, and where the cache is off, there is nothing to do.
 * Source: Armv7-M architecture reference manual, "Cache and branch predictor maintenance
 * operations". */
#ifndef FW_CORTEX_M7_CACHE_H
#define FW_CORTEX_M7_CACHE_H

#include "../board.h"

#define CORTEX_M7_LINE 32u

static inline void cortex_m7_forget(uint32_t address, size_t bytes) {
    if ((FW_REGISTER(0xE000ED14u) & 1u << 16) == 0) { /* CCR.DC */
        return;
    }
    __asm__ volatile("dsb" ::: "memory");
    for (uint32_t line = address & ~(CORTEX_M7_LINE - 1u); line < address + bytes;
         line += CORTEX_M7_LINE) {
        FW_REGISTER(0xE000EF5Cu) = line; /* DCIMVAC */
    }
    __asm__ volatile("dsb\n isb" ::: "memory");
}

#endif /* FW_CORTEX_M7_CACHE_H */
