/* stm32_flash.h: how flash is opened and closed on STM32F4, F7, L4+ and U5 chips. A file that
 * includes it first says where the registers KEYR, SR and CR are, and which bits are BUSY and
 * ERRORS; and has a function forget(), after which no cache holds what was there before. */
#ifndef FW_STM32_FLASH_H
#define FW_STM32_FLASH_H

#define PROGRAM 1u
#define START (1u << 16)
#define LOCK (1u << 31)
#define FLASH 0x08000000u

extern const uint32_t fw_keep_page_bytes;

static void begin(uint32_t control) {
    if (CR & LOCK) {
        KEYR = 0x45670123u;
        KEYR = 0xCDEF89ABu;
    }
    SR = ERRORS; /* forget errors before */
    CR = control;
}

static int end(uint32_t address, size_t bytes) {
    while (SR & BUSY) {
    }
    CR = LOCK;
    forget(address, bytes);
    return (SR & ERRORS) != 0;
}

#endif /* FW_STM32_FLASH_H */
