/* stm32u575.c: STM32U575, at the 4 MHz that it starts with. USART1 on PA9 and PA10: the
 * NUCLEO-U575ZI board's debug chip passes it on through USB.
 * Registers: reference manual RM0456, from memory; not tested. */
#include "stm32_usart.h"

#define USART 0x40013800u

void fw_board_start(void) {
    FW_REGISTER(0x46020C8Cu) |= 1u;       /* GPIO port A */
    FW_REGISTER(0x46020CA4u) |= 1u << 14; /* USART1 */
    stm32_pin(0x42020000u, 9u, 7u);
    stm32_pin(0x42020000u, 10u, 7u);
    stm32_open(USART, 35u); /* 4 MHz / 115,200 */
}

void fw_board_put(uint8_t byte) { stm32_put(USART, byte); }

int fw_board_get(void) { return stm32_get(USART); }
