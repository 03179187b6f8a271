/* nrf_flash.c: the flash of Nordic's nRF51 and nRF52 chips. The core waits while it is erased or
 * written. Registers: nRF52840 product specification, chapter NVMC, and nRF51 series reference
 * manual, which has the same; runs on qemu's nRF51. */
#include "../board.h"
#include "../flash.h"

#define READY FW_REGISTER(0x4001E400u)
#define CONFIG FW_REGISTER(0x4001E504u)
#define ERASEPAGE FW_REGISTER(0x4001E508u)
#define READ_ONLY 0u
#define WRITE 1u
#define ERASE 2u

const uint32_t fw_flash_write_bytes = 4;

static void set(uint32_t config) {
    CONFIG = config;
    while ((READY & 1u) == 0) {
    }
}

int fw_flash_erase(uint32_t address) {
    set(ERASE);
    ERASEPAGE = address;
    set(READ_ONLY);
    return 0;
}

int fw_flash_write(uint32_t address, const void *data, size_t bytes) {
    const uint8_t *from = data;
    set(WRITE);
    for (size_t i = 0; i < bytes; i += 4) {
        fw_store(address + (uint32_t)i, fw_word(from + i));
        while ((READY & 1u) == 0) {
        }
    }
    set(READ_ONLY);
    return 0;
}
