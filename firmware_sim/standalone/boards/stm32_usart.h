/* stm32_usart.h: the serial port of newer STM32 chips (F0, F3, F7, G, H, L and U). Registers:
 * reference manuals RM0385 (F7), RM0432 (L4+), RM0433 (H7), RM0456 (U5), from memory. */
#ifndef FW_STM32_USART_H
#define FW_STM32_USART_H

#include "../board.h"

/* Give a pin to one of its functions.
 *   port      address of the GPIO port
 *   pin       0 to 15
 *   function  0 to 15 */
static inline void stm32_pin(uint32_t port, uint32_t pin, uint32_t function) {
    uint32_t two = pin * 2u, four = pin % 8u * 4u, table = port + (pin < 8u ? 0x20u : 0x24u);
    FW_REGISTER(table) = (FW_REGISTER(table) & ~(15u << four)) | function << four;
    FW_REGISTER(port) = (FW_REGISTER(port) & ~(3u << two)) | 2u << two;
}

/* Open the port, to send and to receive. */
static inline void stm32_open(uint32_t usart, uint32_t divider) {
    FW_REGISTER(usart + 0x0Cu) = divider;
    FW_REGISTER(usart) = 1u << 3 | 1u << 2 | 1u;
}

static inline void stm32_put(uint32_t usart, uint8_t byte) {
    while ((FW_REGISTER(usart + 0x1Cu) & 1u << 7) == 0) { /* not empty yet */
    }
    FW_REGISTER(usart + 0x28u) = byte;
}

static inline int stm32_get(uint32_t usart) {
    FW_REGISTER(usart + 0x20u) = 1u << 3; /* forget that a byte was lost: others follow */
    return FW_REGISTER(usart + 0x1Cu) & 1u << 5 ? (int)(FW_REGISTER(usart + 0x24u) & 0xFFu) : -1;
}

#endif /* FW_STM32_USART_H */
