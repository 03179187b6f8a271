/* stm32f405.c: STM32F405, at the 16 MHz that it starts with. USART1 on PA9 and PA10. Registers:
 * reference manual RM0090; runs on qemu, which does not look at clocks and pins. */
#include "../board.h"

#define USART 0x40011000u
#define STATUS FW_REGISTER(USART)
#define DATA FW_REGISTER(USART + 0x04u)
#define DIVIDER FW_REGISTER(USART + 0x08u)
#define CONTROL FW_REGISTER(USART + 0x0Cu)

void fw_board_start(void) {
    FW_REGISTER(0x40023830u) |= 1u;      /* GPIO port A */
    FW_REGISTER(0x40023844u) |= 1u << 4; /* USART1 */
    FW_REGISTER(0x40020024u) = 7u << 4 | 7u << 8;
    FW_REGISTER(0x40020000u) |= 2u << 18 | 2u << 20;
    DIVIDER = 139u; /* 16 MHz / 115,200 */
    CONTROL = 1u << 13 | 1u << 3 | 1u << 2;
}

void fw_board_put(uint8_t byte) {
    while ((STATUS & 1u << 7) == 0) { /* not empty yet */
    }
    DATA = byte;
}

int fw_board_get(void) { return STATUS & 1u << 5 ? (int)(DATA & 0xFFu) : -1; }
