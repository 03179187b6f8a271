/* flash_slots.h: what the files of metabit_flash.h share: where things lie in a slot.
 *
 * A slot holds entries, one after the other, each a seal and what it seals. The first is a record
 * that was written whole. A later one is another whole record, what has changed since the newest
 * whole one of the slot, or a part of the log of the newest record. Pages are erased as they are
 * reached. Where a write was cut, the next entry begins with the next page. */
#ifndef MB_FLASH_SLOTS_H
#define MB_FLASH_SLOTS_H

#include "metabit_flash.h"

#include "../bytes.h"

#define WHOLE_MAGIC 0x3166626du  /* "mbf1" */
#define CHANGE_MAGIC 0x3163626du /* "mbc1" */
#define LOG_MAGIC 0x316c626du    /* "mbl1" */
#define ERASED 0xFFu

static inline size_t slot_bytes(const mb_flash *flash) { return flash->bytes / flash->n_slots; }

static inline size_t slot_end(const mb_flash *flash, uint32_t slot) {
    return (slot + 1u) * slot_bytes(flash);
}

static inline size_t seal_bytes(const mb_flash *flash) {
    return MB_FLASH_SEAL_BYTES(flash->write_bytes);
}

/* Bytes, filled up to whole writes. */
static inline size_t in_whole_writes(const mb_flash *flash, size_t bytes) {
    return (bytes + flash->write_bytes - 1u) / flash->write_bytes * flash->write_bytes;
}

/* An entry with its seal. */
static inline size_t entry_bytes(const mb_flash *flash, size_t bytes) {
    return seal_bytes(flash) + in_whole_writes(flash, bytes);
}

/* The first page that begins at `at` or after it. */
static inline size_t page_from(const mb_flash *flash, size_t at) {
    return (at + flash->page_bytes - 1u) / flash->page_bytes * flash->page_bytes;
}

#endif /* MB_FLASH_SLOTS_H */
