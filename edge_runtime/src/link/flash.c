/* flash.c: a record in flash. Slots take turns, and the seal that makes a record count is written
 * last. */
#include "metabit_flash.h"

#include "../file/envelope.h"
#include "protocol.h"

#define MAGIC 0x3166626du /* "mbf1" */
#define ERASED 0xFFu

static size_t slot_bytes(const mb_flash *flash) { return flash->bytes / flash->n_slots; }

static size_t seal_bytes(const mb_flash *flash) { return MB_FLASH_SEAL_BYTES(flash->write_bytes); }

/* Where the record of a slot begins in the area. */
static size_t record_at(const mb_flash *flash, uint32_t slot) {
    return slot * slot_bytes(flash) + seal_bytes(flash);
}

static uint32_t next_slot(const mb_flash *flash) { return (flash->slot + 1u) % flash->n_slots; }

static bool is_possible(const mb_flash *flash) {
    size_t unit = flash->write_bytes, page = flash->page_bytes;
    return flash->erase != NULL && flash->write != NULL && flash->read != NULL &&
           flash->n_slots >= 2 && unit != 0 && (unit & (unit - 1)) == 0 &&
           unit <= MB_FLASH_MOST_WRITE_BYTES && page != 0 && page % unit == 0 &&
           flash->bytes % flash->n_slots == 0 && slot_bytes(flash) % page == 0 &&
           slot_bytes(flash) > seal_bytes(flash);
}

/* The checksum of a record as it lies in flash; `unit` is the scratch. */
static int crc_of_record(mb_flash *flash, uint32_t slot, size_t bytes, uint32_t *crc) {
    *crc = 0;
    for (size_t at = 0; at < bytes;) {
        size_t n = bytes - at < sizeof flash->unit ? bytes - at : sizeof flash->unit;
        if (flash->read(flash->context, record_at(flash, slot) + at, flash->unit, n) != 0) {
            return MB_ERR_STORAGE;
        }
        *crc = mb_crc32(*crc, flash->unit, n);
        at += n;
    }
    return MB_OK;
}

/* Take a slot's record where it is whole and newer than what was found before. */
static int look_at(mb_flash *flash, uint32_t slot) {
    uint8_t seal[SEAL_BYTES];
    uint32_t crc;
    if (flash->read(flash->context, slot * slot_bytes(flash), seal, SEAL_BYTES) != 0) {
        return MB_ERR_STORAGE;
    }
    uint32_t number = u32(seal, SEAL_NUMBER), bytes = u32(seal, SEAL_RECORD_BYTES);
    if (u32(seal, SEAL_MAGIC) != MAGIC || mb_crc32(0, seal, SEAL_CRC) != u32(seal, SEAL_CRC) ||
        bytes == 0 || bytes > slot_bytes(flash) - seal_bytes(flash) || number <= flash->number) {
        return MB_OK;
    }
    int error = crc_of_record(flash, slot, bytes, &crc);
    if (error == MB_OK && crc == u32(seal, SEAL_RECORD_CRC)) {
        flash->slot = slot;
        flash->number = number;
        flash->record_bytes = bytes;
    }
    return error;
}

int mb_flash_start(mb_flash *flash) {
    if (flash == NULL || !is_possible(flash)) {
        return MB_ERR_INPUT;
    }
    flash->slot = flash->n_slots;
    flash->number = 0;
    flash->record_bytes = 0;
    flash->coming_bytes = 0;
    for (uint32_t slot = 0; slot < flash->n_slots; slot++) {
        int error = look_at(flash, slot);
        if (error != MB_OK) {
            return error;
        }
    }
    return MB_OK;
}

int mb_flash_keep_start(void *context, size_t bytes) {
    mb_flash *flash = (mb_flash *)context;
    size_t first = next_slot(flash) * slot_bytes(flash);
    flash->coming_bytes = 0;
    if (bytes == 0 || bytes > slot_bytes(flash) - seal_bytes(flash)) {
        return MB_ERR_STORAGE;
    }
    /* The page with the seal goes first: a slot that is half erased counts as empty. */
    for (size_t at = 0; at < seal_bytes(flash) + bytes; at += flash->page_bytes) {
        if (flash->erase(flash->context, first + at) != 0) {
            return MB_ERR_STORAGE;
        }
    }
    flash->coming_bytes = bytes;
    flash->n_written = 0;
    flash->crc = 0;
    return MB_OK;
}

int mb_flash_keep_write(void *context, size_t offset, const void *data, size_t bytes) {
    mb_flash *flash = (mb_flash *)context;
    const uint8_t *from = (const uint8_t *)data;
    size_t unit = flash->write_bytes, at = record_at(flash, next_slot(flash));
    if (offset != flash->n_written || bytes > flash->coming_bytes - offset) {
        return MB_ERR_STORAGE;
    }
    flash->crc = mb_crc32(flash->crc, data, bytes);
    while (bytes > 0) {
        size_t start = flash->n_written % unit;
        size_t n = bytes < unit - start ? bytes : unit - start;
        mb_copy(flash->unit + start, from, n);
        from += n;
        bytes -= n;
        flash->n_written += n;
        if (start + n == unit &&
            flash->write(flash->context, at + flash->n_written - unit, flash->unit, unit) != 0) {
            return MB_ERR_STORAGE;
        }
    }
    return MB_OK;
}

/* Write what waits for a whole write. */
static int finish(mb_flash *flash) {
    size_t waiting = flash->n_written % flash->write_bytes;
    if (waiting == 0) {
        return 0;
    }
    for (size_t i = waiting; i < flash->write_bytes; i++) {
        flash->unit[i] = ERASED;
    }
    size_t at = record_at(flash, next_slot(flash)) + flash->n_written - waiting;
    return flash->write(flash->context, at, flash->unit, flash->write_bytes);
}

/* Write the seal, and read it back. */
static int put_seal(mb_flash *flash) {
    uint8_t seal[SEAL_BYTES], back[SEAL_BYTES];
    uint32_t magic = MAGIC, number = flash->number + 1u, bytes = (uint32_t)flash->coming_bytes;
    size_t at = next_slot(flash) * slot_bytes(flash);
    mb_zero(seal, SEAL_BYTES);
    mb_copy(seal + SEAL_MAGIC, &magic, 4);
    mb_copy(seal + SEAL_NUMBER, &number, 4);
    mb_copy(seal + SEAL_RECORD_BYTES, &bytes, 4);
    mb_copy(seal + SEAL_RECORD_CRC, &flash->crc, 4);
    uint32_t crc = mb_crc32(0, seal, SEAL_CRC);
    mb_copy(seal + SEAL_CRC, &crc, 4);
    mb_copy(flash->unit, seal, SEAL_BYTES);
    for (size_t i = SEAL_BYTES; i < seal_bytes(flash); i++) {
        flash->unit[i] = ERASED;
    }
    if (flash->write(flash->context, at, flash->unit, seal_bytes(flash)) != 0 ||
        flash->read(flash->context, at, back, SEAL_BYTES) != 0) {
        return MB_ERR_STORAGE;
    }
    return mb_same(seal, back, SEAL_BYTES) ? MB_OK : MB_ERR_STORAGE;
}

int mb_flash_keep_end(void *context) {
    mb_flash *flash = (mb_flash *)context;
    uint32_t crc;
    if (flash->coming_bytes == 0 || flash->n_written != flash->coming_bytes || finish(flash) != 0 ||
        crc_of_record(flash, next_slot(flash), flash->coming_bytes, &crc) != MB_OK ||
        crc != flash->crc || put_seal(flash) != MB_OK) {
        return MB_ERR_STORAGE;
    }
    flash->slot = next_slot(flash);
    flash->number++;
    flash->record_bytes = flash->coming_bytes;
    flash->coming_bytes = 0;
    return MB_OK;
}

size_t mb_flash_kept_bytes(void *context) { return ((const mb_flash *)context)->record_bytes; }

int mb_flash_kept_read(void *context, size_t offset, void *data, size_t bytes) {
    const mb_flash *flash = (const mb_flash *)context;
    if (offset > flash->record_bytes || bytes > flash->record_bytes - offset) {
        return MB_ERR_STORAGE;
    }
    return flash->read(flash->context, record_at(flash, flash->slot) + offset, data, bytes);
}
