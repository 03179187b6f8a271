/* nrf52840.c: Nordic nRF52840. The core runs at 64 MHz from the start; the crystal makes the serial
 * port exact. The pins are as on the nRF52840 DK, whose debug chip passes them on through USB.
 * Registers: nRF52840 product specification, chapters CLOCK, NVMC and UART. */
#include "../board.h"

#define HFCLKSTART FW_REGISTER(0x40000000u)
#define HFCLKSTARTED FW_REGISTER(0x40000100u)
#define ICACHECNF FW_REGISTER(0x4001E540u)

#define UART 0x40002000u
#define STARTRX FW_REGISTER(UART)
#define STARTTX FW_REGISTER(UART + 0x008u)
#define RXDRDY FW_REGISTER(UART + 0x108u)
#define TXDRDY FW_REGISTER(UART + 0x11Cu)
#define ENABLE FW_REGISTER(UART + 0x500u)
#define PSELTXD FW_REGISTER(UART + 0x50Cu)
#define PSELRXD FW_REGISTER(UART + 0x514u)
#define RXD FW_REGISTER(UART + 0x518u)
#define TXD FW_REGISTER(UART + 0x51Cu)
#define BAUDRATE FW_REGISTER(UART + 0x524u)

#define TX_PIN 6u /* P0.06 */
#define RX_PIN 8u /* P0.08 */

void fw_board_start(void) {
    HFCLKSTART = 1u;
    while (HFCLKSTARTED == 0) {
    }
    ICACHECNF = 1u;
    PSELTXD = TX_PIN;
    PSELRXD = RX_PIN;
    BAUDRATE = 0x01D7E000u; /* 115,200 */
    ENABLE = 4u;
    STARTTX = 1u;
    STARTRX = 1u;
}

void fw_board_put(uint8_t byte) {
    TXDRDY = 0;
    TXD = byte;
    while (TXDRDY == 0) {
    }
}

int fw_board_get(void) {
    if (RXDRDY == 0) {
        return -1;
    }
    RXDRDY = 0;
    return (int)(RXD & 0xFFu);
}
