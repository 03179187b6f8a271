/* board.h: what a board file gives to the firmware: a clock, and a serial port. */
#ifndef FW_BOARD_H
#define FW_BOARD_H

#include <stdint.h>

/* A register of 32 bits. */
#define FW_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* Set the clock, and open the serial port: 115,200 baud, 8 bits, no parity, one stop bit. */
void fw_board_start(void);

/* Send a byte; waits until there is room. */
void fw_board_put(uint8_t byte);

/* The byte that has come; -1 when there is none. */
int fw_board_get(void);

#endif /* FW_BOARD_H */
