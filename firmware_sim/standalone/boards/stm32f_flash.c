/* stm32f_flash.c: the flash of STM32F4 and STM32F7 chips. The core waits while it is erased or
 * written. Sectors from the fifth on are alike; those before are smaller and hold the program.
 * Registers: reference manuals RM0090 (F4) and RM0385 (F7), "Embedded Flash memory interface", from
 * memory; run on an emulated core with such registers. */
#include "../board.h"
#include "../flash.h"
#include "cortex_m7_cache.h"

#define KEYR FW_REGISTER(0x40023C04u)
#define SR FW_REGISTER(0x40023C0Cu)
#define CR FW_REGISTER(0x40023C10u)
#define BUSY (1u << 16)
#define ERRORS 0x1F2u
#define ERASE_SECTOR 2u
#define WORDS (2u << 8) /* 32 bits at once: 2.7 V and more */

static void forget(uint32_t address, size_t bytes) { cortex_m7_forget(address, bytes); }

#include "stm32_flash.h" /* needs the names above */

const uint32_t fw_flash_write_bytes = 4;

int fw_flash_erase(uint32_t address) {
    uint32_t sector = 4u + (address - FLASH) / fw_keep_page_bytes;
    begin(ERASE_SECTOR | WORDS | sector << 3);
    CR |= START;
    return end(address, fw_keep_page_bytes);
}

int fw_flash_write(uint32_t address, const void *data, size_t bytes) {
    const uint8_t *from = data;
    begin(PROGRAM | WORDS);
    for (size_t i = 0; i < bytes; i += 4) {
        fw_store(address + (uint32_t)i, fw_word(from + i));
        while (SR & BUSY) {
        }
    }
    return end(address, bytes);
}
