/* ra4m1_flash.c: the code flash of a Renesas RA4M1, in pages of 2 KiB. Nothing can be read from it
 * while it is erased or written, so this lies in RAM, and what is written is taken there first.
 * Sources: r_flash_lp of Renesas' Flexible Software Package, since the hardware manual does not
 * describe these registers; run on an emulated core with such registers, not on a chip. */
#include "../flash.h"
#include "ra4m1.h"

#define IN_RAM __attribute__((noinline, section(".data.fw_in_ram")))
#define IN_PLACE static inline __attribute__((always_inline))

#define FLASH 0x407EC000u
#define MODE RA_BYTE(FLASH + 0x100u)
#define AREA RA_BYTE(FLASH + 0x104u)
#define START_LOW RA_HALF(FLASH + 0x108u)
#define START_HIGH RA_HALF(FLASH + 0x110u)
#define COMMAND RA_BYTE(FLASH + 0x114u)
#define END_LOW RA_HALF(FLASH + 0x118u)
#define END_HIGH RA_HALF(FLASH + 0x120u)
#define RESET RA_BYTE(FLASH + 0x124u)
#define STATE RA_BYTE(FLASH + 0x12Cu)
#define DATA_0 RA_HALF(FLASH + 0x130u)
#define DATA_1 RA_HALF(FLASH + 0x138u)
#define DATA_2 RA_HALF(FLASH + 0x140u)
#define DATA_3 RA_HALF(FLASH + 0x144u)
#define UNLOCK RA_BYTE(FLASH + 0x180u)
#define SPEED RA_BYTE(FLASH + 0x1D8u)
#define ERRORS RA_HALF(FLASH + 0x1F0u)
#define ENTRY RA_HALF(0x407EFFB2u)

#define DISCHARGE_FIRST 0x12u
#define DISCHARGE_THEN 0x92u
#define CHANGES 0x82u
#define READS 0x08u
#define WRITE 0x81u
#define ERASE 0x84u
#define IS_DONE (1u << 6)

#define PAGE_BYTES 2048u
#define UNIT_BYTES 8u
#define MOST_UNITS 32u

const uint32_t fw_flash_write_bytes = UNIT_BYTES;

/* What is done while the flash is not read from: an erasure, or writing where there are units. */
typedef struct work {
    uint32_t at, n_units;
    uint16_t data[MOST_UNITS * UNIT_BYTES / 2];
} work;

/* At least so many cycles, each of a step of the loop. */
IN_PLACE void wait_us(uint32_t us) {
    for (uint32_t i = 0; i < us * 48u; i++) {
        __asm__ volatile("nop");
    }
}

/* This register wants a value, its complement, and the value again. */
IN_PLACE void set_mode(uint8_t mode) {
    UNLOCK = 0xA5u;
    MODE = mode;
    MODE = (uint8_t)~mode;
    MODE = mode;
}

IN_PLACE void be_writable(void) {
    CACHE_ON = 0;
    ENTRY = 0xAA01u;
    set_mode(DISCHARGE_FIRST);
    wait_us(3u);
    set_mode(DISCHARGE_THEN);
    set_mode(CHANGES);
    wait_us(6u);
    SPEED = FLASH_MHZ - 1u;
    AREA = 0;
}

IN_PLACE void be_readable(void) {
    set_mode(DISCHARGE_THEN);
    wait_us(3u);
    set_mode(DISCHARGE_FIRST);
    set_mode(READS);
    wait_us(6u);
    ENTRY = 0xAA00u;
    while (ENTRY != 0) {
    }
    CACHE_EMPTY = 1;
    while (CACHE_EMPTY & 1u) {
    }
    CACHE_ON = 1;
}

/* Returns the error bits. */
IN_PLACE uint32_t command(uint8_t what, uint32_t at) {
    START_HIGH = (uint16_t)(at >> 16);
    START_LOW = (uint16_t)at;
    COMMAND = what;
    while ((STATE & IS_DONE) == 0) {
    }
    COMMAND = 0;
    while (STATE & IS_DONE) {
    }
    return ERRORS & 0x13u;
}

IN_RAM static int do_work(const work *w) {
    uint32_t errors = 0;
    be_writable();
    if (w->n_units == 0) {
        END_HIGH = (uint16_t)((w->at + PAGE_BYTES - 1u) >> 16);
        END_LOW = (uint16_t)(w->at + PAGE_BYTES - 1u);
        errors = command(ERASE, w->at);
    }
    for (uint32_t i = 0; i < w->n_units && errors == 0; i++) {
        DATA_0 = w->data[4u * i];
        DATA_1 = w->data[4u * i + 1u];
        DATA_2 = w->data[4u * i + 2u];
        DATA_3 = w->data[4u * i + 3u];
        errors = command(WRITE, w->at + UNIT_BYTES * i);
    }
    if (errors != 0) {
        RESET = 1;
        RESET = 0;
    }
    be_readable();
    return (int)errors;
}

int fw_flash_erase(uint32_t address) {
    work w;
    w.at = address;
    w.n_units = 0;
    return do_work(&w);
}

int fw_flash_write(uint32_t address, const void *data, size_t bytes) {
    const uint8_t *from = data;
    work w;
    int failed = 0;
    for (size_t done = 0; done < bytes && !failed; done += UNIT_BYTES * w.n_units) {
        size_t left = (bytes - done) / UNIT_BYTES;
        w.at = address + (uint32_t)done;
        w.n_units = left < MOST_UNITS ? (uint32_t)left : MOST_UNITS;
        for (uint32_t i = 0; i < w.n_units * UNIT_BYTES / 2u; i++) {
            const uint8_t *two = from + done + 2u * i;
            w.data[i] = (uint16_t)(two[0] | two[1] << 8);
        }
        failed = do_work(&w);
    }
    return failed;
}
