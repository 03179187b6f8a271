/* stm32_clock.h: what the clocks of all STM32 chips are set with, and the caches of their
 * Cortex-M7 cores.
 *
 * Sources: the chips' reference manuals, which each file names; Armv7-M architecture reference
 * manual, "Cache and branch predictor maintenance operations".
 */
#ifndef FW_STM32_CLOCK_H
#define FW_STM32_CLOCK_H

#include "../board.h"

/* Change some bits of a register. */
static inline void stm32_change(uint32_t address, uint32_t bits, uint32_t to) {
    FW_REGISTER(address) = (FW_REGISTER(address) & ~bits) | to;
}

/* Wait until some bits of a register are so. */
static inline void stm32_await(uint32_t address, uint32_t bits, uint32_t are) {
    while ((FW_REGISTER(address) & bits) != are) {
    }
}

/* Change them, and wait until they read so. */
static inline void stm32_set(uint32_t address, uint32_t bits, uint32_t to) {
    stm32_change(address, bits, to);
    stm32_await(address, bits, to);
}

/* A microsecond and more, at up to 200 MHz. */
static inline void stm32_pause(void) {
    for (uint32_t i = 0; i < 200u; i++) {
        __asm__ volatile("nop");
    }
}

/* Empty both caches of a Cortex-M7, which hold anything after power-on, and let it use them. */
static inline void cortex_m7_use_caches(void) {
    uint32_t shape, sets, ways;
    __asm__ volatile("dsb\n isb" ::: "memory");
    FW_REGISTER(0xE000EF50u) = 0; /* ICIALLU */
    FW_REGISTER(0xE000ED84u) = 0; /* CSSELR: the data cache */
    __asm__ volatile("dsb" ::: "memory");
    shape = FW_REGISTER(0xE000ED80u); /* CCSIDR: both less one */
    sets = shape >> 13 & 0x7FFFu;
    ways = shape >> 3 & 0x3FFu; /* four */
    for (uint32_t set = 0; set <= sets; set++) {
        for (uint32_t way = 0; way <= ways; way++) {
            FW_REGISTER(0xE000EF60u) = way << 30 | set << 5; /* DCISW */
        }
    }
    __asm__ volatile("dsb" ::: "memory");
    FW_REGISTER(0xE000ED14u) |= 1u << 17 | 1u << 16; /* CCR */
    __asm__ volatile("dsb\n isb" ::: "memory");
}

#endif /* FW_STM32_CLOCK_H */
