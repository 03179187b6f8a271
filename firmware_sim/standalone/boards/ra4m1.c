/* ra4m1.c: Renesas RA4M1 of an Arduino Uno R4 Minima, started by the board's boot loader with its
 * interrupts off. The core runs at 48 MHz from the internal oscillator, whose speed the boot
 * loader's option bytes set. SCI2 on P301 (RX, pin D0) and P302 (TX, pin D1).
 * Sources: Renesas' CMSIS header of the chip, and Arduino's core and boot loader for it; RA4M1
 * hardware manual, chapters CGC, SCI and PFS, from memory. Run on an emulated core with such
 * registers, not on a chip. */
#include "ra4m1.h"

#define PROTECT RA_HALF(0x4001E3FEu)
#define DIVIDERS FW_REGISTER(0x4001E020u)
#define SOURCE RA_BYTE(0x4001E026u)
#define MEMORY_WAITS RA_BYTE(0x4001E031u)
#define OSCILLATOR_STOPPED RA_BYTE(0x4001E036u)
#define IS_STABLE RA_BYTE(0x4001E03Cu)
#define POWER_MODE RA_BYTE(0x4001E0A0u)
#define MODULES_STOPPED FW_REGISTER(0x40047000u)

#define PIN_RX FW_REGISTER(0x400408C4u)
#define PIN_TX FW_REGISTER(0x400408C8u)
#define PINS_PROTECT RA_BYTE(0x40040D03u)
#define SCI2 (4u << 24)
#define PULL_UP (1u << 4)
#define FOR_A_MODULE (1u << 16)

#define UART 0x40070040u
#define MODE RA_BYTE(UART)
#define BAUD RA_BYTE(UART + 1u)
#define CONTROL RA_BYTE(UART + 2u)
#define TO_SEND RA_BYTE(UART + 3u)
#define STATE RA_BYTE(UART + 4u)
#define RECEIVED RA_BYTE(UART + 5u)
#define ERRORS 0x38u

static void start_clock(void) {
    PROTECT = 0xA503u; /* the clock and the power mode can be set */
    OSCILLATOR_STOPPED = 0;
    while ((IS_STABLE & 1u) == 0) {
    }
    while (POWER_MODE & 1u << 4) { /* changing */
    }
    POWER_MODE = 0; /* for high speed */
    while (POWER_MODE & 1u << 4) {
    }
    MEMORY_WAITS = 1;
    DIVIDERS = 1u << 28 | 1u << 8; /* flash and slow peripherals at half of it */
    SOURCE = 0;                    /* that oscillator */
    PROTECT = 0xA500u;
    CACHE_EMPTY = 1;
    while (CACHE_EMPTY & 1u) {
    }
    CACHE_ON = 1;
}

static void start_port(void) {
    MODULES_STOPPED &= ~(1u << 29);
    PINS_PROTECT = 0;
    PINS_PROTECT = 1u << 6;
    PIN_RX = SCI2 | PULL_UP;
    PIN_TX = SCI2;
    PIN_RX = SCI2 | PULL_UP | FOR_A_MODULE;
    PIN_TX = SCI2 | FOR_A_MODULE;
    PINS_PROTECT = 0;
    PINS_PROTECT = 1u << 7;
    CONTROL = 0;
    MODE = 0;  /* asynchronous, 8 bits, no parity, one stop bit */
    BAUD = 12; /* 48 MHz / 32 / 13 = 115,385 */
    CONTROL = 3u << 4;
}

void fw_board_start(void) {
    start_clock();
    start_port();
}

void fw_board_put(uint8_t byte) {
    while ((STATE & 1u << 7) == 0) { /* no room */
    }
    TO_SEND = byte;
}

/* A byte that was harmed would stop all that follow; the line's checksum finds it out. */
int fw_board_get(void) {
    if (STATE & ERRORS) {
        STATE &= (uint8_t)~ERRORS;
    }
    return STATE & 1u << 6 ? (int)RECEIVED : -1;
}
