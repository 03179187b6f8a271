/* stm32u575.c: STM32U575, at 160 MHz from the internal oscillator: 4 MHz * 80 / 2, in range 1 with
 * the booster, four wait states. USART1 on PA9 and PA10: the NUCLEO-U575ZI board's debug chip
 * passes it on through USB.
 * Registers: reference manual RM0456, from memory, the power control looked up in published
 * headers; run on an emulated core with such registers. */
#include "stm32_clock.h"
#include "stm32_usart.h"

#define USART 0x40013800u
#define RCC 0x46020C00u
#define RCC_CR RCC
#define RCC_CFGR1 (RCC + 0x1Cu)
#define RCC_CFGR2 (RCC + 0x20u)
#define RCC_PLL1CFGR (RCC + 0x28u)
#define RCC_PLL1DIVR (RCC + 0x34u)
#define PWR_VOSR 0x4602080Cu
#define FLASH_ACR 0x40022000u
#define ICACHE_CR 0x40030400u

static void start_clock(void) {
    FW_REGISTER(RCC + 0x94u) |= 1u << 2; /* power control */
    stm32_change(PWR_VOSR, 3u << 16, 3u << 16);
    stm32_await(PWR_VOSR, 1u << 15, 1u << 15);
    /* From MSI, not divided; it drives the booster, too. */
    stm32_change(RCC_PLL1CFGR, 7u << 16 | 0xFF1Fu, 1u << 18 | 1u);
    stm32_change(PWR_VOSR, 1u << 18, 1u << 18);
    stm32_await(PWR_VOSR, 1u << 14, 1u << 14);
    FW_REGISTER(RCC_PLL1DIVR) = (2u - 1u) << 24 | 1u << 16 | 1u << 9 | (80u - 1u);
    stm32_change(RCC_CR, 1u << 24, 1u << 24);
    stm32_await(RCC_CR, 1u << 25, 1u << 25);
    stm32_set(FLASH_ACR, 15u, 4u);
    FW_REGISTER(FLASH_ACR) |= 1u << 8; /* prefetch */
    stm32_change(RCC_CFGR2, 15u, 8u);  /* at half of it for a microsecond */
    stm32_change(RCC_CFGR1, 3u, 3u);
    stm32_await(RCC_CFGR1, 3u << 2, 3u << 2);
    stm32_pause();
    stm32_change(RCC_CFGR2, 15u, 0);
    FW_REGISTER(ICACHE_CR) |= 1u;
}

void fw_board_start(void) {
    start_clock();
    FW_REGISTER(0x46020C8Cu) |= 1u;       /* GPIO port A */
    FW_REGISTER(0x46020CA4u) |= 1u << 14; /* USART1 */
    stm32_pin(0x42020000u, 9u, 7u);
    stm32_pin(0x42020000u, 10u, 7u);
    stm32_open(USART, 1389u); /* 160 MHz / 115,200 */
}

void fw_board_put(uint8_t byte) { stm32_put(USART, byte); }

int fw_board_get(void) { return stm32_get(USART); }
