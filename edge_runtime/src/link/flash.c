/* flash.c: a record in flash. Slots take turns, and the seal that makes a record count is written
 * last. */
#include "metabit_flash.h"

#include "flash_changes.h"
#include "flash_entry.h"
#include "flash_slots.h"

static uint32_t next_slot(const mb_flash *flash) { return (flash->slot + 1u) % flash->n_slots; }

int mb_flash_keep_start(void *context, size_t bytes) {
    mb_flash *flash = (mb_flash *)context;
    bool is_change;
    flash->coming_bytes = 0;
    mb_flash_drop_log(flash);
    if (bytes == 0 || bytes > slot_bytes(flash) - seal_bytes(flash)) {
        return MB_ERR_STORAGE;
    }
    bool is_first = flash->slot == flash->n_slots;
    size_t left = is_first ? 0 : slot_end(flash, flash->slot) - flash->free_at;
    /* Changes only grow. Where they have become half of the record, a whole one costs less soon. */
    is_change = bytes == flash->record_bytes && flash->changes_bytes <= bytes / 2u &&
                entry_bytes(flash, mb_flash_most_changes(bytes)) <= left;
    flash->kind = is_change ? CHANGE_MAGIC : WHOLE_MAGIC;
    if (entry_bytes(flash, bytes) <= left) {
        flash->coming_at = flash->free_at;
    } else {
        flash->coming_at = flash->erased_to = next_slot(flash) * slot_bytes(flash);
    }
    flash->free_at += left; /* an entry that is not sealed leaves a slot that nothing is added to */
    flash->coming_bytes = bytes;
    flash->n_written = flash->n_stored = 0;
    flash->n_skipped = 0;
    flash->crc = 0;
    return MB_OK;
}

int mb_flash_keep_write(void *context, size_t offset, const void *data, size_t bytes) {
    mb_flash *flash = (mb_flash *)context;
    if (offset != flash->n_written || bytes > flash->coming_bytes - offset) {
        return MB_ERR_STORAGE;
    }
    if (flash->kind == CHANGE_MAGIC) {
        return mb_flash_put_changes(flash, (const uint8_t *)data, bytes);
    }
    flash->n_written += bytes;
    return mb_flash_append(flash, (const uint8_t *)data, bytes);
}

/* The record that was sealed is the newest. */
static void take_record(mb_flash *flash) {
    size_t at = flash->coming_at + seal_bytes(flash);
    bool is_change = flash->kind == CHANGE_MAGIC;
    flash->slot = (uint32_t)(flash->coming_at / slot_bytes(flash));
    flash->record = flash->logged = flash->number;
    flash->record_bytes = flash->coming_bytes;
    flash->changes_at = at;
    flash->changes_bytes = is_change ? flash->n_stored : 0;
    if (!is_change) {
        flash->whole = flash->number;
        flash->whole_at = at;
    }
    flash->log_at = flash->free_at;
    flash->next_line = flash->next_change = 0;
    flash->coming_bytes = 0;
}

int mb_flash_keep_end(void *context) {
    mb_flash *flash = (mb_flash *)context;
    if (flash->coming_bytes == 0 || flash->n_written != flash->coming_bytes ||
        mb_flash_seal(flash) != MB_OK) {
        return MB_ERR_STORAGE;
    }
    take_record(flash);
    return MB_OK;
}

size_t mb_flash_kept_bytes(void *context) { return ((const mb_flash *)context)->record_bytes; }

int mb_flash_kept_read(void *context, size_t offset, void *data, size_t bytes) {
    mb_flash *flash = (mb_flash *)context;
    if (offset > flash->record_bytes || bytes > flash->record_bytes - offset ||
        flash->read(flash->context, flash->whole_at + offset, data, bytes) != 0) {
        return MB_ERR_STORAGE;
    }
    return mb_flash_apply_changes(flash, offset, (uint8_t *)data, bytes);
}
