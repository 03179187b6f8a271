/* virt.c: qemu's machine "virt" for RISC-V. Its serial port is a 16550, whose registers have a byte
 * each. Address: qemu's documentation of the machine; registers: data sheet of the NS16550A. */
#include "../board.h"

#define UART 0x10000000u
#define DATA (*(volatile uint8_t *)(uintptr_t)UART)
#define LINE_STATE (*(volatile uint8_t *)(uintptr_t)(UART + 5u))

void fw_board_start(void) {}

void fw_board_put(uint8_t byte) {
    while ((LINE_STATE & 1u << 5) == 0) { /* not empty yet */
    }
    DATA = byte;
}

int fw_board_get(void) { return LINE_STATE & 1u ? (int)DATA : -1; }
