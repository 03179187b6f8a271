/* stm32h743.c: STM32H743, at 400 MHz from the internal oscillator: 64 MHz / 8 * 100 / 2, buses at
 * half of it, two wait states. 480 MHz wants a newer chip (revision V) and another supply. USART3
 * on PD8 and PD9: the NUCLEO-H743ZI board's debug chip passes it on through USB.
 * Registers: reference manual RM0433, from memory; run on an emulated core with such registers. */
#include "stm32_clock.h"
#include "stm32_usart.h"

#define USART 0x40004800u
#define RCC 0x58024400u
#define RCC_CR RCC
#define RCC_CFGR (RCC + 0x10u)
#define RCC_D1CFGR (RCC + 0x18u)
#define RCC_D2CFGR (RCC + 0x1Cu)
#define RCC_D3CFGR (RCC + 0x20u)
#define RCC_PLLCKSELR (RCC + 0x28u)
#define RCC_PLLCFGR (RCC + 0x2Cu)
#define RCC_PLL1DIVR (RCC + 0x30u)
#define PWR_CSR1 0x58024804u
#define PWR_CR3 0x5802480Cu
#define PWR_D3CR 0x58024818u
#define FLASH_ACR 0x52002000u

static void start_clock(void) {
    stm32_change(PWR_CR3, 7u, 2u); /* the linear regulator; voltage waits until this is written */
    stm32_await(PWR_CSR1, 1u << 13, 1u << 13);
    stm32_change(PWR_D3CR, 3u << 14, 3u << 14); /* the highest voltage without over-drive */
    stm32_await(PWR_D3CR, 1u << 13, 1u << 13);
    stm32_change(RCC_PLLCKSELR, 63u << 4 | 3u, 8u << 4);
    stm32_change(RCC_PLLCFGR, 7u << 16 | 15u, 1u << 16 | 3u << 2); /* input of 8 to 16 MHz */
    FW_REGISTER(RCC_PLL1DIVR) = 1u << 24 | 1u << 16 | (2u - 1u) << 9 | (100u - 1u);
    stm32_change(RCC_CR, 1u << 24, 1u << 24);
    stm32_await(RCC_CR, 1u << 25, 1u << 25);
    stm32_set(FLASH_ACR, 3u << 4 | 15u, 2u << 4 | 2u);
    stm32_change(RCC_D1CFGR, 15u << 8 | 7u << 4 | 15u, 4u << 4 | 8u); /* AHB: half; APB3: half */
    stm32_change(RCC_D2CFGR, 7u << 8 | 7u << 4, 4u << 8 | 4u << 4);   /* APB2, APB1 */
    stm32_change(RCC_D3CFGR, 7u << 4, 4u << 4);                       /* APB4 */
    stm32_change(RCC_CFGR, 7u, 3u);
    stm32_await(RCC_CFGR, 7u << 3, 3u << 3);
}

void fw_board_start(void) {
    start_clock();
    cortex_m7_use_caches();
    FW_REGISTER(0x580244E0u) |= 1u << 3;  /* GPIO port D */
    FW_REGISTER(0x580244E8u) |= 1u << 18; /* USART3 */
    stm32_pin(0x58020C00u, 8u, 7u);
    stm32_pin(0x58020C00u, 9u, 7u);
    stm32_open(USART, 868u); /* 100 MHz / 115,200 */
}

void fw_board_put(uint8_t byte) { stm32_put(USART, byte); }

int fw_board_get(void) { return stm32_get(USART); }
