/* stm32l4r5.c: STM32L4R5, at 120 MHz from the internal oscillator: 4 MHz * 60 / 2, in the boosted
 * range, with five wait states. LPUART1 on PG7 and PG8: the NUCLEO-L4R5ZI board's debug chip passes
 * it on through USB.
 * Registers: reference manual RM0432, from memory; run on an emulated core with such registers. */
#include "stm32_clock.h"
#include "stm32_usart.h"

#define USART 0x40008000u
#define RCC 0x40021000u
#define RCC_CR RCC
#define RCC_CFGR (RCC + 0x08u)
#define RCC_PLLCFGR (RCC + 0x0Cu)
#define PWR_CR1 0x40007000u
#define PWR_SR2 0x40007014u
#define PWR_CR5 0x40007080u
#define FLASH_ACR 0x40022000u

static void start_clock(void) {
    FW_REGISTER(RCC + 0x58u) |= 1u << 28;    /* power control */
    stm32_change(PWR_CR1, 3u << 9, 1u << 9); /* range 1 */
    stm32_await(PWR_SR2, 1u << 10, 0);       /* not changing any more */
    stm32_change(PWR_CR5, 1u << 8, 0);       /* boosted */
    stm32_change(RCC_PLLCFGR, 3u << 25 | 1u << 24 | 127u << 8 | 15u << 4 | 3u,
                 1u << 24 | 60u << 8 | 1u); /* from MSI, not divided; half of it to the core */
    stm32_change(RCC_CR, 1u << 24, 1u << 24);
    stm32_await(RCC_CR, 1u << 25, 1u << 25);
    stm32_set(FLASH_ACR, 15u, 5u);
    FW_REGISTER(FLASH_ACR) |= 1u << 8;         /* prefetch; the caches are on after a reset */
    stm32_change(RCC_CFGR, 15u << 4, 8u << 4); /* at half of it for a microsecond */
    stm32_change(RCC_CFGR, 3u, 3u);
    stm32_await(RCC_CFGR, 3u << 2, 3u << 2);
    stm32_pause();
    stm32_change(RCC_CFGR, 15u << 4, 0);
}

void fw_board_start(void) {
    start_clock();
    FW_REGISTER(0x40007004u) |= 1u << 9; /* power for the pins of port G */
    FW_REGISTER(0x4002104Cu) |= 1u << 6; /* GPIO port G */
    FW_REGISTER(0x4002105Cu) |= 1u;      /* LPUART1 */
    stm32_pin(0x48001800u, 7u, 8u);
    stm32_pin(0x48001800u, 8u, 8u);
    stm32_open(USART, 266667u); /* 256 * 120 MHz / 115,200 */
}

void fw_board_put(uint8_t byte) { stm32_put(USART, byte); }

int fw_board_get(void) { return stm32_get(USART); }
