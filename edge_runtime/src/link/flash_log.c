/* flash_log.c: bytes that are added to a record, commit by commit.
 *
 * Their entries are numbered without a gap, from the record on: where one has gone bad, the log
 * ends before it, and nothing is added any more. */
#include "metabit_flash.h"

#include "../file/envelope.h"
#include "flash_entry.h"
#include "flash_slots.h"
#include "protocol.h"

/* Begin an entry, unless one is being written. False where none can follow. */
static bool begin(mb_flash *flash) {
    if (flash->is_logging) {
        return true;
    }
    flash->coming_bytes = 0;
    if (flash->record == 0 || flash->number != flash->logged) {
        return false;
    }
    flash->kind = LOG_MAGIC;
    flash->coming_at = flash->free_at;
    flash->n_stored = 0;
    flash->crc = 0;
    flash->is_logging = 1;
    return true;
}

int mb_flash_log_write(mb_flash *flash, const void *data, size_t bytes) {
    if (!begin(flash)) {
        return MB_ERR_STORAGE;
    }
    size_t left = slot_end(flash, flash->slot) - flash->coming_at;
    if (bytes > left || entry_bytes(flash, flash->n_stored + bytes) > left ||
        mb_flash_append(flash, (const uint8_t *)data, bytes) != MB_OK) {
        mb_flash_drop_log(flash);
        return MB_ERR_STORAGE;
    }
    return MB_OK;
}

int mb_flash_log_end(mb_flash *flash) {
    if (!flash->is_logging || flash->n_stored == 0 || mb_flash_seal(flash) != MB_OK) {
        mb_flash_drop_log(flash);
        return MB_ERR_STORAGE;
    }
    flash->is_logging = 0;
    flash->logged = flash->number;
    return MB_OK;
}

int mb_flash_log_next(const mb_flash *flash, mb_flash_log *entry) {
    uint8_t seal[SEAL_BYTES];
    size_t end, at = entry->at + in_whole_writes(flash, entry->bytes);
    if (entry->number == 0) {
        entry->number = flash->record;
        at = flash->log_at;
    }
    if (flash->record == 0 || entry->number >= flash->logged) {
        return 0;
    }
    end = slot_end(flash, flash->slot);
    while (seal_bytes(flash) < end - at) {
        if (flash->read(flash->context, at, seal, SEAL_BYTES) != 0) {
            return MB_ERR_STORAGE;
        }
        size_t first = at + seal_bytes(flash);
        size_t bytes = mb_flash_sealed_bytes(flash, seal, first, end);
        if (bytes != 0 && u32(seal, SEAL_NUMBER) == entry->number + 1u) {
            entry->number++;
            entry->at = first;
            entry->bytes = bytes;
            return 1;
        }
        at = page_from(flash, at + 1u);
    }
    return MB_ERR_STORAGE; /* it was there when the program began */
}
