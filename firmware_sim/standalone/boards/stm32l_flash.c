/* stm32l_flash.c: the flash of STM32L4+ and STM32U5 chips of 2 MiB, in two banks. The core waits
 * while its bank is erased or written.
 * Registers: reference manuals RM0432 (L4+) and RM0456 (U5), "Embedded Flash memory", from memory;
 * run on an emulated core with such registers. */
#include "../board.h"
#include "../flash.h"

#define REGISTERS 0x40022000u
#define KEYR FW_REGISTER(REGISTERS + 0x08u)
#if defined(__ARM_ARCH_8M_MAIN__) /* U5: pages of 8 KiB, four words at once */
#define SR FW_REGISTER(REGISTERS + 0x20u)
#define CR FW_REGISTER(REGISTERS + 0x28u)
#define UNIT 16u
#else /* L4+: pages of 4 KiB, two words at once */
#define SR FW_REGISTER(REGISTERS + 0x10u)
#define CR FW_REGISTER(REGISTERS + 0x14u)
#define UNIT 8u
#endif
#define BUSY (3u << 16) /* also a write that waits for more words, on U5 */
#define ERRORS 0xFAu
#define ERASE_PAGE 2u
#define SECOND_BANK (1u << 11)

#define BANK_BYTES 0x100000u

#if defined(__ARM_ARCH_8M_MAIN__)
/* The instruction cache keeps data of flash as well. */
static void avoid(void) {}

static void forget(uint32_t address, size_t bytes) {
    (void)address;
    (void)bytes;
    if (FW_REGISTER(0x40030400u) & 1u) {
        FW_REGISTER(0x40030400u) |= 1u << 1;
        while (FW_REGISTER(0x40030404u) & 1u) {
        }
    }
}
#else
/* The data cache of the flash interface, which is on after a reset, is off meanwhile. */
#define ACR FW_REGISTER(REGISTERS)
#define DATA_CACHE (1u << 10)
#define EMPTY_DATA_CACHE (1u << 12)

static void avoid(void) { ACR &= ~DATA_CACHE; }

static void forget(uint32_t address, size_t bytes) {
    (void)address;
    (void)bytes;
    ACR |= EMPTY_DATA_CACHE;
    ACR &= ~EMPTY_DATA_CACHE;
    ACR |= DATA_CACHE;
}
#endif

#include "stm32_flash.h" /* needs the names above */

const uint32_t fw_flash_write_bytes = UNIT;

int fw_flash_erase(uint32_t address) {
    uint32_t offset = address - FLASH, page = offset % BANK_BYTES / fw_keep_page_bytes;
    avoid();
    begin(ERASE_PAGE | page << 3 | (offset < BANK_BYTES ? 0 : SECOND_BANK));
    CR |= START;
    return end(address, fw_keep_page_bytes);
}

int fw_flash_write(uint32_t address, const void *data, size_t bytes) {
    const uint8_t *from = data;
    avoid();
    begin(PROGRAM);
    for (size_t i = 0; i < bytes; i += UNIT) {
        for (size_t word = 0; word < UNIT; word += 4) {
            fw_store(address + (uint32_t)(i + word), fw_word(from + i + word));
        }
        while (SR & BUSY) {
        }
    }
    return end(address, bytes);
}
