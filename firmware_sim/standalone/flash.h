/* flash.h: what a family's file gives to a firmware that keeps something: flash that is written. */
#ifndef FW_FLASH_H
#define FW_FLASH_H

#include <stddef.h>
#include <stdint.h>

/* What is written at once, and once after an erasure: at most 256 bytes. */
extern const uint32_t fw_flash_write_bytes;

/* Erase the page that begins at an address. Returns 0, or anything else for an error. */
int fw_flash_erase(uint32_t address);

/* Write bytes, a multiple of fw_flash_write_bytes, at an address that is one too; `data` may lie
 * anywhere. Returns 0, or anything else for an error. */
int fw_flash_write(uint32_t address, const void *data, size_t bytes);

/* Four bytes that may lie anywhere, as the word that flash takes. */
static inline uint32_t fw_word(const uint8_t *from) {
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

/* Write a word of flash. A core with a store buffer could otherwise join it with the next one, or
 * ask whether the flash is busy before the word has arrived. */
static inline void fw_store(uint32_t address, uint32_t word) {
    *(volatile uint32_t *)(uintptr_t)address = word;
#if defined(__arm__)
    __asm__ volatile("dsb" ::: "memory");
#endif
}

#endif /* FW_FLASH_H */
