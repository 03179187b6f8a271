/* stm32l4r5.c: STM32L4R5, at the 4 MHz that it starts with. LPUART1 on PG7 and PG8: the
 * NUCLEO-L4R5ZI board's debug chip passes it on through USB.
 * Registers: reference manual RM0432, from memory; not tested. */
#include "stm32_usart.h"

#define USART 0x40008000u

void fw_board_start(void) {
    FW_REGISTER(0x40021058u) |= 1u << 28; /* power control */
    FW_REGISTER(0x40007004u) |= 1u << 9;  /* power for the pins of port G */
    FW_REGISTER(0x4002104Cu) |= 1u << 6;  /* GPIO port G */
    FW_REGISTER(0x4002105Cu) |= 1u;       /* LPUART1 */
    stm32_pin(0x48001800u, 7u, 8u);
    stm32_pin(0x48001800u, 8u, 8u);
    stm32_open(USART, 8889u); /* 256 * 4 MHz / 115,200 */
}

void fw_board_put(uint8_t byte) { stm32_put(USART, byte); }

int fw_board_get(void) { return stm32_get(USART); }
