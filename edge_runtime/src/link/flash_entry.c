/* flash_entry.c: see flash_entry.h. */
#include "flash_entry.h"

#include "../file/envelope.h"
#include "flash_slots.h"
#include "protocol.h"

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

/* Write what waits for a whole write. */
static int finish(mb_flash *flash) {
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

/* Write the seal, and read it back. */
static int put_seal(mb_flash *flash) {
    uint8_t seal[SEAL_BYTES], back[SEAL_BYTES];
    uint32_t number = flash->number + 1u, bytes = (uint32_t)flash->n_stored;
    mb_zero(seal, SEAL_BYTES);
    mb_copy(seal + SEAL_MAGIC, &flash->kind, 4);
    mb_copy(seal + SEAL_NUMBER, &number, 4);
    mb_copy(seal + SEAL_ENTRY_BYTES, &bytes, 4);
    mb_copy(seal + SEAL_ENTRY_CRC, &flash->crc, 4);
    if (flash->kind != WHOLE_MAGIC) {
        mb_copy(seal + SEAL_OF, flash->kind == LOG_MAGIC ? &flash->record : &flash->whole, 4);
    }
    uint32_t crc = mb_crc32(0, seal, SEAL_CRC);
    mb_copy(seal + SEAL_CRC, &crc, 4);
    mb_copy(flash->unit, seal, SEAL_BYTES);
    for (size_t i = SEAL_BYTES; i < seal_bytes(flash); i++) {
        flash->unit[i] = ERASED;
    }
    if (mb_flash_put(flash, flash->coming_at, seal_bytes(flash)) != MB_OK ||
        flash->read(flash->context, flash->coming_at, back, SEAL_BYTES) != 0) {
        return MB_ERR_STORAGE;
    }
    return mb_same(seal, back, SEAL_BYTES) ? MB_OK : MB_ERR_STORAGE;
}

int mb_flash_seal(mb_flash *flash) {
    uint32_t crc;
    if (finish(flash) != MB_OK ||
        mb_flash_crc(flash, flash->coming_at + seal_bytes(flash), flash->n_stored, &crc) != MB_OK ||
        crc != flash->crc || put_seal(flash) != MB_OK) {
        return MB_ERR_STORAGE;
    }
    flash->number++;
    flash->free_at = flash->coming_at + entry_bytes(flash, flash->n_stored);
    return MB_OK;
}

void mb_flash_drop_log(mb_flash *flash) {
    if (flash->is_logging && flash->n_stored > 0) {
        flash->free_at = flash->erased_to; /* this page has been written to */
    }
    flash->is_logging = 0;
}

size_t mb_flash_sealed_bytes(const mb_flash *flash, const uint8_t *seal, size_t at, size_t end) {
    uint32_t magic = u32(seal, SEAL_MAGIC);
    size_t bytes = u32(seal, SEAL_ENTRY_BYTES);
    bool whole = (magic == WHOLE_MAGIC || magic == CHANGE_MAGIC || magic == LOG_MAGIC) &&
                 mb_crc32(0, seal, SEAL_CRC) == u32(seal, SEAL_CRC);
    return whole && bytes <= end && in_whole_writes(flash, bytes) <= end - at ? bytes : 0;
}
