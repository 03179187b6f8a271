/* stm32h743.c: STM32H743, at the 64 MHz that it starts with. USART3 on PD8 and PD9: the
 * NUCLEO-H743ZI board's debug chip passes it on through USB.
 * Registers: reference manual RM0433, from memory; not tested. */
#include "stm32_usart.h"

#define USART 0x40004800u

void fw_board_start(void) {
    FW_REGISTER(0x580244E0u) |= 1u << 3;  /* GPIO port D */
    FW_REGISTER(0x580244E8u) |= 1u << 18; /* USART3 */
    stm32_pin(0x58020C00u, 8u, 7u);
    stm32_pin(0x58020C00u, 9u, 7u);
    stm32_open(USART, 556u); /* 64 MHz / 115,200 */
}

void fw_board_put(uint8_t byte) { stm32_put(USART, byte); }

int fw_board_get(void) { return stm32_get(USART); }
