/* stm32h7_flash.c: the flash of STM32H742, H743 and H753 chips, in two banks with registers of
 * their own.
 * Registers: reference manual RM0433, "Embedded Flash memory", from memory; run on an emulated core
 * with such registers. */
#include "../board.h"
#include "../flash.h"
#include "cortex_m7_cache.h"

#define FLASH 0x08000000u
#define BANK_BYTES 0x100000u
#define REGISTERS 0x52002000u
#define OF_SECOND_BANK 0x100u
#define KEYR(bank) FW_REGISTER(REGISTERS + (bank) + 0x04u)
#define CR(bank) FW_REGISTER(REGISTERS + (bank) + 0x0Cu)
#define SR(bank) FW_REGISTER(REGISTERS + (bank) + 0x10u)
#define CCR(bank) FW_REGISTER(REGISTERS + (bank) + 0x14u)
#define BUSY 7u /* at work, waiting for words, or queued */
#define ERRORS 0x006E0000u
#define LOCK 1u
#define PROGRAM 2u
#define ERASE_SECTOR 4u
#define WORDS (2u << 4) /* 32 bits in parallel */
#define START (1u << 7)
#define UNIT 32u

extern const uint32_t fw_keep_page_bytes;

const uint32_t fw_flash_write_bytes = UNIT;

static uint32_t bank_of(uint32_t address) {
    return address - FLASH < BANK_BYTES ? 0 : OF_SECOND_BANK;
}

static void begin(uint32_t bank, uint32_t control) {
    if (CR(bank) & LOCK) {
        KEYR(bank) = 0x45670123u;
        KEYR(bank) = 0xCDEF89ABu;
    }
    CCR(bank) = ERRORS; /* forget errors before */
    CR(bank) = control;
}

static int end(uint32_t bank, uint32_t address, size_t bytes) {
    while (SR(bank) & BUSY) {
    }
    CR(bank) = LOCK;
    cortex_m7_forget(address, bytes);
    return (SR(bank) & ERRORS) != 0;
}

int fw_flash_erase(uint32_t address) {
    uint32_t bank = bank_of(address);
    uint32_t sector = (address - FLASH) % BANK_BYTES / fw_keep_page_bytes;
    begin(bank, ERASE_SECTOR | WORDS | sector << 8);
    CR(bank) |= START;
    return end(bank, address, fw_keep_page_bytes);
}

int fw_flash_write(uint32_t address, const void *data, size_t bytes) {
    const uint8_t *from = data;
    uint32_t bank = bank_of(address);
    begin(bank, PROGRAM | WORDS);
    for (size_t i = 0; i < bytes; i += UNIT) {
        for (size_t word = 0; word < UNIT; word += 4) {
            fw_store(address + (uint32_t)(i + word), fw_word(from + i + word));
        }
        while (SR(bank) & BUSY) {
        }
    }
    return end(bank, address, bytes);
}
