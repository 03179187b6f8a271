/* stm32f746.c: STM32F746, at the 16 MHz that it starts with. USART1 on PA9 and PB7: the F746G-DISCO
 * board's debug chip passes it on through USB.
 * Registers: reference manual RM0385, from memory; not tested. */
#include "stm32_usart.h"

#define USART 0x40011000u

void fw_board_start(void) {
    FW_REGISTER(0x40023830u) |= 1u << 0 | 1u << 1; /* GPIO ports A and B */
    FW_REGISTER(0x40023844u) |= 1u << 4;           /* USART1 */
    stm32_pin(0x40020000u, 9u, 7u);
    stm32_pin(0x40020400u, 7u, 7u);
    stm32_open(USART, 139u); /* 16 MHz / 115,200 */
}

void fw_board_put(uint8_t byte) { stm32_put(USART, byte); }

int fw_board_get(void) { return stm32_get(USART); }
