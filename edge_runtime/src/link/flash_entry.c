/* flash_entry.c: see flash_entry.h. */
#include "flash_entry.h"

#include "../file/envelope.h"
#include "flash_slots.h"

int mb_flash_crc(mb_flash *flash, size_t at, size_t bytes, uint32_t *crc) {
    *crc = 0;
    while (bytes > 0) {
        size_t n = bytes < sizeof flash->unit ? bytes : sizeof flash->unit;
        if (flash->read(flash->context, at, flash->unit, n) != 0) {
            return MB_ERR_STORAGE;
        }
        *crc = mb_crc32(*crc, flash->unit, n);
        at += n;
        bytes -= n;
    }
    return MB_OK;
}

int mb_flash_put(mb_flash *flash, size_t at, size_t bytes) {
    for (; flash->erased_to < at + bytes; flash->erased_to += flash->page_bytes) {
        if (flash->erase(flash->context, flash->erased_to) != 0) {
            return MB_ERR_STORAGE;
        }
    }
    return flash->write(flash->context, at, flash->unit, bytes) == 0 ? MB_OK : MB_ERR_STORAGE;
}

int mb_flash_append(mb_flash *flash, const uint8_t *from, size_t bytes) {
    size_t unit = flash->write_bytes, at = flash->coming_at + seal_bytes(flash);
    flash->crc = mb_crc32(flash->crc, from, bytes);
    while (bytes > 0) {
        size_t start = flash->n_stored % unit;
        size_t n = bytes < unit - start ? bytes : unit - start;
        mb_copy(flash->unit + start, from, n);
        from += n;
        bytes -= n;
        flash->n_stored += n;
        if (start + n == unit && mb_flash_put(flash, at + flash->n_stored - unit, unit) != MB_OK) {
            return MB_ERR_STORAGE;
        }
    }
    return MB_OK;
}

int mb_flash_finish(mb_flash *flash) {
    size_t waiting = flash->n_stored % flash->write_bytes;
    if (waiting == 0) {
        return MB_OK;
    }
    for (size_t i = waiting; i < flash->write_bytes; i++) {
        flash->unit[i] = ERASED;
    }
    size_t at = flash->coming_at + seal_bytes(flash) + flash->n_stored - waiting;
    return mb_flash_put(flash, at, flash->write_bytes);
}
