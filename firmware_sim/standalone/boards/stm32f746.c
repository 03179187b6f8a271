/* stm32f746.c: STM32F746, at 216 MHz from the internal oscillator: 16 MHz / 8 * 216 / 2, with
 * over-drive and seven wait states. USART1 on PA9 and PB7: the F746G-DISCO board's debug chip
 * passes it on through USB.
 * Registers: reference manual RM0385, from memory; the settings are those that published projects
 * give ST's library; run on an emulated core with such registers. */
#include "stm32_clock.h"
#include "stm32_usart.h"

#define USART 0x40011000u
#define RCC 0x40023800u
#define RCC_CR RCC
#define RCC_PLLCFGR (RCC + 0x04u)
#define RCC_CFGR (RCC + 0x08u)
#define PWR_CR1 0x40007000u
#define PWR_CSR1 0x40007004u
#define FLASH_ACR 0x40023C00u

static void start_clock(void) {
    FW_REGISTER(RCC + 0x40u) |= 1u << 28; /* power control */
    stm32_change(PWR_CR1, 3u << 14, 3u << 14);
    stm32_change(RCC_PLLCFGR, 0x0F437FFFu, 2u << 24 | 216u << 6 | 8u);
    stm32_change(RCC_CR, 1u << 24, 1u << 24);
    stm32_await(RCC_CR, 1u << 25, 1u << 25);
    stm32_change(PWR_CR1, 1u << 16, 1u << 16); /* over-drive */
    stm32_await(PWR_CSR1, 1u << 16, 1u << 16);
    stm32_change(PWR_CR1, 1u << 17, 1u << 17); /* and the switch to it */
    stm32_await(PWR_CSR1, 1u << 17, 1u << 17);
    stm32_set(FLASH_ACR, 15u, 7u);
    stm32_change(RCC_CFGR, 7u << 13 | 7u << 10, 4u << 13 | 5u << 10); /* APB2: half; APB1: 1/4 */
    stm32_change(RCC_CFGR, 3u, 2u);
    stm32_await(RCC_CFGR, 3u << 2, 2u << 2);
}

void fw_board_start(void) {
    start_clock();
    cortex_m7_use_caches();
    FW_REGISTER(0x40023830u) |= 1u << 0 | 1u << 1; /* GPIO ports A and B */
    FW_REGISTER(0x40023844u) |= 1u << 4;           /* USART1 */
    stm32_pin(0x40020000u, 9u, 7u);
    stm32_pin(0x40020400u, 7u, 7u);
    stm32_open(USART, 938u); /* 108 MHz / 115,200 */
}

void fw_board_put(uint8_t byte) { stm32_put(USART, byte); }

int fw_board_get(void) { return stm32_get(USART); }
