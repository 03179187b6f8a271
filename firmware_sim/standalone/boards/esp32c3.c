/* esp32c3.c: Espressif ESP32-C3 (revision 3 and later). The boot ROM has started the PLL, which USB
 * needs, and has opened UART0 from the crystal: 115,200 baud on GPIO 21 (TX) and GPIO 20 (RX). The
 * chip's own USB port is a second one. A host may come through either; it is answered where it
 * asks.
 *
 * Registers: ESP32-C3 technical reference manual, chapters "Reset and Clock", "Watchdog Timers",
 * "UART" and "USB Serial/JTAG"; looked up in Espressif's headers and in published firmware; run on
 * an emulated core with such registers.
 */
#include "../board.h"

#define RTC 0x60008000u
#define RTC_WATCHDOG FW_REGISTER(RTC + 0x90u)
#define RTC_WATCHDOG_KEY FW_REGISTER(RTC + 0xA8u)
#define SUPER_WATCHDOG FW_REGISTER(RTC + 0xACu)
#define SUPER_WATCHDOG_KEY FW_REGISTER(RTC + 0xB0u)
#define FEEDS_ITSELF (1u << 31)
#define TIMERS(group) (0x6001F000u + 0x1000u * (group))
#define WATCHDOG(group) FW_REGISTER(TIMERS(group) + 0x48u)
#define WATCHDOG_KEY(group) FW_REGISTER(TIMERS(group) + 0x64u)
#define KEY 0x50D83AA1u
#define SUPER_KEY 0x8F1D312Au

#define CPU_CLOCK FW_REGISTER(0x600C0008u)
#define SYSTEM_CLOCK FW_REGISTER(0x600C0058u)

#define UART_DATA FW_REGISTER(0x60000000u)
#define UART_STATE FW_REGISTER(0x6000001Cu)
#define UART_ROOM 120u /* of 128 bytes */
#define USB_DATA FW_REGISTER(0x60043000u)
#define USB_STATE FW_REGISTER(0x60043004u)
#define USB_FLUSH 1u
#define USB_HAS_ROOM 2u
#define USB_HAS_COME 4u
/* A host that has gone does not stop the firmware: some 30 ms, then the byte is lost. */
#define USB_PATIENCE 500000u

static enum { NOBODY, ON_UART, ON_USB } host;
static uint8_t is_unsent;

/* Four watchdogs would reset the chip, one of them even where the others are off. */
static void stop_watchdogs(void) {
    RTC_WATCHDOG_KEY = KEY;
    RTC_WATCHDOG = 0;
    RTC_WATCHDOG_KEY = 0;
    SUPER_WATCHDOG_KEY = SUPER_KEY;
    SUPER_WATCHDOG |= FEEDS_ITSELF;
    SUPER_WATCHDOG_KEY = 0;
    for (uint32_t group = 0; group < 2; group++) {
        WATCHDOG_KEY(group) = KEY;
        WATCHDOG(group) = 0;
        WATCHDOG_KEY(group) = 0;
    }
}

void fw_board_start(void) {
    stop_watchdogs();
    CPU_CLOCK = (CPU_CLOCK & ~3u) | 1u << 2 | 1u; /* a third of the PLL's 480 MHz */
    SYSTEM_CLOCK = (SYSTEM_CLOCK & ~(3u << 10)) | 1u << 10;
    host = NOBODY;
    is_unsent = 0;
}

static void put_on_uart(uint8_t byte) {
    while ((UART_STATE >> 16 & 0x3FFu) > UART_ROOM) {
    }
    UART_DATA = byte;
}

static void put_on_usb(uint8_t byte, uint32_t patience) {
    while ((USB_STATE & USB_HAS_ROOM) == 0) {
        if (patience-- == 0) {
            return;
        }
    }
    USB_DATA = byte;
    is_unsent = 1;
}

void fw_board_put(uint8_t byte) {
    if (host != ON_USB) {
        put_on_uart(byte);
    }
    if (host != ON_UART) {
        put_on_usb(byte, host == ON_USB ? USB_PATIENCE : 0);
    }
}

int fw_board_get(void) {
    if (is_unsent) {
        USB_STATE = USB_FLUSH;
        is_unsent = 0;
    }
    if (USB_STATE & USB_HAS_COME) {
        host = ON_USB;
        return (int)(USB_DATA & 0xFFu);
    }
    if (UART_STATE & 0x3FFu) {
        host = ON_UART;
        return (int)(UART_DATA & 0xFFu);
    }
    return -1;
}
