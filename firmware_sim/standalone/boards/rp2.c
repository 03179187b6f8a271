/* rp2.c: RP2040 and RP2350, whose clocks, pins and serial port differ in their addresses. The core
 * gets its clock from the crystal of 12 MHz through the PLL. TX is GPIO 0 (pin 1 of a Pico), RX is
 * GPIO 1 (pin 2). Registers: RP2040 and RP2350 data sheets, chapters Clocks, GPIO and UART. */
#include "../board.h"

#if defined(__ARM_ARCH_6M__)
#define RESETS 0x4000C000u
#define CLOCKS 0x40008000u
#define XOSC 0x40024000u
#define PLL 0x40028000u
#define IO 0x40014000u
#define PADS 0x4001C000u
#define UART 0x40034000u
#define PARTS (1u << 5 | 1u << 8 | 1u << 12 | 1u << 22) /* IO, pads, PLL, UART0 */
/* 12 MHz * 133 / 6 / 2 = 133 MHz */
#define MULTIPLY 133u
#define DIVIDE (6u << 16 | 2u << 12)
/* 133 MHz / 16 / 115,200 = 72 + 10 / 64 */
#define BAUD 72u
#define BAUD_64THS 10u
#else
#define RESETS 0x40020000u
#define CLOCKS 0x40010000u
#define XOSC 0x40048000u
#define PLL 0x40050000u
#define IO 0x40028000u
#define PADS 0x40038000u
#define UART 0x40070000u
#define PARTS (1u << 6 | 1u << 9 | 1u << 14 | 1u << 26)
/* 12 MHz * 125 / 5 / 2 = 150 MHz */
#define MULTIPLY 125u
#define DIVIDE (5u << 16 | 2u << 12)
/* 150 MHz / 16 / 115,200 = 81 + 24 / 64 */
#define BAUD 81u
#define BAUD_64THS 24u
#endif

/* Writing here clears the bits that are 1. */
#define CLEAR 0x3000u

static void release(uint32_t parts) {
    FW_REGISTER(RESETS + CLEAR) = parts;
    while ((FW_REGISTER(RESETS + 0x08u) & parts) != parts) {
    }
}

static void start_clock(void) {
    FW_REGISTER(CLOCKS + 0x3Cu + CLEAR) = 1u; /* the core runs from the reference meanwhile */
    while ((FW_REGISTER(CLOCKS + 0x44u) & 1u) == 0) {
    }
    FW_REGISTER(XOSC + 0x0Cu) = 47u; /* wait for 47 * 256 cycles: a millisecond */
    FW_REGISTER(XOSC) = 0xFABAA0u;
    while ((FW_REGISTER(XOSC + 0x04u) & 1u << 31) == 0) {
    }
    FW_REGISTER(CLOCKS + 0x30u) = 2u; /* the reference is the crystal */
    while ((FW_REGISTER(CLOCKS + 0x38u) & 4u) == 0) {
    }
    FW_REGISTER(PLL) = 1u;
    FW_REGISTER(PLL + 0x08u) = MULTIPLY;
    FW_REGISTER(PLL + 0x04u + CLEAR) = 1u << 0 | 1u << 5; /* power for the oscillator */
    while ((FW_REGISTER(PLL) & 1u << 31) == 0) {
    }
    FW_REGISTER(PLL + 0x0Cu) = DIVIDE;
    FW_REGISTER(PLL + 0x04u + CLEAR) = 1u << 3; /* and for the dividers */
    FW_REGISTER(CLOCKS + 0x3Cu) = 1u;           /* the core runs from the PLL */
    while ((FW_REGISTER(CLOCKS + 0x44u) & 2u) == 0) {
    }
    FW_REGISTER(CLOCKS + 0x48u) = 1u << 11; /* so do the peripherals */
}

void fw_board_start(void) {
    release(PARTS);
    start_clock();
    FW_REGISTER(PADS + 0x04u) = 0x52u; /* GPIO 0 */
    FW_REGISTER(PADS + 0x08u) = 0x5Au; /* GPIO 1, pulled up */
    FW_REGISTER(IO + 0x04u) = 2u;      /* both are UART0's */
    FW_REGISTER(IO + 0x0Cu) = 2u;
    FW_REGISTER(UART + 0x24u) = BAUD;
    FW_REGISTER(UART + 0x28u) = BAUD_64THS;
    FW_REGISTER(UART + 0x2Cu) = 3u << 5 | 1u << 4; /* 8 bits, queues */
    FW_REGISTER(UART + 0x30u) = 1u << 9 | 1u << 8 | 1u;
}

void fw_board_put(uint8_t byte) {
    while (FW_REGISTER(UART + 0x18u) & 1u << 5) {
    }
    FW_REGISTER(UART) = byte;
}

int fw_board_get(void) {
    return FW_REGISTER(UART + 0x18u) & 1u << 4 ? -1 : (int)(FW_REGISTER(UART) & 0xFFu);
}
