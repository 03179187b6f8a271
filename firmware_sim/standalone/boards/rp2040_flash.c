/* rp2040_flash.c: the RP2040's QSPI flash, erased and written by the functions of its boot ROM.
 * Code cannot be read from it meanwhile, so what calls them lies in RAM. Afterwards flash answers
 * quick reads again, as rp2040_boot2.S has set them up.
 * Sources: RP2040 data sheet, "Bootrom contents" and "SSI"; run on an emulated core with such a
 * ROM, not on a chip. */
#include "../board.h"
#include "../flash.h"

#define IN_RAM __attribute__((noinline, section(".data.fw_in_ram")))

#define FLASH 0x10000000u
#define PAGE_BYTES 4096u
#define ERASE_COMMAND 0x20u /* of a page */

#define SSI 0x18000000u
#define CTRLR0 FW_REGISTER(SSI)
#define CTRLR1 FW_REGISTER(SSI + 0x04u)
#define SSIENR FW_REGISTER(SSI + 0x08u)
#define BAUDR FW_REGISTER(SSI + 0x14u)
#define STATE FW_REGISTER(SSI + 0x28u)
#define DATA FW_REGISTER(SSI + 0x60u)
#define RX_SAMPLE_DLY FW_REGISTER(SSI + 0xF0u)
#define SPI_CTRLR0 FW_REGISTER(SSI + 0xF4u)

const uint32_t fw_flash_write_bytes = 256;

typedef void *(*lookup_function)(const uint16_t *table, uint32_t code);
typedef void (*plain_function)(void);
typedef void (*erase_function)(uint32_t at, size_t bytes, uint32_t block, uint8_t command);
typedef void (*write_function)(uint32_t at, const uint8_t *data, size_t bytes);

/* A function of the boot ROM, by its two letters. */
static void *in_rom(char first, char second) {
    const volatile uint16_t *pointers = (const volatile uint16_t *)(uintptr_t)0x14u;
    lookup_function look_up = (lookup_function)(uintptr_t)pointers[2];
    const uint16_t *table = (const uint16_t *)(uintptr_t)pointers[0];
    return look_up(table, (uint32_t)(uint8_t)first | (uint32_t)(uint8_t)second << 8);
}

/* What is done while the flash is not read from: an erasure, or writing where there is data. */
typedef struct work {
    plain_function connect, leave, empty_cache;
    erase_function erase;
    write_function write;
    const uint8_t *data;
    uint32_t at;
    size_t bytes;
} work;

IN_RAM static void read_quickly(uint32_t baud, uint32_t delay) {
    SSIENR = 0;
    BAUDR = baud;
    RX_SAMPLE_DLY = delay;
    CTRLR0 = 2u << 21 | 31u << 16 | 3u << 8;
    CTRLR1 = 0;
    SPI_CTRLR0 = 4u << 11 | 2u << 8 | 8u << 2 | 1u;
    SSIENR = 1;
    DATA = 0xEBu; /* one read with the command; the next come without it */
    DATA = 0xA0u;
    while ((STATE & 4u) == 0 || (STATE & 1u) != 0) { /* not all sent, or busy */
    }
    SSIENR = 0;
    SPI_CTRLR0 = 0xA0u << 24 | 4u << 11 | 8u << 2 | 2u;
    SSIENR = 1;
}

IN_RAM static void do_work(const work *w) {
    uint32_t baud = BAUDR, delay = RX_SAMPLE_DLY;
    w->connect();
    w->leave();
    if (w->data == NULL) {
        w->erase(w->at, PAGE_BYTES, PAGE_BYTES, ERASE_COMMAND);
    } else {
        w->write(w->at, w->data, w->bytes);
    }
    w->empty_cache();
    read_quickly(baud, delay);
}

static int work_at(uint32_t address, const void *data, size_t bytes) {
    work w;
    w.connect = (plain_function)in_rom('I', 'F');
    w.leave = (plain_function)in_rom('E', 'X');
    w.empty_cache = (plain_function)in_rom('F', 'C');
    w.erase = (erase_function)in_rom('R', 'E');
    w.write = (write_function)in_rom('R', 'P');
    w.data = data;
    w.at = address - FLASH;
    w.bytes = bytes;
    do_work(&w);
    return 0;
}

int fw_flash_erase(uint32_t address) { return work_at(address, NULL, PAGE_BYTES); }

int fw_flash_write(uint32_t address, const void *data, size_t bytes) {
    return work_at(address, data, bytes);
}
